import { type EventTimeMs, type LogTimeMs, type TimeColumn, timeColumn } from '../model/time.ts';
import { CurrencyCodes } from './currency-codes.ts';
import { Dictionary } from './dictionary.ts';

/** Bits of `EventBatch.flags`. */
export const flag = {
  test: 1,
  invalid: 2,
  measurable: 4,
  viewable: 8,
  reversal: 16,
  cumulative: 32,
  setRight: 64,
} as const;

/** Order of the `basis` column = order of the Avro enum CostBasis. */
export const costBases = ['MEDIA', 'DATA', 'FEE', 'TOTAL', 'BILLABLE'] as const;
export type CostBasis = (typeof costBases)[number];
/** Order of the `code` column of video_progress = order of the Avro enum Quartile. */
export const quartiles = ['START', 'FIRST_QUARTILE', 'MIDPOINT', 'THIRD_QUARTILE', 'COMPLETE'] as const;

/** Order of the `code` column of a conversion = order of the Avro enum Attribution. */
export const attributions = ['NONE', 'CLICK', 'VIEW'] as const;

/** Why a record went to the dead letters. Closed set; `docs/events.md` explains each. */
export const rejectReasons = [
  'empty_value',
  'too_large',
  'damaged_batch',
  'bad_framing',
  'unknown_schema',
  'schema_mismatch',
  'truncated',
  'trailing_bytes',
  'bad_json',
  'bad_field',
  'bad_id',
  'bad_time',
  'money_out_of_range',
  'key_mismatch',
  'wrong_partition',
  'from_the_future',
  'currency_mismatch',
  'unknown_metric',
  'bad_zone',
  'bad_flight',
  'too_many_flights',
  'too_many_changes',
  'overlapping_report',
  'bad_plan',
  'bad_signature',
  'not_ours',
  'too_many_campaigns',
  'quota',
  'organization_closed',
  'internal_error',
] as const;
export type RejectReason = (typeof rejectReasons)[number];

export interface Reject {
  readonly row: number;
  readonly reason: RejectReason;
  /** One sentence with the field and the value, for a producer's eyes. */
  readonly detail: string;
  /** Writer schema id, -1 when there is none (JSON, or framing broken). */
  readonly schemaId: number;
}

/** Of what time a report speaks (docs/semantics.md §4.4); it begins at `t1`. */
export interface ReportSpan {
  /** Where it ends, exclusive. */
  readonly to: number;
  /** Place in the order in which its source told it. */
  readonly order: number;
}

/** Conversions of one type in a report, millionths. */
export interface ReportedConversions {
  readonly type: string;
  /** Place among the attributions. */
  readonly attribution: number;
  readonly isByTouch: boolean;
  readonly amount: number;
}

/** What columns do not hold of control and other rare records; money and times as safe integers. */
export type Detail =
  | { kind: 'org_plan'; org_id: string; number: number; hash: string; body: string; signature: string }
  | ({ kind: 'spend' } & ReportSpan)
  | ({
      kind: 'performance_report';
      hasSpend: boolean;
      hasRevenue: boolean;
      /** Not negative, by name of the counter. */
      counts: ReadonlyMap<string, number>;
      /** Millionths, of those without a type. */
      conversionsByTouch: number;
      conversionsByConversion: number;
      /** The others, by type and what brought them about. */
      typed: readonly ReportedConversions[];
      revenueByTouch: number;
      revenueByConversion: number;
    } & ReportSpan)
  | { kind: 'spend_adjustment'; reason: string }
  | { kind: 'metric_correction'; deltas: ReadonlyMap<string, number>; reason: string }
  | {
      kind: 'budget_changed';
      flight_id: string | null;
      budget_micros: number;
      daily_cap_micros: number | null;
      /** Absent = the goal is the budget itself. */
      goal?: UnitGoal;
      effective_at: number;
      actor: string | null;
      ledger_version: number;
    }
  | {
      kind: 'flight_changed';
      flight_id: string;
      start_local: number;
      end_local: number;
      /** Instants of those days at which it begins and ends; absent = with the day. */
      start_at?: number;
      end_at?: number;
      tz: string;
      mode: PacingMode;
      curve_id: string | null;
      rebase: Rebase;
      /** Absent = none. */
      rollover?: Rollover;
      effective_at: number;
      ledger_version: number;
    }
  | { kind: 'status_changed'; status: CampaignStatus; cause: StatusCause; effective_at: number }
  | { kind: 'creative_status'; creative_id: string; status: string; policy_code: string | null }
  | { kind: 'source_heartbeat'; count: number };

/** What a flight may be paced by: money, or what is delivered for it. */
export const goalUnits = [
  'MONEY',
  'IMPRESSIONS',
  'VIEWABLE_IMPRESSIONS',
  'CLICKS',
  'CONVERSIONS',
  'COMPLETED_VIEWS',
] as const;
export type GoalUnit = (typeof goalUnits)[number];
/** All but money. */
export type DeliveredUnit = Exclude<GoalUnit, 'MONEY'>;

