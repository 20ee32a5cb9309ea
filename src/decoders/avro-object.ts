import type { AvroField, AvroRecord, AvroType } from '../events/avro/schema.ts';
import { EngineError } from '../model/errors.ts';
import { type AvroCursor, listItemsMax } from './avro-cursor.ts';
import { skipValue } from './avro-skip.ts';
import { quoted } from './shown-value.ts';

/**
 * Reads a record as a plain object shaped like our own schema, whatever compatible schema wrote it
 * (Avro specification, "Schema Resolution"). For rare kinds, tools and tests; events of the hot kinds
 * go straight into columns. Where a record cannot be read, what is returned has no fields.
 */
export type ReadObject = (cursor: AvroCursor) => Record<string, unknown>;

type Read = (cursor: AvroCursor) => unknown;

export function compileObjectReader(writer: AvroRecord, reader: AvroRecord): ReadObject {
  const steps = writer.fields.map((field) => {
    const target = findTarget(reader, field.name);
    const read = target === undefined ? skipper(field.type) : compileResolved(field, target, reader.name);
    return { name: target?.name ?? null, written: field.name, read };
  });
  const missing = reader.fields.filter((field) => !writer.fields.some((each) => names(field).includes(each.name)));
  for (const field of missing) {
    if (!field.hasDefault) throw unresolvable(reader.name, field.name, 'the writer lacks it and it has no default');
  }
  const defaults = missing.map((field) => field.default);
  return generateReader(steps, defaults, [
    ...missing.map(({ name }, i) => [name, `defaults[${i}]`] as const),
    ...steps.flatMap(({ name }, i) => (name === null ? [] : [[name, `v${i}`] as const])),
  ]);
}

/** A step for each field of the writer: how it is read, and its name there. */
interface Step {
  readonly written: string;
  readonly read: Read;
}

const nothing: Record<string, unknown> = Object.freeze({});

/**
 * Straight-line code that ends in one literal: an object that gets its fields one by one is made anew every few of
 * them. Of schemas nothing but the names of our own fields enters the text, as strings.
 */
function generateReader(
  steps: readonly Step[],
  defaults: readonly unknown[],
  members: readonly (readonly [name: string, code: string])[],
): ReadObject {
  const lines = steps.map(
    (_, i) => `const v${i} = reads[${i}](cursor);
      if (cursor.problem !== null || cursor.at > cursor.end) return fail(cursor, ${i});`,
  );
  const literal = members.map(([name, code]) => `${JSON.stringify(name)}: ${code}`).join(', ');
  const make = new Function(
    'reads',
    'defaults',
    'fail',
    `return function readObject(cursor) {\n${lines.join('\n')}\nreturn { ${literal} };\n};`,
  );
  const fail = (cursor: AvroCursor, step: number): Record<string, unknown> => {
    cursor.failedField = steps[step].written;
    return nothing;
  };
  return make(
    steps.map(({ read }) => read),
    defaults,
    fail,
  ) as ReadObject;
}

export function names(field: AvroField): readonly string[] {
  return [field.name, ...field.aliases];
}

export function findTarget(reader: AvroRecord, name: string): AvroField | undefined {
  return reader.fields.find((field) => names(field).includes(name));
}

export function unresolvable(record: string, field: string, message: string): EngineError {
  return new EngineError('SCHEMA_UNRESOLVABLE', `${record}.${field}: ${message}`);
}

/** Types that count time, each in another way. */
const times = /^(date|(local-)?timestamp-(millis|micros|nanos)|time-(millis|micros))$/;

/** A time in other units is another time, also where the number fits. Throws SCHEMA_UNRESOLVABLE. */
export function requireSameTime(field: AvroField, wanted: AvroField, record: string): void {
  const [theirs, ours] = [field.logicalType ?? '', wanted.logicalType ?? ''];
  if (!times.test(ours) || !times.test(theirs) || theirs === ours) return;
  throw unresolvable(record, wanted.name, `the writer has ${theirs}, we read ${ours}`);
}

function compileResolved(field: AvroField, target: AvroField, record: string): Read {
  requireSameTime(field, target, record);
  const wanted = plainType(target.type);
  const branches = field.type.kind === 'union' ? field.type.branches : [field.type];
  const written = branches.find((branch) => isReadable(branch, wanted));
  if (written === undefined) {
    throw unresolvable(record, target.name, `the writer has ${plainType(field.type).kind}, we read ${wanted.kind}`);
  }
  if (field.type.kind === 'union' && target.type.kind !== 'union' && !target.hasDefault) {
    throw unresolvable(record, target.name, 'the writer may leave it null, we need it');
  }
  const reads = branches.map((branch) => compileBranch(branch, target.name, wanted));
  return field.type.kind === 'union' ? (cursor) => reads[cursor.symbol(reads.length)](cursor) : reads[0];
}

