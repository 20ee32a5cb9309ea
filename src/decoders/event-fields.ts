import type {
  CampaignStatus,
  Detail,
  EventBatch,
  GoalUnit,
  PacingMode,
  Rebase,
  RejectReason,
  ReportedConversions,
  ReportSpan,
  Rollover,
  StatusCause,
  UnitGoal,
} from '../events/event-batch.ts';
import { attributions, flag, goalUnits, pacingModes, rollovers } from '../events/event-batch.ts';
import { type EventColumn, otherLabel } from '../events/event-columns.ts';
import { type DetailKind, type KindFacts, type KindName, kind, kinds, kindsByName } from '../events/kinds.ts';
import { idPattern } from '../model/ids.ts';
import { dayMs, type EventTimeMs, minuteMs } from '../model/time.ts';
import { quoted, shown } from './shown-value.ts';

/** An event as plain fields, to columns: rare Avro kinds and everything in JSON come this way. */
export type Fields = Readonly<Record<string, unknown>>;

/** A field that cannot be used; becomes a dead letter. */
export class BadField extends Error {
  readonly reason: RejectReason;
  constructor(reason: RejectReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** 2000-01-01 and 2100-01-01: instants outside are not milliseconds of any campaign. */
export const instantMin = 946_684_800_000;
export const instantMax = 4_102_444_800_000;

const labelLengthMax = 64;

/** Counts of 32 bits. */
export const smallCountMax = 2_147_483_647;

export function instantProblem(name: string, value: number): BadField | null {
  if (value >= instantMin && value <= instantMax) return null;
  const looksLikeSeconds = value * 1_000 >= instantMin && value * 1_000 <= instantMax;
  const hint = looksLikeSeconds ? '; it looks like seconds' : '';
  return new BadField('bad_time', `${name} is ${value}, not milliseconds between 2000 and 2100${hint}`);
}

/** The columns of a kind as a list, which is walked for each record. */
const columnsOf = new Map(kindsByName.map(([name, { columns }]) => [name, Object.entries(columns)]));

/** Fills one row; throws BadField. The row's kind is set last, when all is well. */
export function fillRow(batch: EventBatch, row: number, name: KindName, fields: Fields): void {
  clearRow(batch, row);
  const facts: KindFacts = kinds[name];
  if (facts.class !== 'system') envelope(batch, row, facts, fields);
  for (const [field, column] of columnsOf.get(name) ?? []) fillColumn(batch, row, field, column, fields);
  if (facts.hasDetail) {
    const detail = details[name as DetailKind](fields);
    if (detail.kind === 'org_plan') batch.orgs[row] = batch.dictionaries.orgs.internText(detail.org_id);
    batch.details.set(row, detail);
  }
  batch.kinds[row] = kind[name];
}

export function clearRow(batch: EventBatch, row: number): void {
  batch.kinds[row] = kind.rejected;
  batch.flags[row] = 0;
  batch.basis[row] = 0;
  batch.code[row] = 0;
  batch.orgs[row] = -1;
  batch.campaigns[row] = -1;
  batch.sources[row] = -1;
  batch.currencies[row] = -1;
  batch.counts[row] = 0;
  batch.eventIds.fill(0, 4 * row, 4 * row + 4);
  batch.eventTimes[row] = 0 as EventTimeMs;
  batch.amount[row] = 0;
  batch.amount2[row] = 0;
  batch.t1[row] = 0;
  batch.t2[row] = 0;
}

function envelope(batch: EventBatch, row: number, facts: KindFacts, fields: Fields): void {
  const { orgs, campaigns, sources } = batch.dictionaries;
  eventId(batch, row, fields);
  const org = id(fields, 'org_id');
  const campaign = facts.class === 'organization' ? null : id(fields, 'campaign_id');
  const source = id(fields, 'source');
  batch.eventTimes[row] = instant(fields, 'event_time');
  if (boolean(fields, 'test', false)) batch.flags[row] |= flag.test;
  batch.orgs[row] = orgs.internText(org);
  batch.campaigns[row] = campaign === null ? -1 : campaigns.internText(campaign);
  batch.sources[row] = sources.internText(source);
}

/** Puts one field into its column. */
function fillColumn(batch: EventBatch, row: number, name: string, column: EventColumn, fields: Fields): void {
  switch (column.take) {
    case 'money':
      batch[column.column][row] = money(fields, name, column.absent);
      return;
    case 'count':
      batch[column.column][row] = count(fields, name);
      return;
    case 'smallCount':
      batch.counts[row] = smallCount(fields, name, column.least, column.absent);
      return;
    case 'weight':
      batch[column.column][row] = weightInMillionths(fields[name] ?? column.absent);
      return;
    case 'instant':
      batch[column.column][row] =
        column.absent !== undefined && isAbsent(fields[name]) ? column.absent : instant(fields, name);
      return;
    case 'day':
      batch[column.column][row] = date(fields, name);
      return;
    case 'symbol':
      batch[column.column][row] = symbol(fields, name, column.symbols, column.absent);
      return;
    case 'flag':
      if (boolean(fields, name, false)) batch.flags[row] |= column.bit;
      return;
    case 'symbolFlag':
      if (symbol(fields, name, column.symbols, column.symbols[0]) !== 0) batch.flags[row] |= column.bit;
      return;
    case 'label':
      batch.counts[row] = isAbsent(fields[name])
        ? 0
        : ~batch.dictionaries.labels.internText(label(name, text(fields, name)));
      return;
    case 'currency':
      if (column.isOptional !== true || !isAbsent(fields[name])) currency(batch, row, name, fields);
  }
}

/** What columns do not hold. */
const details: { readonly [Name in DetailKind]: (fields: Fields) => Detail & { kind: Name } } = {
  org_plan: (fields) => ({
    kind: 'org_plan',
    org_id: id(fields, 'org_id'),
    number: count(fields, 'number'),
    hash: text(fields, 'hash'),
    body: text(fields, 'body'),
    signature: text(fields, 'signature', ''),
  }),
  spend: (fields) => ({ kind: 'spend', ...reportSpan(fields) }),
  performance_report: performance,
  spend_adjustment: (fields) => ({
    kind: 'spend_adjustment',
    reason: oneOf(fields, 'reason', adjustmentReasons, 'CORRECTION'),
  }),
  metric_correction: (fields) => ({
    kind: 'metric_correction',
    deltas: deltas(fields),
    reason: text(fields, 'reason', ''),
  }),
  budget_changed: budget,
  flight_changed: flight,
  status_changed: (fields) => ({
    kind: 'status_changed',
    status: oneOf<CampaignStatus>(fields, 'status', ['ACTIVE', 'PAUSED', 'ENDED']),
    cause: oneOf<StatusCause>(fields, 'cause', causes, 'SYSTEM'),
    effective_at: instant(fields, 'effective_at'),
  }),
  creative_status: (fields) => ({
    kind: 'creative_status',
    creative_id: text(fields, 'creative_id'),
    status: text(fields, 'status'),
    policy_code: isAbsent(fields.policy_code) ? null : text(fields, 'policy_code'),
  }),
  source_heartbeat: (fields) => ({ kind: 'source_heartbeat', count: integer(fields, 'count', 0) }),
};

const adjustmentReasons = ['CORRECTION', 'IVT', 'CREDIT', 'OVERDELIVERY', 'MAKEGOOD', 'FX', 'OPENING_BALANCE'] as const;

/** The longest period that a report may be about: a year, and a little more. */
const periodMaxMs = 400 * dayMs;

function reportSpan(fields: Fields): ReportSpan {
  const from = instant(fields, 'period_start');
  const end = instant(fields, 'period_end');
  const problem = periodProblem(from, end);
  if (problem !== null) throw new BadField('bad_field', problem);
  const maybe = (name: string) => (isAbsent(fields[name]) ? Number.NaN : instant(fields, name));
  const asOf = maybe('as_of');
  const sequence = isAbsent(fields.source_seq) ? Number.NaN : integer(fields, 'source_seq');
  const producedAt = maybe('produced_at');
  const at = instant(fields, 'event_time');
  return { to: spanEnd(from, end, at, asOf), order: orderOf(at, sequence, producedAt) };
}

/** What is wrong with the period of a report; null = nothing. */
export function periodProblem(start: number, end: number): string | null {
  if (end < start) return `period_end ${end} lies before period_start ${start}`;
  return end - start > periodMaxMs ? 'the period is longer than 400 days' : null;
}

/** Up to where a report speaks of its period (docs/semantics.md §4.4); NaN = not said. */
export function spanEnd(from: number, end: number, eventTime: number, asOf: number): number {
  const usual = eventTime > from && eventTime < end ? eventTime : end;
  const taken = Number.isNaN(asOf) ? usual : asOf;
  return Math.max(from, Math.min(end, Math.ceil(taken / minuteMs) * minuteMs));
}

/** Its place in its source's order; NaN = not said. */
export function orderOf(eventTime: number, sequence: number, producedAt: number): number {
  if (!Number.isNaN(sequence)) return sequence;
  return Number.isNaN(producedAt) ? eventTime : producedAt;
}

function performance(fields: Fields): Detail & { kind: 'performance_report' } {
  const hasSpend = !isAbsent(fields.spend_micros);
  const revenueByTouch = money(fields, 'revenue_by_touch_micros', 0);
  const revenueByConversion = money(fields, 'revenue_by_conversion_micros', 0);
  const hasRevenue = !isAbsent(fields.revenue_by_touch_micros) || !isAbsent(fields.revenue_by_conversion_micros);
  if ((hasSpend || hasRevenue) && isAbsent(fields.currency)) throw bad('currency', 'there beside money', undefined);
  return {
    kind: 'performance_report',
    hasSpend,
    hasRevenue,
    counts: counters(fields, 'counts', {}, (name, value) => count({ [name]: value }, name)),
    ...reportedConversions(fields),
    revenueByTouch,
    revenueByConversion,
    ...reportSpan(fields),
  };
}

const typedMax = 256;

function reportedConversions(fields: Fields) {
  const byTouch = typedConversions(fields, 'conversions_by_touch');
  const byConversion = typedConversions(fields, 'conversions_by_conversion');
  return {
    conversionsByTouch: withoutType(fields, 'conversions_by_touch', byTouch),
    conversionsByConversion: withoutType(fields, 'conversions_by_conversion', byConversion),
    typed: [...byTouch, ...byConversion],
  };
}

/** By `TYPE/ATTRIBUTION`; a type may have a stroke in it. */
function typedConversions(fields: Fields, of: string): readonly ReportedConversions[] {
  const name = `${of}_of`;
  const read = (key: string, value: unknown) => {
    const place = `${name}[${quoted(key)}]`;
    return count({ [place]: value }, place);
  };
  const all = counters(fields, name, {}, read);
  if (all.size > typedMax) throw new BadField('bad_field', `${name} has more than ${typedMax} entries`);
  return [...all].map(([key, amount]) => {
    const stroke = key.lastIndexOf('/');
    const attribution = attributions.findIndex((each) => each === key.slice(stroke + 1));
    if (stroke < 0 || attribution < 0)
      throw new BadField('bad_field', `${name} ${quoted(key)} is not TYPE/CLICK, TYPE/VIEW or TYPE/NONE`);
    return { type: label(name, key.slice(0, stroke)), attribution, isByTouch: of === 'conversions_by_touch', amount };
  });
}

/** What of all conversions has no type. */
function withoutType(fields: Fields, name: string, typed: readonly ReportedConversions[]): number {
  const sum = typed.reduce((all, { amount }) => all + amount, 0);
  if (sum > 1e15) throw bad(`${name}_of`, 'from 0 to 1000000000 in all', sum / 1e6);
  if (isAbsent(fields[name])) return 0;
  const all = conversions(fields, name);
  if (all < sum) throw bad(name, `at least what ${name}_of has in all, ${sum / 1e6}`, fields[name]);
  return all - sum;
}

/** In millionths; a report has a thousand million at most, so that they stay safe integers. */
function conversions(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1e9)) throw bad(name, 'from 0 to 1000000000', value);
  return Math.round(value * 1e6);
}

