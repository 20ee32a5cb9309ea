import { attributions, costBases, type Detail, flag, quartiles, type UnitGoal } from '../../src/events/event-batch.ts';
import type { TestRecord } from '../operators/batch-builder.ts';
import type { EventFields, LogRecord, OracleEvent } from '../oracle/events.ts';

/** A test record as the oracle reads it, so that engine and oracle meet before any decoder does. */
export function toLogRecord(record: TestRecord): LogRecord {
  const key = record.key === undefined ? record.org : record.key;
  return {
    topic: 'ads.events.v1',
    partition: 0,
    offset: record.offset,
    logTimeMs: record.logTime,
    key: key === undefined || key === null ? null : Buffer.from(key),
    value: new Uint8Array(0),
  };
}

export function toOracleEvent(record: TestRecord): OracleEvent & { schemaId: number } {
  const id = Buffer.alloc(16);
  for (const [index, word] of [record.eventId ?? record.offset, 0, 0, 7].entries()) id.writeInt32LE(word, 4 * index);
  return {
    kind: record.kind as OracleEvent['kind'],
    org: record.org ?? '',
    eventId: id.toString('hex'),
    campaign: record.campaign ?? '',
    eventTime: record.eventTime ?? record.logTime,
    source: record.source ?? 'adserver',
    test: has(record, flag.test),
    schemaId: -1,
    ...withFlight(record.detail),
    fields: { ...columnFields(record), ...detailFields(record.detail) } as unknown as EventFields,
  };
}

function has(record: TestRecord, bit: number): boolean {
  return ((record.flags ?? 0) & bit) !== 0;
}

function withFlight(detail: Detail | undefined): { flight: string | null } {
  const isFlight = detail?.kind === 'budget_changed' || detail?.kind === 'flight_changed';
  return { flight: isFlight ? detail.flight_id : null };
}

function columnFields(record: TestRecord) {
  const { amount = 0, amount2 = 0, t1 = 0, t2 = 0, count = 1 } = record;
  return {
    currency: record.currency ?? 'USD',
    cpm_micros: amount2,
    cost_micros: amount,
    basis: costBases[record.basis ?? 0],
    measurable: has(record, flag.measurable),
    viewable: has(record, flag.viewable),
    invalid: has(record, flag.invalid),
    batch_count: count,
    quartile: quartiles[record.code ?? 0],
    conversion_time: t1,
    touch_time: Number.isNaN(t2) ? null : t2,
    weight: amount2 / 1e6,
    revenue_micros: amount,
    reversal: has(record, flag.reversal),
    conversion_type: record.label ?? '',
    attribution: attributions[record.code ?? 0] ?? 'NONE',
    amount_micros: amount,
    period_start: t1,
    period_end: t2,
    cumulative: has(record, flag.cumulative),
    as_of: null,
    source_seq: null,
    produced_at: null,
    counts: new Map(),
    opening: false,
    delta_micros: amount,
    applies_to: t1,
    minute: t1,
    complete_through: t1,
    start_at: null,
    rollover: 'NONE',
    end_at: null,
    requests: amount,
    bids: amount2,
    wins: count,
  };
}

function goalFields(goal: UnitGoal | undefined) {
  if (goal === undefined) return { goal: 'MONEY', goal_units: null, goal_daily_cap: null };
  return { goal: goal.unit, goal_units: goal.total, goal_daily_cap: goal.dailyCap };
}

function detailFields(detail: Detail | undefined): Record<string, unknown> {
  if (detail === undefined) return {};
  const { kind: _, ...fields } = detail;
  if (detail.kind === 'budget_changed') return { ...fields, ...goalFields(detail.goal) };
  return detail.kind === 'metric_correction' ? { ...fields, deltas: Object.fromEntries(detail.deltas) } : fields;
}
