import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventsTopic } from '../src/model/ids.ts';
import { type Clock, dayMs, hourMs, minuteMs } from '../src/model/time.ts';
import { canonicalJson } from '../src/rules/compile-plan.ts';
import type { Plan, RulePlan } from '../src/rules/plan.ts';
import { zipfShares } from '../src/simulator/make-world.ts';
import { planRecords } from '../src/simulator/opening.ts';
import { type EventEncoder, RecordProducer } from '../src/simulator/produce-records.ts';
import type { EventType, EventValue } from '../src/simulator/produced-record.ts';
import { Random } from '../src/simulator/random.ts';
import { trafficProfile } from '../src/simulator/traffic-shape.ts';
import { openRecordedLog } from '../src/sources/recorded/recorded-log.ts';

/** Change when the generator changes: older caches are then not used. */
const generator = 1;

export interface BenchLogOptions {
  /** Delivery, conversion and money records together. */
  readonly events: number;
  readonly partitions: number;
  readonly campaigns: number;
  readonly organizations: number;
  /** Log time that the events span. */
  readonly minutes: number;
  readonly seed: number;
  /** Log time of the first record; absent = a fixed day, so that a log is the same whenever it is made. */
  readonly startMs?: number;
  /** How long ids of delivery are remembered, in every plan; absent = as the engine has it. */
  readonly duplicateWindowMs?: number;
}

export const usualBenchLog: BenchLogOptions = {
  events: 5_000_000,
  partitions: 8,
  campaigns: 20_000,
  organizations: 1_000,
  minutes: 35,
  seed: 1,
};

export interface BenchLog {
  /** Directory of the log; its topic is `eventsTopic`. */
  readonly dir: string;
  /** All records: events, plans, control, heartbeats, ticks. */
  readonly records: number;
  readonly events: number;
  readonly byType: Readonly<Record<string, number>>;
  readonly isFromCache: boolean;
}

/** 80/12/3/5 % impressions, clicks, conversions, spend. */
const shares = { impression: 0.8, click: 0.12, conversion: 0.03 } as const;
const usualStartMs = Date.UTC(2026, 2, 10, 12);
const openingDays = 5;
const flightDays = 15;
const duplicateShare = 0.0037;
const flushedBytes = 32 * 1024 * 1024;
const currencies = ['USD', 'EUR', 'GBP', 'JPY'];
const zones = ['UTC', 'America/New_York', 'Europe/London', 'Asia/Kolkata'];

