import { kind as kinds, type RejectReason } from '../../src/model/event-batch.ts';
import type { EventFields, LogRecord, OracleEvent, Refusal } from './events.ts';
import { day } from './whole-numbers.ts';

/**
 * Reads a JSON value: an object with `type` and the fields of its schema. Lenient about spelling
 * (instants and dates as numbers or ISO text, event_id as hex with or without dashes), strict about
 * presence: a required field that is missing or of another type is `bad_field`.
 */
export function decodeJson({ value }: LogRecord): (OracleEvent & { schemaId: number }) | Refusal {
  if (value === null || value.length === 0) return refuse('empty_value');
  const raw = parse(value);
  if (raw === null) return refuse('bad_json');
  return readFields(raw, -1);
}

/** An event from plain fields, whatever carried them. */
export function readFields(raw: Fields, schemaId: number): (OracleEvent & { schemaId: number }) | Refusal {
  try {
    return { ...readEvent(raw), schemaId };
  } catch (cause) {
    if (cause instanceof BadField) return { refused: 'bad_field', schemaId };
    throw cause;
  }
}

function refuse(reason: RejectReason): Refusal {
  return { refused: reason, schemaId: -1 };
}

class BadField extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function parse(value: Uint8Array): Fields | null {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Fields) : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function readEvent(raw: Fields): OracleEvent {
  const kind = text(raw, 'type');
  if (!(kind in kinds) || kind === 'rejected') throw new BadField('type');
  const read = readers[kind as OracleEvent['kind']];
  const isOurs = kind === 'tick' || kind === 'org_plan';
  return {
    kind: kind as OracleEvent['kind'],
    org: kind === 'tick' ? '' : text(raw, 'org_id'),
    eventId: isOurs ? '' : text(raw, 'event_id').replaceAll('-', '').toLowerCase(),
    campaign: optionalText(raw, 'campaign_id') ?? '',
    flight: optionalText(raw, 'flight_id'),
    eventTime: isOurs ? Number.NEGATIVE_INFINITY : instant(raw, 'event_time'),
    source: optionalText(raw, 'source') ?? '',
    test: raw.test === true,
    fields: { ...nothing, ...read(raw) },
  };
}

const nothing: EventFields = {
  currency: '',
  cpm_micros: 0,
  cost_micros: 0,
  basis: null,
  measurable: false,
  viewable: false,
  invalid: false,
  batch_count: 1,
  quartile: '',
  conversion_time: 0,
  touch_time: null,
  weight: 1,
  revenue_micros: 0,
  reversal: false,
  amount_micros: 0,
  period_start: 0,
  period_end: 0,
  cumulative: false,
  delta_micros: 0,
  applies_to: 0,
  deltas: {},
  budget_micros: 0,
  daily_cap_micros: null,
  effective_at: 0,
  ledger_version: 0,
  start_local: 0,
  end_local: 0,
  tz: '',
  mode: '',
  curve_id: null,
  rebase: '',
  status: '',
  cause: '',
  minute: 0,
  requests: 0,
  bids: 0,
  wins: 0,
  complete_through: 0,
  number: 0,
  body: '',
};