const causes: readonly StatusCause[] = ['SYSTEM', 'ADVERTISER', 'BUDGET', 'POLICY', 'PAYMENT', 'SCHEDULE'];

function budget(fields: Fields): Detail & { kind: 'budget_changed' } {
  const budget_micros = money(fields, 'budget_micros');
  const daily_cap_micros = isAbsent(fields.daily_cap_micros) ? null : money(fields, 'daily_cap_micros');
  if (budget_micros < 0 || (daily_cap_micros ?? 0) < 0) throw new BadField('bad_field', 'a budget or cap is negative');
  return {
    kind: 'budget_changed',
    flight_id: isAbsent(fields.flight_id) ? null : id(fields, 'flight_id'),
    budget_micros,
    daily_cap_micros,
    ...unitGoal(fields),
    effective_at: instant(fields, 'effective_at'),
    actor: isAbsent(fields.actor) ? null : text(fields, 'actor'),
    ledger_version: count(fields, 'ledger_version'),
  };
}

/** Of a goal that is no money; nothing of one that is. */
function unitGoal(fields: Fields): { readonly goal?: UnitGoal } {
  const unit = oneOf<GoalUnit>(fields, 'goal', goalUnits, 'MONEY');
  if (unit === 'MONEY') {
    for (const name of ['goal_units', 'goal_daily_cap'])
      if (!isAbsent(fields[name])) throw bad(name, 'absent where the goal is MONEY', fields[name]);
    return {};
  }
  if (!isAbsent(fields.daily_cap_micros))
    throw bad(
      'daily_cap_micros',
      `absent where the goal is ${unit}, which goal_daily_cap caps`,
      fields.daily_cap_micros,
    );
  const dailyCap = isAbsent(fields.goal_daily_cap) ? null : units(fields, 'goal_daily_cap', unit);
  return { goal: { unit, total: units(fields, 'goal_units', unit), dailyCap } };
}

