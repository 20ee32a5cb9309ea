import type { LogRecord } from '../oracle/events.ts';
import type { TableName, TableRows } from '../oracle/rows.ts';
import { type Expectation, parseExpectation, unmet } from './expectation.ts';
import { PlanDraft } from './plan-draft.ts';
import { durationOf, instantOf, moneyOf, type Words, wordsOf } from './words.ts';

/** A story as a log of one lane (topic ads.events.v1, partition 0 of 1) and what it must lead to. */
export interface Scenario {
  readonly title: string;
  readonly records: readonly LogRecord[];
  readonly expectations: readonly Expectation[];
}

/** Reads a scenario (README.md has the words); throws an Error that names the line it cannot read. */
export function parseScenario(text: string): Scenario {
  const teller = new Teller();
  text.split('\n').forEach((line, index) => {
    try {
      teller.tell(line);
    } catch (cause) {
      throw new Error(`line ${index + 1}: ${line}: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
  });
  return teller.end();
}

/** One sentence for each expectation that the tables do not meet. */
export function checkScenario(scenario: Scenario, tables: Pick<TableRows, TableName>): string[] {
  return scenario.expectations.flatMap((expectation) => unmet(expectation, tables));
}

const moneyFields = new Set(['cost', 'cpm', 'amount', 'delta', 'revenue', 'spend']);
const wholeFields = new Set(['batch_count', 'requests', 'bids', 'wins', 'source_seq']);
const instantFields = new Set([
  'period_start',
  'period_end',
  'as_of',
  'produced_at',
  'conversion_time',
  'touch_time',
  'minute',
]);

class Teller {
  #title = '';
  readonly #records: LogRecord[] = [];
  readonly #expectations: Expectation[] = [];
  #now = Number.NaN;
  #tickStep = 0;
  #nextTick = 0;
  #ids = 0;
  #ledgerVersion = 0;
  #draft: PlanDraft | null = null;

  tell(line: string): void {
    const told = line.trim();
    if (told.startsWith('#') && this.#title === '') this.#title = told.slice(1).trim();
    if (told === '' || told.startsWith('#')) return;
    const words = wordsOf(told);
    const [verb] = words.plain;
    if (['source', 'rule', 'campaign', 'order', 'daypart', 'curve'].includes(verb)) return this.#plan().add(words);
    this.#flushPlan();
    if (verb === 'raw') return this.#append('acme', told.slice(4));
    const step = this.#steps[verb];
    if (step === undefined) throw new Error(`"${verb}" is no word of a scenario`);
    step(words, told);
  }

  end(): Scenario {
    this.#flushPlan();
    if (this.#expectations.length === 0) throw new Error('a scenario expects something');
    return { title: this.#title, records: this.#records, expectations: this.#expectations };
  }

  readonly #steps: Readonly<Record<string, (words: Words, line: string) => void>> = {
    ticks: ({ plain }) => {
      this.#tickStep = durationOf(plain[1]);
      this.#nextTick = Number.isNaN(this.#now) ? 0 : this.#now + this.#tickStep;
    },
    at: ({ plain }) => this.#passUntil(instantOf(plain[1])),
    after: ({ plain }) => this.#passUntil(this.#now + durationOf(plain[1])),
    tick: () => this.#append(null, JSON.stringify({ type: 'tick' })),
    plan: ({ named }) => {
      this.#draft = new PlanDraft(named);
    },
    flight: ({ plain, named }) => {
      const {
        from,
        to,
        zone = 'UTC',
        mode = 'EVEN',
        rebase = 'ON_PLAN',
        curve,
        starts,
        ends,
        rollover,
        ...rest
      } = named;
      const hours = {
        ...(starts === undefined ? {} : { start_at: instantOf(starts) }),
        ...(ends === undefined ? {} : { end_at: instantOf(ends) }),
        ...(rollover === undefined ? {} : { rollover }),
      };
      const dates = { start_local: daysOf(from), end_local: daysOf(to), tz: zone, ...hours };
      this.#control('flight_changed', rest, { flight_id: plain[1], ...dates, mode, rebase, curve_id: curve ?? null });
    },
    budget: ({ plain, named }) => {
      const { cap, actor = null, goal, limit, ...rest } = named;
      const ofMoney = { budget_micros: moneyOf(plain[2]), daily_cap_micros: cap === undefined ? null : moneyOf(cap) };
      const ofUnits = {
        budget_micros: limit === undefined ? 0 : moneyOf(limit),
        goal,
        goal_units: Number(plain[2]),
        goal_daily_cap: cap === undefined ? null : Number(cap),
      };
      this.#control('budget_changed', rest, {
        flight_id: plain[1],
        actor,
        ...(goal === undefined ? ofMoney : ofUnits),
      });
    },
    status: ({ plain, named }) => {
      const { cause = 'ADVERTISER', ...rest } = named;
      this.#control('status_changed', rest, { status: plain[1], cause });
    },
    event: ({ plain, named }) => this.#event(plain[1], named),
    every: ({ plain, named }) => {
      const end = instantOf(plain[3]);
      for (const step = durationOf(plain[1]); this.#now < end; this.#passUntil(Math.min(this.#now + step, end)))
        this.#event(plain[5], named);
    },
    heartbeat: ({ plain, named }) =>
      this.#send(
        'source_heartbeat',
        { source: plain[1], ...named },
        { complete_through: instantOf(plain[2]), count: 1 },
      ),
    expect: ({ plain, named }, line) => this.#expectations.push(parseExpectation(plain.slice(1), named, line)),
  };

  #plan(): PlanDraft {
    if (this.#draft === null) throw new Error('a source or a rule belongs under a plan');
    return this.#draft;
  }

  #flushPlan(): void {
    if (this.#draft === null) return;
    const plan = this.#draft.finish();
    this.#draft = null;
    const value = { type: 'org_plan', org_id: plan.org_id, number: plan.number, hash: '', body: JSON.stringify(plan) };
    this.#append(plan.org_id === '_default' ? null : plan.org_id, JSON.stringify(value));
  }

  #control(type: string, named: Readonly<Record<string, string>>, fields: object): void {
    const { effective, version, ...rest } = named;
    this.#ledgerVersion += 1;
    const effective_at = effective === undefined ? this.#now : instantOf(effective);
    const ledger = type === 'status_changed' ? {} : { ledger_version: Number(version ?? this.#ledgerVersion) };
    this.#send(type, rest, { ...fields, effective_at, ...ledger });
  }

  #event(type: string, named: Readonly<Record<string, string>>): void {
    const fields: Record<string, unknown> = {};
    const envelope: Record<string, string> = {};
    const deltas: Record<string, number> = {};
    const typed: Record<string, Record<string, number>> = {};
    for (const [name, value] of Object.entries(named)) {
      if (moneyFields.has(name)) fields[`${name}_micros`] = moneyOf(value);
      else if (name.startsWith('count.')) deltas[name.slice(6)] = Number(value);
      else if (/^(touch|conversion)\./.test(name)) {
        const [of, key] = [name.slice(0, name.indexOf('.')), name.slice(name.indexOf('.') + 1)];
        typed[`conversions_by_${of}_of`] = { ...typed[`conversions_by_${of}_of`], [key]: Number(value) * 1e6 };
      } else if (wholeFields.has(name)) fields[name] = Number(value);
      else if (name === 'weight' || /^conversions_by_/.test(name)) fields[name] = Number(value);
      else if (/^revenue_by_/.test(name)) fields[`${name}_micros`] = moneyOf(value);
      else if (name === 'applies_to') fields[name] = daysOf(value);
      else if (instantFields.has(name)) fields[name] = instantOf(value);
      else if (value === 'yes' || value === 'no') fields[name] = value === 'yes';
      else if (['campaign', 'org', 'id', 'source', 'time', 'currency'].includes(name)) envelope[name] = value;
      else fields[name] = value;
    }
    if (type === 'metric_correction') Object.assign(fields, { deltas, reason: 'IVT' });
    if (type === 'performance_report') Object.assign(fields, { counts: deltas, ...typed });
    if (type === 'spend_adjustment') fields.reason ??= 'CORRECTION';
    if (type === 'impression' || type === 'spend') fields.basis ??= 'MEDIA';
    this.#send(type, envelope, fields);
  }

  #send(type: string, named: Readonly<Record<string, string>>, fields: object): void {
    const { campaign = 'c1', org = 'acme', id, source = 'dsp', time, currency = 'EUR', ...stray } = named;
    const [unknown] = Object.keys(stray);
    if (unknown !== undefined) throw new Error(`"${unknown}" does not fit here`);
    this.#ids += 1;
    const event_id = (id ?? this.#ids.toString(16)).padStart(32, '0');
    const event_time = time === undefined ? this.#now : instantOf(time);
    const isCampaign = type !== 'source_heartbeat';
    const hasCurrency = moneyKinds.has(type) && currency !== 'none';
    const envelope = {
      type,
      event_id,
      org_id: org,
      ...(isCampaign ? { campaign_id: campaign } : {}),
      event_time,
      source,
    };
    this.#append(org, JSON.stringify({ ...envelope, ...(hasCurrency ? { currency } : {}), ...fields }));
  }

  #passUntil(instant: number): void {
    if (Number.isNaN(this.#now)) this.#nextTick = instant + this.#tickStep;
    else if (instant < this.#now) throw new Error('time does not run back');
    while (this.#tickStep > 0 && !Number.isNaN(this.#now) && this.#nextTick <= instant) {
      this.#now = this.#nextTick;
      this.#append(null, JSON.stringify({ type: 'tick' }));
      this.#nextTick += this.#tickStep;
    }
    this.#now = instant;
  }

  #append(key: string | null, value: string): void {
    if (Number.isNaN(this.#now)) throw new Error('say first when it happens: at …');
    this.#records.push({
      topic: 'ads.events.v1',
      partition: 0,
      offset: this.#records.length,
      logTimeMs: this.#now,
      key: key === null ? null : Buffer.from(key),
      value: Buffer.from(value),
    });
  }
}

const moneyKinds = new Set([
  'impression',
  'click',
  'conversion',
  'spend',
  'performance_report',
  'spend_adjustment',
  'budget_changed',
]);

function daysOf(date: string): number {
  return instantOf(`${date}T00:00:00Z`) / 86_400_000;
}
