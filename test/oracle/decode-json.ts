import { isUtf8 } from 'node:buffer';
import { costBases, quartiles, type RejectReason } from '../../src/events/event-batch.ts';
import { idPattern } from '../../src/model/ids.ts';
import { limits } from '../../src/model/limits.ts';
import type { EventFields, LogRecord, OracleEvent, Refusal, TypedCount } from './events.ts';
import { day } from './whole-numbers.ts';

/**
 * Reads a JSON value: an object with `type` and the fields of its schema. Lenient about spelling
 * (instants and dates as numbers or ISO text, event_id as hex with or without dashes), strict about
 * all else: a required field that is missing, of another type or outside its range is `bad_field`,
 * `bad_id` or `bad_time`.
 */
export function decodeJson({ value }: LogRecord): (OracleEvent & { schemaId: number }) | Refusal {
  if (value === null || value.length === 0) return refuse('empty_value');
  if (value.length > limits.recordBytesMax) return refuse('too_large');
  const raw = parse(value);
  if (raw === null) return refuse('bad_json');
  return readFields(raw, -1);
}

/** An event from plain fields, whatever carried them. */
export function readFields(raw: Fields, schemaId: number): (OracleEvent & { schemaId: number }) | Refusal {
  try {
    return { ...readEvent(raw), schemaId };
  } catch (cause) {
    if (cause instanceof BadField) return { refused: cause.reason, schemaId };
    throw cause;
  }
}

function refuse(reason: RejectReason): Refusal {
  return { refused: reason, schemaId: -1 };
}

