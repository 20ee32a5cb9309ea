import type { RejectReason } from '../../src/events/event-batch.ts';
import type { KindName } from '../../src/events/kinds.ts';

/** One record of the log, raw. */
export interface LogRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly logTimeMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** A record as its producer meant it. Money in micros, instants in epoch ms, dates in days since 1970-01-01. */
export interface OracleEvent {
  readonly kind: KindName;
  readonly org: string;
  readonly eventId: string;
  readonly campaign: string;
  readonly flight: string | null;
  readonly eventTime: number;
  readonly source: string;
  readonly test: boolean;
  /** Its clock was ahead, and is not believed. */
  readonly isSetRight?: boolean;
  readonly fields: EventFields;
}

export interface TypedCount {
  readonly column: 'conversions_by_touch' | 'conversions_by_conversion';
  readonly attribution: string;
  readonly type: string;
  readonly millionths: bigint;
}

/** Every field that any kind reads; a kind that lacks one never looks at it. */
export interface EventFields {
  readonly currency: string;
  readonly cpm_micros: number;
  readonly cost_micros: number;
  readonly basis: string | null;
  readonly measurable: boolean;
  readonly viewable: boolean;
  readonly invalid: boolean;
  readonly batch_count: number;
  readonly quartile: string;
  readonly conversion_time: number;
  readonly touch_time: number | null;
  readonly weight: number;
  readonly revenue_micros: number;
  readonly reversal: boolean;
  readonly conversion_type: string;
  readonly attribution: string;
  /** Null in a performance_report that says nothing of spend. */
  readonly amount_micros: number | null;
  readonly period_start: number;
  readonly period_end: number;
  readonly cumulative: boolean;
  readonly as_of: number | null;
  readonly source_seq: number | null;
  readonly produced_at: number | null;
  /** By column of campaign_metrics_daily; conversions in millionths. */
  readonly counts: ReadonlyMap<string, bigint>;
  /** Of those conversions the ones with a type. */
  readonly typed: readonly TypedCount[];
  /** An adjustment that says what was spent before. */
  readonly opening: boolean;
  readonly delta_micros: number;
  readonly applies_to: number;
  readonly deltas: Readonly<Record<string, number>>;
  readonly budget_micros: number;
  readonly daily_cap_micros: number | null;
  readonly goal: string;
  readonly goal_units: number | null;
  readonly goal_daily_cap: number | null;
  readonly effective_at: number;
  readonly ledger_version: number;
  readonly start_local: number;
  readonly end_local: number;
  readonly start_at: number | null;
  readonly end_at: number | null;
  readonly tz: string;
  readonly mode: string;
  readonly curve_id: string | null;
  readonly rebase: string;
  readonly rollover: string;
  readonly status: string;
  readonly cause: string;
  readonly actor: string | null;
  readonly creative_id: string;
  readonly policy_code: string | null;
  readonly minute: number;
  readonly requests: number;
  readonly bids: number;
  readonly wins: number;
  readonly complete_through: number;
  readonly number: number;
  readonly body: string;
  readonly signature: string;
}

/** A record that could not be read. */
export interface Refusal {
  readonly refused: RejectReason;
  readonly schemaId: number;
}

export type Decode = (record: LogRecord) => (OracleEvent & { readonly schemaId: number }) | Refusal;
