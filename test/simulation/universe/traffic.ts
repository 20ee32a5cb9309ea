import { rollovers } from '../../../src/events/event-batch.ts';
import { fnv1a, partitionOfKey } from '../../../src/model/hash.ts';
import { dayMs, hourMs, minuteMs } from '../../../src/model/time.ts';
import type { PlanSigner } from '../../../src/plans/plan-signer.ts';
import { canonicalJson } from '../../../src/rules/compile-plan.ts';
import type { Plan } from '../../../src/rules/plan.ts';
import { curveName } from '../../operators/drawn-curves.ts';
import { drawnGoalFields } from '../../operators/drawn-goals.ts';
import { drawPlan as drawEverything } from '../../operators/random-plan.ts';
import { hoursOf, testPlan } from '../../operators/random-world.ts';
import type { Random } from '../random.ts';
import { planValue, ringValue, signedValue, signers } from './plan-keys.ts';

/** A record on its way into the log; the log stamps it when it arrives. */
export interface Sent {
  readonly atMs: number;
  readonly partition: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Log time runs this much faster than the machines, so that seconds of a universe hold hours of a campaign. */
export const dilation = 480;

/** Schema id of the Avro values that no schema was ever registered for. */
export const unknownSchemaId = 0x7f01;

const organizations = ['acme', 'zeta', 'orbit', 'north', 'delta', 'vega'];
const zones = ['America/New_York', 'Asia/Kolkata', 'Europe/London', 'Pacific/Chatham'];
/** Some begin shortly before a local midnight or a change of the clocks. */
const beginnings = [
  Date.UTC(2026, 2, 7, 20),
  Date.UTC(2026, 2, 8, 4, 30),
  Date.UTC(2026, 2, 8, 6, 10),
  Date.UTC(2026, 2, 29, 0, 15),
  Date.UTC(2026, 5, 14, 23, 20),
];

export interface TrafficOptions {
  readonly partitions: number;
  readonly forMs: number;
  readonly records: number;
  /** Draws rules and settings of plans alone, so that they change no other draw; null = plans stay plain. */
  readonly plans: Random | null;
  /** Draws what platforms are in the habit of, likewise. */
  readonly habits: Random;
  /** Plans carry signatures, and who may sign changes on the way. */
  readonly isSigned: boolean;
}

/** All that producers and planners send in one universe, in order of time, with all their mistakes. */
export class Traffic {
  /** Log time at the start of the universe. */
  readonly beginsAt: number;
  readonly #random: Random;
  readonly #options: TrafficOptions;
  readonly #sent: Sent[] = [];
  readonly #orgs: readonly string[];
  readonly #planNumbers = new Map<string, number>();
  #ledger = 1;
  #ids = 1;

  constructor(random: Random, options: TrafficOptions) {
    this.#random = random;
    this.#options = options;
    this.beginsAt = random.pick(beginnings);
    this.#orgs = organizations.slice(0, Math.max(options.partitions + 1, random.between(2, 4)));
  }