function units(fields: Fields, name: string, unit: GoalUnit): number {
  const value = count(fields, name);
  if (unit === 'CONVERSIONS' && value > goalConversionsMax) throw bad(name, `at most ${goalConversionsMax}`, value);
  return value;
}

/** They are kept in millionths, as safe integers. */
const goalConversionsMax = 1e9;

function flight(fields: Fields): Detail & { kind: 'flight_changed' } {
  const rollover = oneOf<Rollover>(fields, 'rollover', rollovers, 'NONE');
  return {
    kind: 'flight_changed',
    flight_id: id(fields, 'flight_id'),
    start_local: date(fields, 'start_local'),
    end_local: date(fields, 'end_local'),
    ...(isAbsent(fields.start_at) ? {} : { start_at: instant(fields, 'start_at') }),
    ...(isAbsent(fields.end_at) ? {} : { end_at: instant(fields, 'end_at') }),
    tz: text(fields, 'tz'),
    mode: oneOf<PacingMode>(fields, 'mode', pacingModes, 'EVEN'),
    curve_id: isAbsent(fields.curve_id) ? null : id(fields, 'curve_id'),
    rebase: oneOf<Rebase>(fields, 'rebase', ['ON_PLAN', 'ON_ACTUAL', 'NONE'], 'ON_PLAN'),
    ...(rollover === 'NONE' ? {} : { rollover }),
    effective_at: instant(fields, 'effective_at'),
    ledger_version: count(fields, 'ledger_version'),
  };
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function bad(name: string, wanted: string, value: unknown): BadField {
  return new BadField('bad_field', `${name} must be ${wanted}, it is ${shown(value)}`);
}

function text(fields: Fields, name: string, absent?: string): string {
  const value = fields[name] ?? absent;
  if (typeof value !== 'string') throw bad(name, 'text', value);
  return value;
}

function id(fields: Fields, name: string): string {
  const value = text(fields, name);
  if (idPattern.test(value)) return value;
  throw new BadField('bad_id', `${name} ${quoted(value)} is not 1 to 64 of A-Z a-z 0-9 _ . : -`);
}

function boolean(fields: Fields, name: string, absent: boolean): boolean {
  const value = fields[name] ?? absent;
  if (typeof value !== 'boolean') throw bad(name, 'true or false', value);
  return value;
}

function integer(fields: Fields, name: string, absent?: number): number {
  const value = fields[name] ?? absent;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw bad(name, 'an integer', value);
  return value;
}

function money(fields: Fields, name: string, absent?: number): number {
  const value = fields[name] ?? absent;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw bad(name, 'integer micros', value);
  if (!Number.isSafeInteger(value)) throw new BadField('money_out_of_range', `${name} lies beyond ±(2^53 − 1)`);
  return value;
}

function count(fields: Fields, name: string, absent?: number): number {
  const value = integer(fields, name, absent);
  if (value < 0) throw bad(name, 'not negative', value);
  return value;
}

function smallCount(fields: Fields, name: string, least: number, absent?: number): number {
  const value = count(fields, name, absent);
  if (value < least) throw bad(name, `at least ${least}`, value);
  if (value > smallCountMax) throw bad(name, `at most ${smallCountMax}`, value);
  return value;
}

/** Milliseconds, or ISO text with a zone. */
function instant(fields: Fields, name: string): EventTimeMs {
  const value = fields[name];
  const parsed = typeof value === 'string' ? parseInstant(value) : value;
  if (typeof parsed !== 'number' || !Number.isInteger(parsed))
    throw bad(name, typeof value === 'string' ? 'ISO 8601 with a zone' : 'integer milliseconds', value);
  const problem = instantProblem(name, parsed);
  if (problem !== null) throw problem;
  return parsed as EventTimeMs;
}

/** ISO text with a zone, to ms; NaN when it is none. */
export function parseInstant(value: string): number {
  const isIso = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value);
  return isIso && isCalendarDay(value.slice(0, 10)) ? Date.parse(value) : Number.NaN;
}