class BadField extends Error {
  readonly reason: RejectReason;
  constructor(field: string, reason: RejectReason = 'bad_field') {
    super(field);
    this.reason = reason;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parse(value: Uint8Array): Fields | null {
  try {
    if (!isUtf8(value)) return null;
    const parsed: unknown = JSON.parse(
      Buffer.from(value)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    );
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Fields) : null;
  } catch (cause) {
    if (cause instanceof SyntaxError) return null;
    throw cause;
  }
}

function readEvent(raw: Fields): OracleEvent {
  const kind = text(raw, 'type');
  const read = Object.hasOwn(readers, kind) ? readers[kind as OracleEvent['kind']] : undefined;
  if (read === undefined) throw new BadField('type', 'not_ours');
  const isOurs = kind === 'tick' || kind === 'org_plan';
  const hasCampaign = !isOurs && kind !== 'source_heartbeat';
  const hasFlight = kind === 'budget_changed' || kind === 'flight_changed';
  return {
    kind: kind as OracleEvent['kind'],
    org: kind === 'tick' ? '' : id(raw, 'org_id'),
    eventId: isOurs ? '' : eventId(raw),
    campaign: hasCampaign ? id(raw, 'campaign_id') : '',
    flight: kind === 'flight_changed' ? id(raw, 'flight_id') : hasFlight ? optionalId(raw, 'flight_id') : null,
    eventTime: isOurs ? Number.NEGATIVE_INFINITY : instant(raw, 'event_time'),
    source: isOurs ? '' : id(raw, 'source'),
    test: isOurs ? false : yesNo(raw, 'test'),
    fields: { ...nothing, ...read(raw) },
  };
}

const nothing: EventFields = {
  actor: null,
  creative_id: '',
  policy_code: null,
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
  conversion_type: '',
  attribution: 'NONE',
  amount_micros: 0,
  period_start: 0,
  period_end: 0,
  cumulative: false,
  as_of: null,
  source_seq: null,
  produced_at: null,
  counts: new Map(),
  typed: [],
  opening: false,
  delta_micros: 0,
  applies_to: 0,
  deltas: {},
  budget_micros: 0,
  daily_cap_micros: null,
  goal: 'MONEY',
  goal_units: null,
  goal_daily_cap: null,
  effective_at: 0,
  ledger_version: 0,
  start_local: 0,
  end_local: 0,
  start_at: null,
  end_at: null,
  tz: '',
  mode: '',
  curve_id: null,
  rebase: '',
  rollover: 'NONE',
  status: '',
  cause: '',
  minute: 0,
  requests: 0,
  bids: 0,
  wins: 0,
  complete_through: 0,
  number: 0,
  body: '',
  signature: '',
};

const readers: Readonly<Record<OracleEvent['kind'], (raw: Fields) => Partial<EventFields>>> = {
  tick: () => ({}),
  org_plan: (raw) => ({
    number: count(raw, 'number'),
    body: text(raw, 'body'),
    signature: raw.signature === undefined ? '' : text(raw, 'signature'),
  }),
  impression: (raw) => ({
    currency: currency(raw),
    cpm_micros: micros(raw, 'cpm_micros', 0),
    cost_micros: micros(raw, 'cost_micros', 0),
    basis: oneOf(raw, 'basis', costBases, 'MEDIA'),
    measurable: yesNo(raw, 'measurable'),
    viewable: yesNo(raw, 'viewable'),
    invalid: isInvalid(raw),
    batch_count: count(raw, 'batch_count', 1, 1, intMax),
  }),
  click: (raw) => ({
    currency: currency(raw),
    cost_micros: micros(raw, 'cost_micros', 0),
    invalid: isInvalid(raw),
    batch_count: count(raw, 'batch_count', 1, 1, intMax),
  }),
  video_progress: (raw) => ({ quartile: oneOf(raw, 'event', quartiles) }),
  conversion: (raw) => ({
    currency: currency(raw),
    conversion_time: instant(raw, 'conversion_time'),
    touch_time: isAbsent(raw.touch_time) ? null : instant(raw, 'touch_time'),
    weight: weight(raw),
    revenue_micros: micros(raw, 'revenue_micros', 0),
    reversal: yesNo(raw, 'reversal'),
    conversion_type: isAbsent(raw.conversion_type) ? '' : label(raw, 'conversion_type'),
    attribution: oneOf(raw, 'attribution', ['NONE', 'CLICK', 'VIEW'], 'NONE'),
  }),
  spend: (raw) => ({
    currency: currency(raw),
    amount_micros: micros(raw, 'amount_micros'),
    cumulative: yesNo(raw, 'cumulative'),
    ...period(raw),
  }),
  performance_report: (raw) => ({
    amount_micros: isAbsent(raw.spend_micros) ? null : micros(raw, 'spend_micros'),
    ...reported(raw),
    ...(isAbsent(raw.spend_micros) &&
    isAbsent(raw.revenue_by_touch_micros) &&
    isAbsent(raw.revenue_by_conversion_micros)
      ? {}
      : { currency: currency(raw) }),
    ...period(raw),
  }),
  spend_adjustment: (raw) => ({
    currency: currency(raw),
    delta_micros: micros(raw, 'delta_micros'),
    applies_to: date(raw, 'applies_to'),
    opening: raw.reason === 'OPENING_BALANCE',
  }),
  metric_correction: (raw) => ({ applies_to: date(raw, 'applies_to'), deltas: counters(raw) }),
  budget_changed: (raw) => ({
    currency: currency(raw),
    budget_micros: budgetMicros(raw, 'budget_micros'),
    daily_cap_micros: isAbsent(raw.daily_cap_micros) ? null : budgetMicros(raw, 'daily_cap_micros'),
    effective_at: instant(raw, 'effective_at'),
    ledger_version: count(raw, 'ledger_version'),
    actor: isAbsent(raw.actor) ? null : text(raw, 'actor'),
    ...goal(raw),
  }),
  flight_changed: (raw) => ({
    start_local: date(raw, 'start_local'),
    end_local: date(raw, 'end_local'),
    start_at: isAbsent(raw.start_at) ? null : instant(raw, 'start_at'),
    end_at: isAbsent(raw.end_at) ? null : instant(raw, 'end_at'),
    tz: text(raw, 'tz'),
    mode: oneOf(raw, 'mode', ['EVEN', 'TRAFFIC', 'ASAP', 'AHEAD', 'FRONT_LOADED', 'DAYPARTED', 'CUSTOM'], 'EVEN'),
    curve_id: optionalId(raw, 'curve_id'),
    rebase: oneOf(raw, 'rebase', ['ON_PLAN', 'ON_ACTUAL', 'NONE'], 'ON_PLAN'),
    rollover: oneOf(raw, 'rollover', ['NONE', 'NEXT', 'LAST'], 'NONE'),
    effective_at: instant(raw, 'effective_at'),
    ledger_version: count(raw, 'ledger_version'),
  }),
  status_changed: (raw) => ({
    status: oneOf(raw, 'status', ['ACTIVE', 'PAUSED', 'ENDED']),
    cause: oneOf(raw, 'cause', ['SYSTEM', 'ADVERTISER', 'BUDGET', 'POLICY', 'PAYMENT', 'SCHEDULE'], 'SYSTEM'),
    effective_at: instant(raw, 'effective_at'),
  }),
  creative_status: (raw) => ({
    creative_id: text(raw, 'creative_id'),
    status: text(raw, 'status'),
    policy_code: isAbsent(raw.policy_code) ? null : text(raw, 'policy_code'),
  }),
  auction_stats: (raw) => ({
    minute: instant(raw, 'minute'),
    requests: count(raw, 'requests'),
    bids: count(raw, 'bids'),
    wins: count(raw, 'wins', 0, 0, intMax),
  }),
  source_heartbeat: (raw) => ({ complete_through: instant(raw, 'complete_through') }),
};

/** A period does not end before it starts, and has 400 days at most. */
function period(raw: Fields): Partial<EventFields> {
  const period_start = instant(raw, 'period_start');
  const period_end = instant(raw, 'period_end');
  if (period_end < period_start || period_end - period_start > 400 * day) throw new BadField('period_end');
  return {
    basis: oneOf(raw, 'basis', costBases, 'MEDIA'),
    period_start,
    period_end,
    as_of: isAbsent(raw.as_of) ? null : instant(raw, 'as_of'),
    source_seq: isAbsent(raw.source_seq) ? null : whole(raw, 'source_seq'),
    produced_at: isAbsent(raw.produced_at) ? null : instant(raw, 'produced_at'),
  };
}

/** What a report says, by column: counts, conversions in millionths, revenue. */
function reported(raw: Fields): Pick<EventFields, 'counts' | 'typed'> {
  const said = new Map<string, bigint>();
  const counts = (raw.counts ?? {}) as Fields;
  if (typeof counts !== 'object') throw new BadField('counts');
  for (const name of Object.keys(counts)) said.set(name, BigInt(count(counts, name)));
  const typed = (['conversions_by_touch', 'conversions_by_conversion'] as const).flatMap((name) => {
    const own = typedCounts(raw, name);
    const sum = own.reduce((all, { millionths }) => all + millionths, 0n);
    if (sum > 10n ** 15n) throw new BadField(name);
    const value = raw[name];
    if (isAbsent(value)) return own;
    if (typeof value !== 'number' || !(value >= 0 && value <= 1e9)) throw new BadField(name);
    const rest = BigInt(Math.round(value * 1e6)) - sum;
    if (rest < 0n) throw new BadField(name);
    said.set(name, rest);
    return own;
  });
  for (const name of ['revenue_by_touch_micros', 'revenue_by_conversion_micros'])
    if (!isAbsent(raw[name])) said.set(name, BigInt(micros(raw, name)));
  return { counts: said, typed };
}

/** Conversions by TYPE/ATTRIBUTION, millionths. */
function typedCounts(raw: Fields, column: TypedCount['column']): TypedCount[] {
  const of = (raw[`${column}_of`] ?? {}) as Fields;
  if (typeof of !== 'object' || Array.isArray(of) || Object.keys(of).length > 256) throw new BadField(`${column}_of`);
  return Object.keys(of).map((key) => {
    const [, type, attribution] = /^(.*)\/(CLICK|VIEW|NONE)$/s.exec(key) ?? [];
    if (attribution === undefined) throw new BadField(`${column}_of`);
    return { column, attribution, type: label({ type }, 'type'), millionths: BigInt(count(of, key)) };
  });
}

const intMax = 2_147_483_647;
const firstInstant = Date.UTC(2000, 0, 1);
const lastInstant = Date.UTC(2100, 0, 1);

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function label(raw: Fields, name: string): string {
  const value = text(raw, name);
  if (value.includes('\ufffd') || !value.isWellFormed()) throw new BadField(name);
  return value;
}

function text(raw: Fields, name: string): string {
  const value = raw[name];
  if (typeof value !== 'string') throw new BadField(name);
  return value;
}

function id(raw: Fields, name: string): string {
  const value = text(raw, name);
  if (!idPattern.test(value)) throw new BadField(name, 'bad_id');
  return value;
}

function optionalId(raw: Fields, name: string): string | null {
  return isAbsent(raw[name]) ? null : id(raw, name);
}

function eventId(raw: Fields): string {
  const hex = text(raw, 'event_id').replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new BadField('event_id');
  return hex;
}

function currency(raw: Fields): string {
  const code = text(raw, 'currency');
  if (!/^[A-Z]{3}$/.test(code)) throw new BadField('currency');
  return code;
}

function oneOf(raw: Fields, name: string, symbols: readonly string[], absent?: string): string {
  const value = raw[name] ?? absent;
  if (typeof value !== 'string' || !symbols.includes(value)) throw new BadField(name);
  return value;
}

function isInvalid(raw: Fields): boolean {
  return oneOf(raw, 'ivt', ['NONE', 'GIVT', 'SIVT'], 'NONE') !== 'NONE';
}

function yesNo(raw: Fields, name: string): boolean {
  const value = raw[name] ?? false;
  if (typeof value !== 'boolean') throw new BadField(name);
  return value;
}

function whole(raw: Fields, name: string, absent?: number): number {
  const value = raw[name] ?? absent;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new BadField(name);
  return value;
}

/** Money: a whole number beyond the safe integers has a reason of its own. */
function micros(raw: Fields, name: string, absent?: number): number {
  const value = raw[name] ?? absent;
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw new BadField(name, 'money_out_of_range');
  return whole(raw, name, absent);
}

/** A goal that is no money has its own amount and cap, and no cap of money; one of money has neither (§6.2). */
function goal(raw: Fields): Partial<EventFields> {
  const unit = oneOf(raw, 'goal', goals, 'MONEY');
  const ofTheOther = unit === 'MONEY' ? ['goal_units', 'goal_daily_cap'] : ['daily_cap_micros'];
  for (const name of ofTheOther) if (!isAbsent(raw[name])) throw new BadField(name);
  if (unit === 'MONEY') return {};
  const most = unit === 'CONVERSIONS' ? 1_000_000_000 : Number.MAX_SAFE_INTEGER;
  const units = (name: string) => count(raw, name, undefined, 0, most);
  return {
    goal: unit,
    goal_units: units('goal_units'),
    goal_daily_cap: isAbsent(raw.goal_daily_cap) ? null : units('goal_daily_cap'),
  };
}

const goals = ['MONEY', 'IMPRESSIONS', 'VIEWABLE_IMPRESSIONS', 'CLICKS', 'CONVERSIONS', 'COMPLETED_VIEWS'];

function budgetMicros(raw: Fields, name: string): number {
  const value = micros(raw, name);
  if (value < 0) throw new BadField(name);
  return value;
}

function count(raw: Fields, name: string, absent?: number, least = 0, most = Number.MAX_SAFE_INTEGER): number {
  const value = whole(raw, name, absent);
  if (value < least || value > most) throw new BadField(name);
  return value;
}

function weight(raw: Fields): number {
  const value = raw.weight ?? 1;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1_000)) throw new BadField('weight');
  return value;
}