  draw(): Sent[] {
    const random = this.#random;
    const { forMs, records, partitions } = this.#options;
    for (let partition = 0; partition < partitions; partition++) {
      if (this.#options.isSigned) this.#keyRings(partition);
      this.#plan('_default', 0, partition);
    }
    for (const org of this.#orgs.slice(0, 2)) for (const campaign of ['c0', 'c1']) this.#open(org, campaign, 0);
    while (this.#sent.length < records) {
      const atMs = Math.floor(random.next() * forMs);
      const burst = random.chance(0.02) ? random.between(10, 30) : 1;
      for (let i = 0; i < burst; i++) this.#one(atMs);
    }
    const { habits } = this.#options;
    if (habits.chance(0.4)) for (let n = habits.between(8, 30); n > 0; n--) this.#habit(habits, forMs);
    if (habits.chance(0.25)) this.#deafPlatform(habits, forMs);
    return this.#sent.sort((a, b) => a.atMs - b.atMs);
  }

  #one(atMs: number): void {
    const random = this.#random;
    const org = random.chance(0.7) ? random.pick(this.#orgs.slice(0, 2)) : random.pick(this.#orgs);
    const campaign = `c${random.between(0, 2)}`;
    const dice = random.next();
    if (dice < 0.62) this.#deliver(org, campaign, atMs);
    else if (dice < 0.78) this.#money(org, campaign, atMs);
    else if (dice < 0.83)
      this.#send(org, atMs, 'source_heartbeat', {
        source: 'dsp',
        event_time: this.#at(atMs),
        complete_through: this.#at(atMs) - random.between(0, 60) * minuteMs,
      });
    else if (dice < 0.87) this.#control(org, campaign, atMs);
    else if (dice < 0.9)
      this.#plan(random.chance(0.5) ? '_default' : org, atMs, random.between(0, this.#options.partitions - 1));
    else this.#mistake(org, campaign, atMs);
  }

