import { ruleHash } from '../../src/rules/compile-plan.ts';
import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import { decodeJson } from './decode-json.ts';
import type { LogRecord } from './events.ts';
import { partitionOf } from './hashes.ts';
import { LaneOracle, type OracleOptions } from './lane-oracle.ts';

/** Helpers that let a test write a log the way it is told. */
export const lane = { topic: 'ads.events.v1', partition: 0 } as const;
export const options: OracleOptions = { partitions: 1, generation: 1, decode: decodeJson };

export function at(text: string): number {
  return Date.parse(text.endsWith('Z') ? text : `${text}Z`);
}

export function plan(over: Partial<Plan['defaults']> = {}, rest: Partial<Omit<Plan, 'defaults'>> = {}): Plan {
  return {
    format: 1,
    org_id: 'acme',
    number: 1,
    defaults: {
      zone: 'UTC',
      evaluate_every_ms: 300_000,
      spend: { from: 'impressions', source: '', cost_basis: 'MEDIA' },
      delivery_source: null,
      profile: null,
      day_allowance_bp: 10_000,
      ...over,
    },
    sources: {},
    profiles: {},
    rules: [],
    campaigns: {},
    ...rest,
  };
}

export function rule(id: string, over: Partial<Omit<RulePlan, 'id' | 'hash'>> = {}): RulePlan {
  const whole: Omit<RulePlan, 'hash'> = {
    id,
    name: id,
    scope: 'flight',
    mode: 'notify',
    guard: null,
    warning: null,
    critical: null,
    keep_firing_for_ms: 0,
    no_data: null,
    on_error: 'keep_last',
    summary: '{{c.campaign_id}} is at {{p.osi_pct}} %',
    match: {},
    ...over,
  };
  return { ...whole, hash: ruleHash(whole) };
}

type Fields = Readonly<Record<string, unknown>>;

/** A log of one lane that grows as the story goes on. */
export class Story {
  readonly records: LogRecord[] = [];
  readonly oracle: LaneOracle;
  #ids = 0;
  #offset = 0;

  constructor(over: Partial<OracleOptions> = {}) {
    this.oracle = new LaneOracle(lane, { ...options, ...over });
  }

  /** Appends raw bytes. */
  raw(logTime: number | string, key: string | null, value: string | null): this {
    const record: LogRecord = {
      ...lane,
      offset: this.#offset++,
      logTimeMs: typeof logTime === 'string' ? at(logTime) : logTime,
      key: key === null ? null : Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
    };
    this.records.push(record);
    this.oracle.apply(record);
    return this;
  }

  event(logTime: number | string, type: string, fields: Fields = {}, key: string | null = 'acme'): this {
    const time = typeof logTime === 'string' ? at(logTime) : logTime;
    const id = (++this.#ids).toString(16).padStart(32, '0');
    const envelope = { type, event_id: id, org_id: 'acme', campaign_id: 'c1', event_time: time, source: 'dsp' };
    return this.raw(time, key, JSON.stringify({ ...envelope, currency: 'EUR', ...fields }));
  }

  /** Spends euros by one impression without a CPM. */
  spend(time: number | string, euros: number, fields: Fields = {}): this {
    return this.event(time, 'impression', { cost_micros: Math.round(euros * 1e6), ...fields });
  }

  plan(time: number | string, body: Plan): this {
    const key = body.org_id === '_default' ? null : body.org_id;
    const value = { type: 'org_plan', org_id: body.org_id, number: body.number, hash: '', body: JSON.stringify(body) };
    return this.raw(time, key, JSON.stringify(value));
  }

  flight(time: number | string, from: string, to: string, fields: Fields = {}): this {
    return this.event(time, 'flight_changed', {
      flight_id: 'f1',
      start_local: from,
      end_local: to,
      tz: 'UTC',
      mode: 'EVEN',
      rebase: 'ON_PLAN',
      effective_at: typeof time === 'string' ? at(time) : time,
      ledger_version: 1,
      ...fields,
    });
  }

  budget(time: number | string, euros: number, fields: Fields = {}): this {
    return this.event(time, 'budget_changed', {
      flight_id: 'f1',
      budget_micros: euros * 1e6,
      effective_at: typeof time === 'string' ? at(time) : time,
      ledger_version: 1,
      ...fields,
    });
  }

  tick(time: number | string): this {
    return this.raw(time, null, JSON.stringify({ type: 'tick' }));
  }

  /** Ticks every `step` ms from after the last record up to and including `until`. */
  ticksUntil(until: string, step = 60_000): this {
    for (let time = (this.records.at(-1)?.logTimeMs ?? 0) + step; time <= at(until); time += step) this.tick(time);
    return this;
  }
}

/** Partition count under which a key goes to partition 0, or not. */
export function partitionsWhere(key: string, isHome: boolean): number {
  for (let partitions = 2; ; partitions++)
    if ((partitionOf(Buffer.from(key), partitions) === 0) === isHome) return partitions;
}