/** A goal that is no money, whole units. */
export interface UnitGoal {
  readonly unit: DeliveredUnit;
  readonly total: number;
  readonly dailyCap: number | null;
}

export const pacingModes = ['EVEN', 'TRAFFIC', 'ASAP', 'AHEAD', 'FRONT_LOADED', 'DAYPARTED', 'CUSTOM'] as const;
export type PacingMode = (typeof pacingModes)[number];
export type Rebase = 'ON_PLAN' | 'ON_ACTUAL' | 'NONE';
/** Where goes what a flight left unspent: nowhere, to the flight behind it, or to the last one. */
export const rollovers = ['NONE', 'NEXT', 'LAST'] as const;
export type Rollover = (typeof rollovers)[number];
export type CampaignStatus = 'ACTIVE' | 'PAUSED' | 'ENDED';
export type StatusCause = 'ADVERTISER' | 'BUDGET' | 'POLICY' | 'PAYMENT' | 'SYSTEM' | 'SCHEDULE';

/** Dictionaries of one lane; they outlive its batches. */
export class LaneDictionaries {
  readonly orgs = new Dictionary();
  readonly campaigns = new Dictionary();
  readonly sources = new Dictionary();
  readonly currencies = new CurrencyCodes();
  /** Types of conversions, as their producers call them. */
  readonly labels = new Dictionary();

  /** Names that outside input may make up. */
  get names(): number {
    return this.orgs.size + this.campaigns.size + this.sources.size + this.labels.size;
  }

  /** Itself; new ones when it holds more names than that. */
  within(namesMax: number): LaneDictionaries {
    return this.names > namesMax ? new LaneDictionaries() : this;
  }
}

/**
 * Events of one run as columns, one row per record, rejected ones included (they move the clock too).
 * Reused from run to run. Which field is in which column the table of kinds says (`kinds.ts`); every other
 * column of a row is 0 / -1. Kinds with more to say than columns hold have an object in `details`.
 */
export class EventBatch {
  /** Of the lane whose run it holds. */
  dictionaries: LaneDictionaries;
  topic = '';
  partition = 0;
  count = 0;
  nextOffset = 0;
  kinds!: Uint8Array;
  flags!: Uint8Array;
  /** Index into `costBases`. */
  basis!: Uint8Array;
  code!: Uint8Array;
  /** Dictionary ids; -1 = absent. `keyOrgs` is the record key read as an organization id. */
  orgs!: Int32Array;
  keyOrgs!: Int32Array;
  campaigns!: Int32Array;
  sources!: Int32Array;
  currencies!: Int32Array;
  counts!: Int32Array;
  /** Writer schema id of each row; -1 for JSON. */
  schemaIds!: Int32Array;
  /** The 16 bytes of event_id as four little-endian words: `eventIds[4 * row + word]`. */
  eventIds!: Int32Array;
  offsets!: Float64Array;
  logTimes!: TimeColumn<LogTimeMs>;
  eventTimes!: TimeColumn<EventTimeMs>;
  amount!: Float64Array;
  amount2!: Float64Array;
  t1!: Float64Array;
  t2!: Float64Array;
  /** Rows that carry an object instead of columns. */
  readonly details = new Map<number, Detail>();
  /** Ascending by row. */
  readonly rejects: Reject[] = [];

  constructor(capacity: number, dictionaries: LaneDictionaries = new LaneDictionaries()) {
    this.dictionaries = dictionaries;
    this.#allocate(capacity);
  }

  get capacity(): number {
    return this.kinds.length;
  }

  /** The batch, for a run of the lane of these dictionaries: lanes that take turns share its columns. */
  of(dictionaries: LaneDictionaries): this {
    this.dictionaries = dictionaries;
    return this;
  }

  /** Empties the batch for a run of `count` records, growing when needed. */
  reset(count: number): void {
    if (count > this.capacity) this.#allocate(Math.max(count, this.capacity * 2));
    this.count = count;
    this.details.clear();
    this.rejects.length = 0;
  }

  #allocate(capacity: number): void {
    this.kinds = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.basis = new Uint8Array(capacity);
    this.code = new Uint8Array(capacity);
    this.orgs = new Int32Array(capacity);
    this.keyOrgs = new Int32Array(capacity);
    this.campaigns = new Int32Array(capacity);
    this.sources = new Int32Array(capacity);
    this.currencies = new Int32Array(capacity);
    this.counts = new Int32Array(capacity);
    this.schemaIds = new Int32Array(capacity);
    this.eventIds = new Int32Array(capacity * 4);
    this.offsets = new Float64Array(capacity);
    this.logTimes = timeColumn(capacity);
    this.eventTimes = timeColumn(capacity);
    this.amount = new Float64Array(capacity);
    this.amount2 = new Float64Array(capacity);
    this.t1 = new Float64Array(capacity);
    this.t2 = new Float64Array(capacity);
  }
}
