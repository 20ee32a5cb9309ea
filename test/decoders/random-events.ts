import fc from 'fast-check';
import { compileObjectReader } from '../../src/decoders/avro-object.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import { compileEncoder, frameValue } from '../../src/events/avro/encode.ts';
import type { AvroField, AvroType } from '../../src/events/avro/schema.ts';
import { eventKinds, type KindName, kinds } from '../../src/events/kinds.ts';

/** Seed of every property test of decoders and schemas; printed with each failure by fast-check. */
export const seed = 20_260_301;

export interface RandomEvent {
  readonly kind: KindName;
  /** Fields in the order of the schema; what has a default may be missing. Bytes as hex, as in JSON. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Any event that a producer may send, by the schema of its kind and the ranges that its docs state. */
export function randomEvent(kinds: readonly KindName[] = eventKinds): fc.Arbitrary<RandomEvent> {
  return fc.oneof(...kinds.map((kind) => fieldsOf(kind).map((fields) => ({ kind, fields }))));
}

/** Everything between the safe integers that Avro and JSON both carry. */
export const money = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -5_000_000, max: 5_000_000 }),
  fc.constantFrom(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);
const count = fc.oneof(fc.nat(), fc.maxSafeNat());
const id = fc.stringMatching(/^[A-Za-z0-9.:-][A-Za-z0-9_.:-]{0,63}$/);
const instant = fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 });

const typedConversions = fc.dictionary(
  fc.stringMatching(/^[a-z /]{0,9}\/(CLICK|VIEW|NONE)$/),
  fc.nat({ max: 100_000_000_000_000 }),
  { maxKeys: 5 },
);

const byName: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  event_id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  org_id: id,
  campaign_id: id,
  source: id,
  flight_id: id,
  curve_id: id,
  currency: fc.constantFrom('USD', 'EUR', 'JPY', 'KWD'),
  weight: fc.oneof(fc.double({ min: 0, max: 1_000, noNaN: true }), fc.constantFrom(0, 1, 0.5, 1_000)),
  batch_count: fc.integer({ min: 1, max: 2_147_483_647 }),
  budget_micros: count,
  daily_cap_micros: count,
  goal_units: count,
  goal_daily_cap: count,
  requests: count,
  bids: count,
  wins: fc.nat(),
  ledger_version: count,
  conversions_by_touch: fc.double({ min: 0, max: 1e9, noNaN: true }),
  conversions_by_conversion: fc.double({ min: 0, max: 1e9, noNaN: true }),
  conversions_by_touch_of: typedConversions,
  conversions_by_conversion_of: typedConversions,
  counts: fc.dictionary(fc.stringMatching(/^[a-z_]{1,20}$/), fc.maxSafeNat(), { maxKeys: 5 }),
  deltas: fc.dictionary(fc.stringMatching(/^[a-z_]{1,20}$/), fc.maxSafeInteger(), { minKeys: 1, maxKeys: 5 }),
};

function fieldsOf(kind: KindName): fc.Arbitrary<Record<string, unknown>> {
  const { fields } = readerSchema(kind);
  const model = Object.fromEntries(fields.map((field) => [field.name, arbitraryOf(field)]));
  const required = fields.filter((field) => !field.hasDefault).map(({ name }) => name);
  return fc.record(model, { requiredKeys: required as never, noNullPrototype: true }).map(sound);
}

/** Fields that must fit each other do: a period ends after its start, money has a currency. */
function sound(fields: Record<string, unknown>): Record<string, unknown> {
  const { period_start: start, period_end: end } = fields;
  if ('budget_micros' in fields) return withGoal(fields);
  if (typeof start !== 'number' || typeof end !== 'number') return fields;
  const length = end % (400 * 86_400_000);
  const money = ['spend_micros', 'revenue_by_touch_micros', 'revenue_by_conversion_micros'];
  const needsCurrency = money.some((name) => typeof fields[name] === 'number') && fields.currency == null;
  return {
    ...fields,
    period_end: Math.min(start + length, 4_102_444_800_000),
    ...(needsCurrency ? { currency: 'EUR' } : {}),
    ...enough(fields, 'conversions_by_touch'),
    ...enough(fields, 'conversions_by_conversion'),
  };
}

/** What is said of all conversions is at least what is said of those with a type. */
function enough(fields: Record<string, unknown>, name: string): Record<string, unknown> {
  const typed = Object.values((fields[`${name}_of`] ?? {}) as Record<string, number>);
  const sum = typed.reduce((all, each) => all + each, 0);
  const all = fields[name];
  return typeof all === 'number' && Math.round(all * 1e6) < sum ? { [name]: null } : {};
}

/** A goal that is no money has units, and no cap of money. */
function withGoal({ goal_units, goal_daily_cap, ...fields }: Record<string, unknown>): Record<string, unknown> {
  const { goal = 'MONEY' } = fields;
  if (goal === 'MONEY') return fields;
  const { daily_cap_micros: _, ...others } = fields;
  const small = (value: unknown) => (typeof value === 'number' ? value % 1_000_000_000 : value);
  return { ...others, goal_units: small(goal_units ?? 7), goal_daily_cap: small(goal_daily_cap ?? null) };
}

function arbitraryOf(field: AvroField): fc.Arbitrary<unknown> {
  const plain = byName[field.name] ?? ofType(field, withoutNull(field.type));
  if (field.name === 'campaign_id' && field.type.kind === 'union') return fc.constant(null);
  return field.type.kind === 'union' ? fc.option(plain, { freq: 3 }) : plain;
}

function withoutNull(type: AvroType): AvroType {
  return type.kind === 'union' ? (type.branches.find(({ kind }) => kind !== 'null') as AvroType) : type;
}

function ofType(field: AvroField, type: AvroType): fc.Arbitrary<unknown> {
  if (field.logicalType === 'timestamp-millis') return instant;
  if (field.logicalType === 'date') return fc.integer({ min: 10_957, max: 47_482 });
  switch (type.kind) {
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return money;
    case 'enum':
      return fc.constantFrom(...type.symbols);
    case 'string':
      return fc.string({ unit: 'grapheme', maxLength: 12 });
    default:
      throw new Error(`no events have a ${type.kind} here`);
  }
}

/** Schema id under which `avroValue` frames a kind: any number will do for a registry of the test's own. */
export function schemaIdOf(kind: KindName): number {
  return 100 + kinds[kind].number;
}

const encoders = new Map<KindName, ReturnType<typeof compileEncoder>>(
  eventKinds.map((kind) => [kind, compileEncoder(readerSchema(kind))]),
);

export function avroBody({ kind, fields }: RandomEvent): Uint8Array {
  return encoders.get(kind)!(fields);
}

export function avroValue(event: RandomEvent, schemaId = schemaIdOf(event.kind)): Uint8Array {
  return frameValue(schemaId, avroBody(event));
}

export function jsonValue({ kind, fields }: RandomEvent): Uint8Array {
  return Buffer.from(JSON.stringify({ type: kind, ...fields }));
}

export function objectReaderOf(kind: KindName) {
  return compileObjectReader(readerSchema(kind), readerSchema(kind));
}