  #deliver(org: string, campaign: string, atMs: number): void {
    const random = this.#random;
    const late = random.chance(0.02) ? 80 * hourMs : 0;
    const at = this.#at(atMs) - late - random.between(0, random.chance(0.1) ? 5 * hourMs : minuteMs);
    const kind = random.pick([
      'impression',
      'impression',
      'impression',
      'impression',
      'click',
      'video_progress',
      'auction_stats',
    ]);
    const event = { campaign_id: campaign, source: 'adserver', event_time: at };
    if (kind === 'impression') {
      const facts = {
        cpm_micros: 1_234_567 * random.between(1, 900),
        batch_count: random.between(1, 3),
        viewable: random.chance(0.5),
        measurable: true,
        test: random.chance(0.02),
      };
      this.#send(org, atMs, kind, { ...event, ...facts, currency: random.chance(0.01) ? 'EUR' : 'USD' });
    } else if (kind === 'click')
      this.#send(org, atMs, kind, { ...event, currency: 'USD', cost_micros: random.between(0, 900_000) });
    else if (kind === 'video_progress')
      this.#send(org, atMs, kind, { ...event, event: random.pick(['START', 'MIDPOINT', 'COMPLETE']) });
    else
      this.#send(org, atMs, kind, {
        ...event,
        minute: Math.floor(at / minuteMs) * minuteMs,
        requests: 100,
        bids: 40,
        wins: random.between(0, 20),
      });
  }

  #money(org: string, campaign: string, atMs: number): void {
    const random = this.#random;
    const at = this.#at(atMs) - random.between(0, 3 * hourMs);
    const event = { campaign_id: campaign, source: 'dsp', event_time: at, currency: 'USD' };
    const dice = random.next();
    if (dice < 0.5) {
      this.#send(org, atMs, 'spend', {
        ...event,
        amount_micros: random.between(0, 9) * 1e6,
        period_start: at - hourMs,
        period_end: at,
        cumulative: random.chance(0.3),
      });
    } else if (dice < 0.7) {
      const touched = random.chance(0.3) ? {} : { touch_time: at - random.between(0, 90) * hourMs };
      this.#send(org, atMs, 'conversion', {
        ...event,
        conversion_time: at,
        ...touched,
        ...conversionKind(at),
        weight: 1.5,
        revenue_micros: 9e6,
        reversal: random.chance(0.1),
      });
    } else if (dice < 0.85)
      this.#send(org, atMs, 'spend_adjustment', {
        ...event,
        delta_micros: -random.between(0, 3) * 1e6,
        applies_to: Math.floor(at / dayMs),
      });
    else
      this.#send(org, atMs, 'metric_correction', {
        ...event,
        applies_to: Math.floor(at / dayMs) - random.between(0, 2),
        deltas: { impressions: random.between(-3, 3), [random.chance(0.1) ? 'happiness' : 'clicks']: 1 },
      });
  }

  #control(org: string, campaign: string, atMs: number): void {
    const random = this.#random;
    const dice = random.next();
    if (dice < 0.5) this.#open(org, campaign, atMs);
    else
      this.#send(org, atMs, 'status_changed', {
        campaign_id: campaign,
        source: 'console',
        event_time: this.#at(atMs),
        status: random.pick(['PAUSED', 'ACTIVE']),
        cause: random.pick(['ADVERTISER', 'POLICY']),
        effective_at: this.#at(atMs),
      });
  }

  /** A flight and its budget. */
  #open(org: string, campaign: string, atMs: number): void {
    const random = this.#random;
    const at = this.#at(atMs);
    const today = Math.floor(at / dayMs);
    const about = {
      campaign_id: campaign,
      flight_id: 'f1',
      source: 'console',
      event_time: at,
      effective_at: at - random.between(0, 2 * hourMs),
    };
    const end_local = today + random.between(0, 2);
    const tz = random.pick(zones);
    this.#send(org, atMs, 'flight_changed', {
      ...about,
      start_local: today - 1,
      end_local,
      ...hoursOf(tz, today - 1, end_local, this.#ledger),
      tz,
      ...this.#paced(random.pick(['EVEN', 'TRAFFIC', 'ASAP', 'AHEAD', 'FRONT_LOADED']), today - 1, end_local),
      rebase: random.pick(['ON_PLAN', 'ON_ACTUAL', 'NONE']),
      ledger_version: this.#ledger++,
    });
    const budget_micros = random.between(20, 320) * 1e6;
    this.#send(org, atMs, 'budget_changed', {
      ...about,
      budget_micros,
      daily_cap_micros: random.chance(0.3) ? random.between(1, 90) * 1e6 : null,
      ...drawnGoalFields(fnv1a(`${org}/${campaign}`), this.#ledger, budget_micros),
      currency: 'USD',
      ledger_version: this.#ledger++,
    });
    // Flights before and behind it, of two campaigns of three, from or to which goes what is left unspent.
    const neighbours = this.#options.plans === null ? 3 : fnv1a(`${campaign}/${org}`) % 3;
    if (neighbours < 2) this.#neighbour(org, atMs, { ...about, flight_id: 'f0' }, today - 4, today - 2);
    if (neighbours < 1) this.#neighbour(org, atMs, { ...about, flight_id: 'f2' }, today + 4, today + 6);
  }

  #neighbour(org: string, atMs: number, about: object, start_local: number, end_local: number): void {
    const [rollover, tz] = [rollovers[this.#ledger % 3], zones[this.#ledger % zones.length]];
    const dates = { start_local, end_local, tz, rollover };
    this.#send(org, atMs, 'flight_changed', { ...about, ...dates, mode: 'EVEN', ledger_version: this.#ledger++ });
    const { campaign_id: campaign } = about as { campaign_id: string };
    const budget_micros = (20 + (this.#ledger % 90)) * 1e6;
    const goal = drawnGoalFields(fnv1a(`${org}/${campaign}`), this.#ledger, budget_micros);
    const money = { budget_micros, currency: 'USD', ...goal };
    this.#send(org, atMs, 'budget_changed', { ...about, ...money, ledger_version: this.#ledger++ });
  }

  /** Half of the flights that follow traffic have serving hours, where plans are drawn: the others stay what they were. */
  #paced(drawn: string, first: number, last: number): { readonly mode: string; readonly curve_id?: string } {
    const isOdd = this.#options.plans !== null && this.#ledger % 2 === 1;
    if (isOdd && drawn === 'TRAFFIC') return { mode: 'DAYPARTED' };
    // Not of the first flights: a plan without their curve would leave a campaign without any.
    if (!isOdd || drawn !== 'FRONT_LOADED' || this.#ledger < 10) return { mode: drawn };
    return { mode: 'CUSTOM', ...(this.#ledger % 4 === 1 ? { curve_id: curveName(first, last) } : {}) };
  }

  #plan(org: string, atMs: number, partition: number): void {
    const random = this.#random;
    const name = `${org} ${org === '_default' ? partition : ''}`;
    // Two planners that do not know of each other may give the same number twice.
    const number = (this.#planNumbers.get(name) ?? 0) + (random.chance(0.15) ? 0 : 1);
    this.#planNumbers.set(name, number);
    const body = canonicalJson(
      drawPlan(random, this.#options.plans, org, { number: Math.max(1, number), atMs: this.beginsAt + atMs }),
    );
    const isDefault = org === '_default';
    const lane = isDefault ? partition : this.#home(org);
    const plan = { orgId: org, number: Math.max(1, number), body, partition: lane };
    const { forMs, isSigned } = this.#options;
    const value = isSigned ? signedValue(plan, signerAt(atMs / forMs)) : planValue(plan, '');
    this.#sent.push({ atMs, partition: lane, key: isDefault ? null : Buffer.from(org), value });
  }

  /** Who may sign: the root, then another beside it, then that one alone. */
  #keyRings(partition: number): void {
    const { root, next } = signers;
    const rings = [
      ringValue(partition, 1, [root], root),
      ringValue(partition, 2, [root, next], root),
      ringValue(partition, 3, [next], next),
    ];
    for (const [at, value] of rings.entries())
      this.#sent.push({ atMs: Math.floor(ringsAt[at] * this.#options.forMs), partition, key: null, value });
  }

  /** Totals of days that grow and are told anew, phones that are ahead, conversions of last month. */
  #habit(random: Random, forMs: number): void {
    const atMs = Math.floor(random.next() * forMs);
    const at = this.#at(atMs);
    const org = random.pick(this.#orgs.slice(0, 2));
    const event = { campaign_id: random.pick(['c0', 'c1', 'c1', 'c2']), event_time: at, currency: 'USD' };
    const day = Math.floor(at / dayMs) - (random.chance(0.4) ? random.between(1, 3) : 0);
    const period = random.chance(0.7)
      ? { period_start: day * dayMs, period_end: (day + 1) * dayMs }
      : { period_start: Math.floor(at / hourMs) * hourMs, period_end: (Math.floor(at / hourMs) + 1) * hourMs };
    const dice = random.next();
    if (dice < 0.45)
      this.#send(org, atMs, 'performance_report', {
        ...event,
        ...period,
        source: random.pick(['dsp', 'dsp', 'adserver']),
        as_of: random.chance(0.8) ? at : null,
        source_seq: random.chance(0.8) ? Math.floor(at / minuteMs) : null,
        spend_micros: random.chance(0.8) ? random.between(0, 60) * 1e6 + random.between(0, 999) : null,
        counts: { impressions: random.between(0, 9_000), clicks: random.between(0, 40) },
        ...(random.chance(0.3) ? typedConversions(random.between(0, 9) / 4) : {}),
      });
    else if (dice < 0.6)
      this.#send(org, atMs, 'spend', {
        ...event,
        ...period,
        source: 'dsp',
        amount_micros: random.between(0, 30) * 1e6,
        cumulative: true,
        as_of: at,
      });
    else if (dice < 0.8)
      this.#send(org, atMs, 'impression', {
        ...event,
        source: 'adserver',
        event_time: at + random.between(0, 90) * minuteMs,
        cpm_micros: 1e6 * random.between(1, 900),
      });
    else {
      const happened = at - random.between(0, 90) * dayMs;
      const touch_time = happened - random.between(0, 30) * dayMs;
      this.#send(org, atMs, 'conversion', {
        ...event,
        currency: random.pick(['USD', 'EUR']),
        source: 'pixel',
        conversion_time: happened,
        touch_time,
        ...conversionKind(happened),
        revenue_micros: 5e6,
      });
    }
  }

  /** A campaign of its own whose platform hears neither of its end nor of a pause: it spends on, by impressions and by reports. */
  #deafPlatform(random: Random, forMs: number): void {
    const org = random.pick(this.#orgs.slice(0, 2));
    const campaign_id = 'deaf';
    const [begin, end] = [this.#at(0), this.#at(forMs)];
    const end_at = Math.ceil((begin + random.between(1, 9) * ((end - begin) / 10)) / (15 * minuteMs)) * 15 * minuteMs;
    const about = { campaign_id, flight_id: 'f1', source: 'console', event_time: begin, effective_at: begin };
    const end_local = Math.floor((end_at - 1) / dayMs);
    this.#send(org, 0, 'flight_changed', {
      ...{ ...about, start_local: Math.floor(begin / dayMs) - 1, end_local, end_at, tz: 'UTC', mode: 'EVEN' },
      ...{ rebase: 'ON_PLAN', ledger_version: this.#ledger++ },
    });
    const money = { budget_micros: 90e6, daily_cap_micros: null, currency: 'USD', ledger_version: this.#ledger++ };
    this.#send(org, 0, 'budget_changed', { ...about, ...money });
    const pausedMs = Math.floor(random.next() * forMs);
    for (const [status, atMs] of [['PAUSED', pausedMs] as const, ['ACTIVE', (pausedMs + forMs) / 2] as const]) {
      const at = this.#at(atMs);
      const said = { source: 'console', event_time: at, status, cause: 'ADVERTISER', effective_at: at };
      this.#send(org, Math.floor(atMs), 'status_changed', { campaign_id, ...said });
    }
    for (let n = random.between(6, 16); n > 0; n--) {
      const atMs = Math.floor(random.next() * forMs);
      const at = this.#at(atMs);
      const event = { campaign_id, event_time: at, currency: 'USD' };
      const day = Math.floor(at / dayMs) - random.between(0, 4);
      const period = {
        period_start: day * dayMs,
        period_end: (day + 1) * dayMs,
        source_seq: Math.floor(at / minuteMs),
      };
      if (random.chance(0.6))
        this.#send(org, atMs, 'impression', { ...event, source: 'adserver', cpm_micros: 1e6 * random.between(1, 900) });
      else
        this.#send(org, atMs, 'performance_report', {
          ...{ ...event, ...period, source: 'dsp', as_of: at, counts: {} },
          spend_micros: random.between(0, 40) * 1e6,
        });
    }
  }

  /** What careless producers send. */
  #mistake(org: string, campaign: string, atMs: number): void {
    const random = this.#random;
    const { partitions } = this.#options;
    const last = this.#sent.at(-1);
    const kind = random.pick(['again', 'again', 'again', 'future', 'elsewhere', 'key', 'garbage', 'empty', 'schema']);
    const key = Buffer.from(org);
    const partition = this.#home(org);
    if (kind === 'again' && last !== undefined) {
      const old = random.pick(this.#sent);
      this.#sent.push({ ...(random.chance(0.7) ? last : old), atMs: Math.min(this.#options.forMs, atMs) });
    } else if (kind === 'future')
      this.#send(org, atMs, 'impression', {
        campaign_id: campaign,
        source: 'adserver',
        event_time: this.#at(atMs) + random.between(1, 400) * minuteMs,
        currency: 'USD',
        cpm_micros: 1e6,
      });
    else if (kind === 'elsewhere')
      this.#deliverTo((partition + random.between(0, partitions - 1)) % partitions, org, campaign, atMs);
    else if (kind === 'key')
      this.#sent.push({
        atMs,
        partition,
        key: Buffer.from('somebody'),
        value: this.#event(org, 'click', {
          campaign_id: campaign,
          source: 'x',
          event_time: this.#at(atMs),
          currency: 'USD',
        }),
      });
    else if (kind === 'garbage')
      this.#sent.push({
        atMs,
        partition,
        key,
        value: random.pick([Buffer.from('{"type":'), Buffer.from('garbage'), Buffer.from([0, 1]), Buffer.from('[]')]),
      });
    else if (kind === 'empty')
      this.#sent.push({ atMs, partition, key, value: random.chance(0.5) ? null : new Uint8Array(0) });
    else this.#sent.push({ atMs, partition, key, value: Buffer.from([0, 0, 0, 0x7f, 1, 2, 3]) });
  }

  #deliverTo(partition: number, org: string, campaign: string, atMs: number): void {
    const value = this.#event(org, 'impression', {
      campaign_id: campaign,
      source: 'adserver',
      event_time: this.#at(atMs),
      currency: 'USD',
      cpm_micros: 5e8,
    });
    this.#sent.push({ atMs, partition, key: Buffer.from(org), value });
  }

  #send(org: string, atMs: number, type: string, fields: Readonly<Record<string, unknown>>): void {
    this.#sent.push({ atMs, partition: this.#home(org), key: Buffer.from(org), value: this.#event(org, type, fields) });
  }

  #event(org: string, type: string, fields: Readonly<Record<string, unknown>>): Uint8Array {
    return encode({ type, org_id: org, event_id: (this.#ids++).toString(16).padStart(32, '0'), ...fields });
  }

  #home(org: string): number {
    const key = Buffer.from(org);
    return partitionOfKey(key, 0, key.length, this.#options.partitions);
  }

  /** Log time at a moment of the universe. */
  #at(atMs: number): number {
    return Math.floor(this.beginsAt + atMs * dilation);
  }
}