/** The recorded log of the benchmark, made once per parameters and rules, then read from `cacheDir`. */
export async function benchLog(
  options: BenchLogOptions,
  rules: readonly RulePlan[],
  tools: { readonly encoder: EventEncoder; readonly clock: Clock; readonly cacheDir: string },
): Promise<BenchLog> {
  const identity = canonicalJson({ ...options, rules, generator });
  const name = `log-${createHash('sha256').update(identity).digest('hex').slice(0, 16)}`;
  const place = join(tools.cacheDir, name);
  const note = join(place, 'made.json');
  if (existsSync(note))
    return { ...(JSON.parse(readFileSync(note, 'utf8')) as BenchLog), dir: place, isFromCache: true };
  mkdirSync(tools.cacheDir, { recursive: true });
  const unfinished = `${place}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  rmSync(place, { recursive: true, force: true });
  const log = await openRecordedLog({
    dir: unfinished,
    topic: eventsTopic,
    partitions: options.partitions,
    mode: 'replayed',
    encoding: 'binary',
    clock: tools.clock,
  });
  const maker = new LogMaker(options, new RecordProducer(log, tools.encoder));
  try {
    await maker.run(rules, () => (log.bufferedBytes > flushedBytes ? log.flush() : undefined));
    await log.flush();
  } finally {
    await log.close();
  }
  const made = { events: options.events, records: maker.records, byType: maker.byType };
  writeFileSync(join(unfinished, 'made.json'), JSON.stringify(made));
  renameSync(unfinished, place);
  return { ...made, dir: place, isFromCache: false };
}

interface BenchOrganization {
  readonly org_id: string;
  readonly zone: string;
  readonly currency: string;
  /** Every second one: spend comes from a feed, not from impressions. */
  readonly isFeed: boolean;
  readonly campaigns: readonly BenchCampaign[];
}

interface BenchCampaign {
  readonly campaign_id: string;
  readonly cpm_micros: number;
  readonly dailyMicros: number;
}

/** Makes the records of the benchmark and gives them to a producer. */
export class LogMaker {
  readonly byType: Record<string, number> = {};
  readonly #options: BenchLogOptions;
  readonly #producer: RecordProducer;
  readonly #random: Random;
  readonly #organizations: readonly BenchOrganization[];
  /** Sums of the Zipf shares up to each organization. */
  readonly #cumulated: Float64Array;
  #recent: { type: EventType; key: string; value: EventValue } | null = null;

  constructor(options: BenchLogOptions, producer: RecordProducer) {
    this.#options = options;
    this.#producer = producer;
    this.#random = new Random(options.seed, 'bench');
    this.#organizations = makeOrganizations(options, this.#random);
    let sum = 0;
    this.#cumulated = Float64Array.from(zipfShares(options.organizations, 1), (share) => {
      sum += share;
      return sum;
    });
  }

  get records(): number {
    return this.#producer.produced;
  }

  /** `relieve` is called after every 1,024 events with the log time reached. */
  async run(rules: readonly RulePlan[], relieve: (atMs: number) => Promise<void> | undefined): Promise<void> {
    const { startMs = usualStartMs } = this.#options;
    const plans = this.#organizations.map((organization) => planOf(organization, rules, this.#options));
    for (const record of planRecords(plans, startMs, this.#options.partitions)) this.#producer.add(record);
    let opening = 0;
    for (const organization of this.#organizations) {
      for (const campaign of organization.campaigns) opening += this.#open(organization, campaign);
      await relieve(startMs);
    }
    const left = Math.max(0, this.#options.events - opening);
    const spends = Math.max(0, this.#options.events * 0.05 - opening);
    const spendShare = left === 0 ? 0 : spends / left;
    const spanMs = this.#options.minutes * minuteMs;
    let minute = -1;
    for (let i = 0; i < left; i++) {
      const at = startMs + Math.floor((i / left) * spanMs);
      if (Math.floor((at - startMs) / minuteMs) !== minute) {
        minute += 1;
        this.#turnMinute(startMs + minute * minuteMs);
      }
      this.#event(at, spendShare);
      if (i % 1_024 === 0) await relieve(at);
    }
    this.#turnMinute(startMs + spanMs);
  }

  /** Flight, budget and five days of spend; returns how many of these are events. */
  #open(organization: BenchOrganization, campaign: BenchCampaign): number {
    const { startMs = usualStartMs } = this.#options;
    const { campaign_id, dailyMicros } = campaign;
    const day = Math.floor(startMs / dayMs);
    const effective_at = (day - openingDays - 1) * dayMs;
    const base = { campaign_id, event_time: effective_at, source: 'console', flight_id: `${campaign_id}-f1` };
    this.#add('flight_changed', organization, startMs, {
      ...base,
      start_local: day - openingDays,
      end_local: day - openingDays + flightDays - 1,
      tz: organization.zone,
      mode: this.#random.chance(0.5) ? 'EVEN' : 'TRAFFIC',
      curve_id: null,
      rebase: 'ON_PLAN',
      effective_at,
      ledger_version: 1,
    });
    const budget = { budget_micros: dailyMicros * flightDays, daily_cap_micros: dailyMicros * 2, actor: 'bench' };
    const { currency } = organization;
    this.#add('budget_changed', organization, startMs, {
      ...base,
      ...budget,
      currency,
      effective_at,
      ledger_version: 1,
    });
    for (let ago = openingDays; ago > 0; ago--) {
      const amount = Math.round(dailyMicros * this.#random.between(0.85, 1.15));
      this.#openingDay(organization, campaign, day - ago + 1, amount);
    }
    return openingDays;
  }

  #openingDay(organization: BenchOrganization, { campaign_id }: BenchCampaign, day: number, amount: number): void {
    const { startMs = usualStartMs } = this.#options;
    const { currency } = organization;
    const at = day * dayMs;
    const base = { campaign_id, event_time: at, currency };
    if (organization.isFeed) {
      const period = { period_start: at, period_end: at + dayMs, cumulative: false };
      this.#add('spend', organization, startMs, {
        ...base,
        ...period,
        source: 'feed',
        basis: 'MEDIA',
        amount_micros: amount,
      });
      return;
    }
    const adjustment = { source: 'finance', delta_micros: amount, reason: 'CORRECTION', applies_to: day };
    this.#add('spend_adjustment', organization, startMs, { ...base, ...adjustment });
  }

  #turnMinute(at: number): void {
    for (let partition = 0; partition < this.#options.partitions; partition++) {
      this.#producer.add({ type: 'tick', key: null, partition, logTimeMs: at, value: {} });
    }
    for (const organization of this.#organizations) {
      const fields = {
        campaign_id: null,
        event_time: at,
        source: 'adserver',
        complete_through: at - minuteMs,
        count: 0,
      };
      this.#add('source_heartbeat', organization, at, fields);
    }
  }

  #event(at: number, spendShare: number): void {
    const random = this.#random;
    if (this.#recent !== null && random.chance(duplicateShare)) {
      this.#producer.add({ ...this.#recent, logTimeMs: at });
      this.byType.duplicate = (this.byType.duplicate ?? 0) + 1;
      return;
    }
    const organization = this.#pickOrganization();
    const campaign = random.pick(organization.campaigns);
    const { currency } = organization;
    const event_time = at - Math.floor(random.unit() ** 2 * 5_000);
    const base = { campaign_id: campaign.campaign_id, event_time, currency, source: 'adserver' };
    const u = random.unit();
    if (u < spendShare) {
      const period_start = Math.floor(at / hourMs - random.integer(1, 4)) * hourMs;
      const amount_micros = random.integer(1_000, 2_000_000);
      const period = { period_start, period_end: period_start + hourMs, cumulative: false };
      this.#add('spend', organization, at, { ...base, ...period, source: 'feed', basis: 'MEDIA', amount_micros });
      return;
    }
    const v = random.unit() * (shares.impression + shares.click + shares.conversion);
    if (v < shares.impression) this.#impression(organization, campaign, at, base);
    else if (v < shares.impression + shares.click)
      this.#add('click', organization, at, { ...base, cost_micros: 0, ivt: 'NONE' });
    else this.#conversion(organization, at, base);
  }

  #impression(organization: BenchOrganization, campaign: BenchCampaign, at: number, base: EventValue): void {
    const random = this.#random;
    this.#add('impression', organization, at, {
      ...base,
      creative_id: `${campaign.campaign_id}-c${random.integer(1, 3)}`,
      cpm_micros: campaign.cpm_micros + random.integer(0, 999_999),
      cost_micros: 0,
      basis: 'MEDIA',
      measurable: true,
      viewable: random.chance(0.6),
      ivt: random.chance(0.015) ? 'GIVT' : 'NONE',
      batch_count: 1,
      device: 'phone',
      geo: 'US',
    });
  }

  #conversion(organization: BenchOrganization, at: number, base: { event_time: number } & EventValue): void {
    const random = this.#random;
    this.#add('conversion', organization, at, {
      ...base,
      conversion_id: `o-${random.integer(1, 2_000_000_000)}`,
      conversion_type: 'purchase',
      conversion_time: base.event_time,
      touch_time: base.event_time - random.integer(0, 3 * dayMs),
      attribution: 'CLICK',
      window_days: 30,
      weight: 1,
      revenue_micros: random.integer(5, 200) * 1_000_000,
      reversal: false,
    });
  }

  #pickOrganization(): BenchOrganization {
    const target = this.#random.unit();
    let low = 0;
    let high = this.#cumulated.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#cumulated[middle] > target) high = middle;
      else low = middle + 1;
    }
    return this.#organizations[low];
  }

  #add(type: EventType, organization: BenchOrganization, logTimeMs: number, fields: EventValue): void {
    const value = {
      event_id: this.#random.id(),
      org_id: organization.org_id,
      flight_id: null,
      advertiser_id: null,
      produced_at: fields.event_time,
      test: false,
      ...fields,
    };
    this.#producer.add({ type, key: organization.org_id, logTimeMs, value });
    this.byType[type] = (this.byType[type] ?? 0) + 1;
    if (type === 'impression' || type === 'click') this.#recent = { type, key: organization.org_id, value };
  }
}

function makeOrganizations(options: BenchLogOptions, random: Random): BenchOrganization[] {
  const each = Math.max(1, Math.round(options.campaigns / options.organizations));
  return Array.from({ length: options.organizations }, (_, i) => ({
    org_id: `org-${String(i + 1).padStart(4, '0')}`,
    zone: zones[i % zones.length],
    currency: currencies[i % currencies.length],
    isFeed: i % 2 === 1,
    campaigns: Array.from({ length: each }, (_, j) => ({
      campaign_id: `campaign-${String(j + 1).padStart(3, '0')}`,
      cpm_micros: random.integer(800_000, 6_000_000),
      dailyMicros: random.integer(5, 500) * 1_000_000,
    })),
  }));
}

function planOf(
  organization: BenchOrganization,
  rules: readonly RulePlan[],
  { duplicateWindowMs }: BenchLogOptions,
): Plan {
  const source = organization.isFeed ? 'feed' : 'adserver';
  return {
    format: 1,
    org_id: organization.org_id,
    number: 1,
    defaults: {
      zone: organization.zone,
      evaluate_every_ms: 5 * minuteMs,
      spend: { from: organization.isFeed ? 'feed' : 'impressions', source, cost_basis: 'MEDIA' },
      delivery_source: 'adserver',
      profile: 'traffic',
      day_allowance_bp: 20_000,
      ...(duplicateWindowMs === undefined ? {} : { duplicate_window_ms: duplicateWindowMs }),
    },
    sources: {
      adserver: { heartbeats: true, delay_ms: 0, expected_interval_ms: minuteMs, stale_after_ms: 6 * hourMs },
      feed: { heartbeats: false, delay_ms: 2 * minuteMs, expected_interval_ms: 0, stale_after_ms: 6 * hourMs },
    },
    profiles: { traffic: trafficProfile },
    rules,
    campaigns: {},
  };
}