/** A branch that cannot be read as what we want is a bad field of the record that holds it. */
function compileBranch(written: AvroType, name: string, wanted: AvroType): Read {
  if (written.kind === 'null') return () => null;
  if (!isReadable(written, wanted)) {
    return (cursor) => cursor.fail('bad_field', `${name} is ${written.kind} here, we read ${wanted.kind}`);
  }
  const read = compileRead(written);
  if (written.kind !== 'enum' || wanted.kind !== 'enum') return read;
  return (cursor) => {
    const symbol = read(cursor) as string;
    if (wanted.symbols.includes(symbol)) return symbol;
    if (wanted.default === undefined) cursor.fail('bad_field', `${name} ${quoted(symbol)} is not a symbol we know`);
    return wanted.default;
  };
}

/** The type without its null branch. */
export function plainType(type: AvroType): AvroType {
  if (type.kind !== 'union') return type;
  return type.branches.find((branch) => branch.kind !== 'null') ?? type;
}

const promotions: Readonly<Record<string, readonly string[]>> = {
  int: ['int', 'long', 'float', 'double'],
  long: ['long', 'float', 'double'],
  float: ['float', 'double'],
  string: ['string', 'bytes'],
  bytes: ['bytes', 'string'],
};

export function isReadable(written: AvroType, wanted: AvroType): boolean {
  if (written.kind === 'fixed' && wanted.kind === 'fixed') return written.size === wanted.size;
  if ((written.kind === 'map' || written.kind === 'array') && written.kind === wanted.kind) {
    return isReadable(plainType(written.values), plainType(wanted.values));
  }
  return promotions[written.kind]?.includes(wanted.kind) ?? written.kind === wanted.kind;
}

function skipper(type: AvroType): Read {
  return (cursor) => skipValue(cursor, type);
}

/** Reads a value of the writer's type, which is one of ours, so it has an end. */
function compileRead(type: AvroType): Read {
  switch (type.kind) {
    case 'null':
      return () => null;
    case 'boolean':
      return (cursor) => cursor.boolean();
    case 'int':
    case 'long':
      return (cursor) => cursor.long();
    case 'float':
      return (cursor) => cursor.float();
    case 'double':
      return (cursor) => cursor.double();
    case 'string':
      return (cursor) => cursor.text();
    case 'bytes':
      return (cursor) => cursor.bytes.slice(cursor.skipBytes(), cursor.at);
    case 'fixed':
      return (cursor) => readFixed(cursor, type.size);
    case 'enum':
      return (cursor) => type.symbols[cursor.symbol(type.symbols.length)];
    case 'array':
    case 'map':
      return compileBlocks(type.kind, compileItem(type.values));
    case 'union':
    case 'record':
      return skipper(type); // None of ours has one here.
  }
}

function readFixed(cursor: AvroCursor, size: number): Uint8Array {
  const start = cursor.at;
  cursor.skip(size);
  return cursor.bytes.slice(start, Math.min(start + size, cursor.end));
}

/** Items may be null or one type. */
function compileItem(type: AvroType): Read {
  if (type.kind !== 'union') return compileRead(type);
  const plain = plainType(type);
  const reads = type.branches.map((branch) =>
    branch === plain || branch.kind === 'null' ? compileRead(branch) : skipper(branch),
  );
  return (cursor) => reads[cursor.symbol(reads.length)](cursor);
}

/** Blocks of counted items, ended by an empty one; a negative count is followed by the block's bytes. */
function compileBlocks(kind: 'array' | 'map', read: Read): Read {
  return (cursor) => {
    const entries: [string, unknown][] = [];
    for (;;) {
      let count = cursor.blockCount();
      if (count < 0) {
        count = -count;
        cursor.long();
      }
      if (count === 0 || cursor.problem !== null || cursor.at >= cursor.end) break;
      if (entries.length + count > listItemsMax)
        cursor.fail('bad_field', `a list holds more than ${listItemsMax} items`);
      for (; count > 0 && cursor.problem === null && cursor.at < cursor.end; count--) {
        entries.push([kind === 'map' ? cursor.text() : '', read(cursor)]);
      }
    }
    return kind === 'map' ? new Map(entries) : entries.map(([, value]) => value);
  };
}