/** `Date.parse` takes 30 February for 2 March. */
function isCalendarDay(text: string): boolean {
  const [year, month, day] = text.split('-').map(Number);
  const nextMonth = Date.UTC(year, month, 1);
  return month >= 1 && month <= 12 && day >= 1 && Date.UTC(year, month - 1, day) < nextMonth;
}

/** Days since 1970-01-01, or YYYY-MM-DD. */
function date(fields: Fields, name: string): number {
  const value = fields[name];
  if (value === undefined) throw bad(name, aDate, value);
  const days = typeof value === 'string' ? parseDay(value) : value;
  return checkedDay(name, typeof days === 'number' ? days : Number.NaN, value);
}

/** YYYY-MM-DD to days since 1970-01-01; NaN when it is none. */
export function parseDay(value: string): number {
  const isDay = /^\d{4}-\d\d-\d\d$/.test(value) && isCalendarDay(value);
  return isDay ? Date.parse(`${value}T00:00:00Z`) / dayMs : Number.NaN;
}

export function checkedDay(name: string, days: number, shown: unknown = days): number {
  if (Number.isInteger(days) && days * dayMs >= instantMin && days * dayMs <= instantMax) return days;
  throw bad(name, aDate, shown);
}

const aDate = 'a date between 2000 and 2100';