function instant(raw: Fields, name: string): number {
  const value = raw[name];
  const parsed = typeof value === 'string' ? withZone(value) : value;
  if (typeof parsed !== 'number' || !Number.isInteger(parsed)) throw new BadField(name);
  if (parsed < firstInstant || parsed > lastInstant) throw new BadField(name, 'bad_time');
  return parsed;
}

function withZone(value: string): number {
  if (!/T.*(Z|[+-]\d\d:\d\d)$/.test(value) || !isCalendarDay(value.slice(0, 10))) return Number.NaN;
  return Date.parse(value);
}

/** Date.parse takes 30 February for 2 March. */
function isCalendarDay(text: string): boolean {
  const parsed = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(text);
}

function date(raw: Fields, name: string): number {
  const value = raw[name];
  const isText = typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value);
  const parsed = isText && isCalendarDay(value) ? Date.parse(value) / day : value;
  if (typeof parsed !== 'number' || !Number.isInteger(parsed)) throw new BadField(name);
  if (parsed * day < firstInstant || parsed * day > lastInstant) throw new BadField(name);
  return parsed;
}

function counters(raw: Fields): Readonly<Record<string, number>> {
  const deltas = raw.deltas;
  if (typeof deltas !== 'object' || deltas === null) throw new BadField('deltas');
  const names = Object.keys(deltas);
  if (names.length === 0) throw new BadField('deltas');
  for (const name of names) whole(deltas as Fields, name);
  return deltas as Readonly<Record<string, number>>;
}
