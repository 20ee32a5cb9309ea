import { assert } from '../../model/errors.ts';
import { grown } from '../../model/grown.ts';
import type { AvroField, AvroRecord, AvroType } from './schema.ts';

/** Avro binary writing, compiled to closures once per schema. Values are checked: a producer of ours never lies. */
class AvroWriter {
  bytes = new Uint8Array(1_024);
  length = 0;

  reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    this.bytes = grown(this.bytes, Math.max(this.bytes.length * 2, this.length + more));
  }

  /** Zigzag varint of a safe integer, or of any that 64 bits hold. */
  long(value: number | bigint): void {
    this.reserve(10);
    if (typeof value === 'bigint') {
      assert(BigInt.asIntN(64, value) === value, `a long has 64 bits, unlike ${value}`);
      return this.#large(value);
    }
    assert(Number.isSafeInteger(value), `a long is a safe integer, not ${value}`);
    let rest = value < 0 ? -2 * (value + 1) + 1 : 2 * value;
    // Doubling may leave 2^53: such values go through exact arithmetic.
    if (!Number.isSafeInteger(rest)) return this.#large(BigInt(value));
    while (rest > 127) {
      this.bytes[this.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.length++] = rest;
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  double(value: number, width: 4 | 8): void {
    this.reserve(8);
    const view = new DataView(this.bytes.buffer);
    if (width === 8) view.setFloat64(this.length, value, true);
    else view.setFloat32(this.length, value, true);
    this.length += width;
  }

  #large(value: bigint): void {
    let rest = value < 0n ? -2n * value - 1n : 2n * value;
    while (rest > 127n) {
      this.bytes[this.length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.bytes[this.length++] = Number(rest);
  }
}

const trueByte = Uint8Array.of(1);
const falseByte = Uint8Array.of(0);

type Write = (writer: AvroWriter, value: unknown) => void;

/** Encodes objects of a record schema; absent fields take their default. */
export function compileEncoder(schema: AvroRecord): (value: Readonly<Record<string, unknown>>) => Uint8Array {
  const write = compile(schema, schema.name);
  const writer = new AvroWriter();
  return (value) => {
    writer.length = 0;
    write(writer, value);
    return writer.bytes.slice(0, writer.length);
  };
}

function compile(type: AvroType, at: string): Write {
  switch (type.kind) {
    case 'null':
      return () => {};
    case 'boolean':
      return (writer, value) => writer.raw(value === true ? trueByte : falseByte);
    case 'int':
    case 'long':
      return (writer, value) => writer.long(typeof value === 'bigint' ? value : numberAt(value, at));
    case 'float':
      return (writer, value) => writer.double(numberAt(value, at), 4);
    case 'double':
      return (writer, value) => writer.double(numberAt(value, at), 8);
    case 'string':
    case 'bytes':
      return (writer, value) => writeBytes(writer, value, at);
    case 'fixed':
      return (writer, value) => writeFixed(writer, value, type.size, at);
    case 'enum':
      return (writer, value) => writer.long(symbolAt(type.symbols, value, at));
    case 'array':
    case 'map':
      return compileBlocks(type, at);
    case 'union':
      return compileUnion(type.branches, at);
    case 'record':
      return compileRecord(type.fields, at);
  }
}

function compileRecord(fields: readonly AvroField[], at: string): Write {
  const writes = fields.map((field) => ({ field, write: compile(field.type, `${at}.${field.name}`) }));
  return (writer, value) => {
    const record = value as Readonly<Record<string, unknown>>;
    for (const { field, write } of writes) {
      const given = record[field.name];
      assert(given !== undefined || field.hasDefault, `${at}.${field.name} is given`);
      write(writer, given === undefined ? field.default : given);
    }
  };
}

function compileUnion(branches: readonly AvroType[], at: string): Write {
  const nullIndex = branches.findIndex((branch) => branch.kind === 'null');
  const otherIndex = branches.findIndex((branch) => branch.kind !== 'null');
  assert(branches.length === 2 && nullIndex >= 0, `${at} is a union of null and one more`);
  const write = compile(branches[otherIndex], at);
  return (writer, value) => {
    const isNull = value === null;
    writer.long(isNull ? nullIndex : otherIndex);
    if (!isNull) write(writer, value);
  };
}

function compileBlocks(type: Extract<AvroType, { kind: 'array' | 'map' }>, at: string): Write {
  const write = compile(type.values, at);
  return (writer, value) => {
    const entries = type.kind === 'array' ? (value as unknown[]).map((each) => ['', each] as const) : mapEntries(value);
    if (entries.length > 0) writer.long(entries.length);
    for (const [key, each] of entries) {
      if (type.kind === 'map') writeBytes(writer, key, at);
      write(writer, each);
    }
    writer.long(0);
  };
}

function mapEntries(value: unknown): (readonly [string, unknown])[] {
  return value instanceof Map ? [...value] : Object.entries(value as Record<string, unknown>);
}

function numberAt(value: unknown, at: string): number {
  assert(typeof value === 'number', `${at} is a number, not ${String(value)}`);
  return value;
}

function symbolAt(symbols: readonly string[], value: unknown, at: string): number {
  const index = symbols.indexOf(value as string);
  assert(index >= 0, `${at} is one of ${symbols.join(', ')}, not ${String(value)}`);
  return index;
}

function writeBytes(writer: AvroWriter, value: unknown, at: string): void {
  assert(typeof value === 'string' || value instanceof Uint8Array, `${at} is text or bytes`);
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  writer.long(bytes.length);
  writer.raw(bytes);
}

function writeFixed(writer: AvroWriter, value: unknown, size: number, at: string): void {
  const bytes = typeof value === 'string' ? Buffer.from(value.replaceAll('-', ''), 'hex') : value;
  assert(bytes instanceof Uint8Array && bytes.length === size, `${at} has ${size} bytes`);
  writer.raw(bytes);
}

/** Confluent framing: a zero byte and the schema id, big-endian. */
export function frameValue(schemaId: number, value: Uint8Array): Uint8Array {
  const framed = new Uint8Array(value.length + 5);
  new DataView(framed.buffer).setInt32(1, schemaId);
  framed.set(value, 5);
  return framed;
}