/** When each key ring comes, as a part of the universe. */
const ringsAt = [0, 0.4, 0.8] as const;

/** Who signs plans then. */
export function signerAt(part: number): PlanSigner {
  return part < 0.6 ? signers.root : signers.next;
}

/** Short, so that a universe lasts longer: the log is trimmed behind it. */
export const duplicateWindowMs = 15 * minuteMs;

/** Plans differ in cadence, thresholds, rules and zone, so that one taken too early or too late shows; some in all else. */
function drawPlan(
  random: Random,
  plans: Random | null,
  org: string,
  { number, atMs }: { number: number; atMs: number },
): Plan {
  const simple = testPlan(random.between(1, 4), org);
  const [behind, fresh] = simple.rules;
  const plan: Plan = {
    ...simple,
    number,
    defaults: {
      ...simple.defaults,
      zone: random.pick(['UTC', 'UTC', 'Asia/Kolkata']),
      evaluate_every_ms: random.pick([4, 5, 10]) * minuteMs,
    },
    rules: random.chance(0.8) ? [behind, fresh] : [behind],
  };
  const drawn = plans?.chance(0.4)
    ? drawEverything(plan, () => plans.next(), plans.between(1, 4), Math.floor(atMs / dayMs))
    : plan;
  return { ...drawn, defaults: { ...drawn.defaults, duplicate_window_ms: duplicateWindowMs } };
}

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

/** Of which type a conversion is, and what brought it about: more types than a campaign tells apart, and now and then none. */
function conversionKind(at: number) {
  const minute = Math.floor(at / minuteMs);
  if (minute % 5 === 0) return {};
  const attribution = (['NONE', 'CLICK', 'VIEW'] as const)[minute % 3];
  return { conversion_type: minute % 7 === 0 ? 'other' : `type ${minute % 41}`, attribution };
}

/** Some of the conversions of a report, by what they are. */
function typedConversions(all: number): object {
  const clicks = Math.floor(all) * 1_000_000;
  const of = { 'purchase/CLICK': clicks, '/VIEW': all * 1_000_000 - clicks };
  if (all > 2) return { conversions_by_touch_of: of };
  return {
    conversions_by_touch: all + 0.5,
    conversions_by_touch_of: of,
    conversions_by_conversion_of: { 'a/b/NONE': clicks },
  };
}