const readers: Readonly<Record<OracleEvent['kind'], (raw: Fields) => Partial<EventFields>>> = {
  tick: () => ({}),
  org_plan: (raw) => ({ number: whole(raw, 'number'), body: text(raw, 'body') }),
  impression: (raw) => ({
    currency: text(raw, 'currency'),
    cpm_micros: whole(raw, 'cpm_micros', 0),
    cost_micros: whole(raw, 'cost_micros', 0),
    basis: optionalText(raw, 'basis') ?? 'MEDIA',
    measurable: raw.measurable === true,
    viewable: raw.viewable === true,
    invalid: (optionalText(raw, 'ivt') ?? 'NONE') !== 'NONE',
    batch_count: whole(raw, 'batch_count', 1),
  }),
  click: (raw) => ({
    currency: text(raw, 'currency'),
    cost_micros: whole(raw, 'cost_micros', 0),
    invalid: (optionalText(raw, 'ivt') ?? 'NONE') !== 'NONE',
  }),
  video_progress: (raw) => ({ quartile: optionalText(raw, 'event') ?? text(raw, 'quartile') }),
  conversion: (raw) => ({
    currency: text(raw, 'currency'),
    conversion_time: instant(raw, 'conversion_time'),
    touch_time: raw.touch_time === undefined || raw.touch_time === null ? null : instant(raw, 'touch_time'),
    weight: typeof raw.weight === 'number' ? raw.weight : 1,
    revenue_micros: whole(raw, 'revenue_micros', 0),
    reversal: raw.reversal === true,
  }),
  spend: (raw) => ({
    currency: text(raw, 'currency'),
    amount_micros: whole(raw, 'amount_micros'),
    basis: optionalText(raw, 'basis') ?? 'MEDIA',
    period_start: instant(raw, 'period_start'),
    period_end: instant(raw, 'period_end'),
    cumulative: raw.cumulative === true,
  }),
  spend_adjustment: (raw) => ({
    currency: text(raw, 'currency'),
    delta_micros: whole(raw, 'delta_micros'),
    applies_to: date(raw, 'applies_to'),
  }),
  metric_correction: (raw) => ({ applies_to: date(raw, 'applies_to'), deltas: counters(raw) }),
  budget_changed: (raw) => ({
    currency: text(raw, 'currency'),
    budget_micros: whole(raw, 'budget_micros'),
    daily_cap_micros:
      raw.daily_cap_micros === undefined || raw.daily_cap_micros === null ? null : whole(raw, 'daily_cap_micros'),
    effective_at: instant(raw, 'effective_at'),
    ledger_version: whole(raw, 'ledger_version'),
  }),
  flight_changed: (raw) => ({
    start_local: date(raw, 'start_local'),
    end_local: date(raw, 'end_local'),
    tz: text(raw, 'tz'),
    mode: optionalText(raw, 'mode') ?? 'EVEN',
    curve_id: optionalText(raw, 'curve_id'),
    rebase: optionalText(raw, 'rebase') ?? 'ON_PLAN',
    effective_at: instant(raw, 'effective_at'),
    ledger_version: whole(raw, 'ledger_version'),
  }),
  status_changed: (raw) => ({
    status: text(raw, 'status'),
    cause: text(raw, 'cause'),
    effective_at: instant(raw, 'effective_at'),
  }),
  creative_status: () => ({}),
  auction_stats: (raw) => ({
    minute: instant(raw, 'minute'),
    requests: whole(raw, 'requests'),
    bids: whole(raw, 'bids'),
    wins: whole(raw, 'wins'),
  }),
  source_heartbeat: (raw) => ({ complete_through: instant(raw, 'complete_through') }),
};

function text(raw: Fields, name: string): string {
  const value = raw[name];
  if (typeof value !== 'string') throw new BadField(name);
  return value;
}

function optionalText(raw: Fields, name: string): string | null {
  return raw[name] === undefined || raw[name] === null ? null : text(raw, name);
}

function whole(raw: Fields, name: string, absent?: number): number {
  const value = raw[name] ?? absent;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new BadField(name);
  return value;
}

function instant(raw: Fields, name: string): number {
  const value = raw[name];
  const parsed = typeof value === 'string' ? Date.parse(value) : value;
  if (typeof parsed !== 'number' || !Number.isSafeInteger(parsed)) throw new BadField(name);
  return parsed;
}

function date(raw: Fields, name: string): number {
  const value = raw[name];
  return typeof value === 'string' ? instant(raw, name) / day : whole(raw, name);
}

function counters(raw: Fields): Readonly<Record<string, number>> {
  const deltas = raw.deltas;
  if (typeof deltas !== 'object' || deltas === null) throw new BadField('deltas');
  for (const name of Object.keys(deltas)) whole(deltas as Fields, name);
  return deltas as Readonly<Record<string, number>>;
}