function symbol(fields: Fields, name: string, symbols: readonly string[], absent?: string): number {
  return symbols.indexOf(oneOf(fields, name, symbols, absent));
}

function oneOf<T extends string>(fields: Fields, name: string, symbols: readonly T[], absent?: T): T {
  const value = fields[name] ?? absent;
  if (symbols.includes(value as T)) return value as T;
  throw bad(name, `one of ${symbols.join(', ')}`, value);
}

function currency(batch: EventBatch, row: number, name: string, fields: Fields): void {
  const code = text(fields, name);
  if (!/^[A-Z]{3}$/.test(code)) {
    throw new BadField('bad_field', `${name} ${quoted(code)} is not an ISO-4217 code`);
  }
  batch.currencies[row] = batch.dictionaries.currencies.internText(code);
}

/** A short text that is told apart from others; a longer one is one of the others. U+FFFD is what is left of letters that were lost. */
export function label(name: string, text: string): string {
  if (text.includes('\ufffd') || !text.isWellFormed())
    throw new BadField('bad_field', `${name} ${quoted(text)} has letters that were lost on the way`);
  return text.length > labelLengthMax ? otherLabel : text;
}

/** Weight of a conversion: 0 to 1000, kept in millionths. */
export function weightInMillionths(weight: unknown): number {
  if (typeof weight !== 'number' || !(weight >= 0 && weight <= 1_000)) throw bad('weight', 'from 0 to 1000', weight);
  return Math.round(weight * 1e6);
}

function eventId(batch: EventBatch, row: number, fields: Fields): void {
  const value = fields.event_id;
  // A Buffer stops at the first character that is not hex, so the text is looked at first.
  const isHex = typeof value === 'string' && /^[0-9a-fA-F-]*$/.test(value);
  const bytes = isHex ? Buffer.from(value.replaceAll('-', ''), 'hex') : value;
  if (!(bytes instanceof Uint8Array) || bytes.length !== 16) throw bad('event_id', '16 bytes (32 hex digits)', value);
  for (let word = 0; word < 4; word++) {
    const at = 4 * word;
    batch.eventIds[4 * row + word] = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
  }
}

function deltas(fields: Fields): Map<string, number> {
  const found = counters(fields, 'deltas', undefined, (_, delta) => integer({ delta }, 'delta'));
  if (found.size === 0) throw new BadField('bad_field', 'deltas name no counter');
  return found;
}

/** A map of Avro, or an object of JSON, from names to whole numbers. */
function counters(
  fields: Fields,
  name: string,
  absent: object | undefined,
  read: (name: string, value: unknown) => number,
): Map<string, number> {
  const value = fields[name] ?? absent;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(name, 'a map of counters', value);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return new Map(entries.map(([each, amount]) => [each as string, read(each as string, amount)]));
}
