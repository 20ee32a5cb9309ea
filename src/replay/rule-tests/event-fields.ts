import type { AvroField, AvroRecord } from '../../events/avro/schema.ts';
import { dayText } from '../../model/day-text.ts';
import { nearest } from '../../model/nearest.ts';
import { dayMs } from '../../model/time.ts';
import type { Zone } from '../../model/zones.ts';
import { duration } from '../../plans/duration.ts';
import { millionths } from './series.ts';

/** Something in the fields of a record that a person wrote; `field` is the key at which it stands. */
export class FieldProblem extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** When a test begins, and where its days do. */
export interface TestTime {
  /** Epoch ms. */
  readonly startMs: number;
  readonly zone: Zone;
}

/** `26h` since the beginning, `2026-03-04` (its first instant in the zone of the test) or `2026-03-04T09:00:00Z`: epoch ms, null when it is none. */
export function instantOf(text: string, { startMs, zone }: TestTime): number | null {
  const since = duration.safeParse(text);
  if (since.success) return startMs + since.data;
  const day = dayOf(text);
  if (day !== null) return zone.dayStart(day);
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?Z$/.test(text)) return null;
  const instant = Date.parse(text);
  return Number.isNaN(instant) || dayOf(text.slice(0, 10)) === null ? null : instant;
}

export const instantWish =
  'must be a duration since the beginning like 26h, a day like 2026-03-04, or 2026-03-04T09:00:00Z';

/** Days since 1970 of `2026-03-04`; null when there is no such day. */
export function dayOf(text: string): number | null {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return null;
  const at = Date.parse(`${text}T00:00:00Z`);
  // Date.parse makes 2 March of 30 February.
  return Number.isNaN(at) || dayText(at / dayMs) !== text ? null : at / dayMs;
}

/**
 * The fields of a record as people write them, as JSON of the log holds them: money in currency units without
 * `_micros`, instants and days in words. All other values stay as they are: the engine's own decoder judges them.
 */
export function recordFields(
  schema: AvroRecord,
  written: Readonly<Record<string, unknown>>,
  time: TestTime,
): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(written).map(([key, value]) => {
      const field = fieldOf(schema, key);
      return [field.name, fieldValue(field, key, value, time)];
    }),
  );
}

/** Whether a kind has the field, under its own name or without `_micros`. */
export function knowsField(schema: AvroRecord, key: string): boolean {
  return schema.fields.some(({ name }) => name === key || name === `${key}_micros`);
}

function fieldOf(schema: AvroRecord, key: string): AvroField {
  const found = schema.fields.find(({ name }) => name === key || name === `${key}_micros`);
  if (found !== undefined) return found;
  throw new FieldProblem(key, unknownField(key, [schema]));
}

/** What to say of a key that is no field of the records, with the nearest one that is. */
export function unknownField(key: string, schemas: readonly AvroRecord[], others: readonly string[] = []): string {
  const all = schemas.flatMap(({ fields }) => fields.map(({ name }) => name.replace(/_micros$/, '')));
  const known = [...new Set([...others, ...all.filter((name) => !envelopeFields.has(name))])];
  const near = nearest(key, [...known, ...envelopeFields]);
  return `unknown field "${key}"; ${near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`}`;
}

/** What every record has and no test needs to say. */
const envelopeFields = new Set([
  'event_id',
  'org_id',
  'event_time',
  'produced_at',
  'source_seq',
  'schema_version',
  'correlation_id',
  'supersedes',
  'test',
]);

function fieldValue({ name, logicalType }: AvroField, key: string, value: unknown, time: TestTime): unknown {
  if (name === `${key}_micros`) return value === null ? null : microsOf(key, value);
  if (typeof value !== 'string') return value;
  if (logicalType === 'timestamp-millis') {
    const instant = instantOf(value, time);
    if (instant === null) throw new FieldProblem(key, `${key} "${value}": ${instantWish}`);
    return instant;
  }
  if (logicalType === 'date') {
    const day = dayOf(value);
    if (day === null) throw new FieldProblem(key, `${key} "${value}": must be a day like 2026-03-04`);
    return day;
  }
  return value;
}

function microsOf(key: string, value: unknown): number {
  const match = /^(-?)(\d+(?:\.\d{1,6})?)$/.exec(String(value));
  const micros = match === null ? Number.NaN : Number(millionths(match[2]));
  if (!Number.isSafeInteger(micros))
    throw new FieldProblem(key, `${key} "${String(value)}": must be money in currency units, such as 2400 or 0.25`);
  return match?.[1] === '-' ? -micros : micros;
}
