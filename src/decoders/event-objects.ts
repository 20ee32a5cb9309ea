import { isDeepStrictEqual } from 'node:util';
import { type AvroField, type AvroRecord, parseRecordSchema } from '../events/avro/schema.ts';
import { type EventKind, type KindName, kinds, kindsByName } from '../events/kinds.ts';
import { AvroCursor } from './avro-cursor.ts';
import { compileObjectReader, plainType, type ReadObject } from './avro-object.ts';
import type { SchemaRegistry, WriterSchema } from './decoder.ts';
import { parseDay, parseInstant } from './event-fields.ts';
import { readerSchema, releasedSchemas } from './event-schemas.ts';

/** What a field of an event is, whatever encoding brings it. */
type FieldType = 'string' | 'int' | 'long' | 'double' | 'boolean' | 'instant' | 'date' | 'id' | 'counts';

interface FieldFacts {
  readonly name: string;
  readonly type: FieldType;
  readonly doc: string;
  /** What a record means that leaves it out; null = nothing. */
  readonly absent: string | number | boolean | null;
}

/** All fields of a kind, in the order of its schema, and how late it may come. */
export function describeKind(kind: EventKind): {
  readonly kind: string;
  readonly lateness: string;
  readonly fields: readonly FieldFacts[];
} {
  return { kind, lateness: kinds[kind].lateness, fields: readerSchema(kind).fields.map(factsOf) };
}

function factsOf(field: AvroField): FieldFacts {
  const { name, doc } = field;
  const isPlain = field.type.kind !== 'union' && field.hasDefault && typeof field.default !== 'object';
  return { name, doc, type: typeOf(field), absent: isPlain ? (field.default as string | number | boolean) : null };
}

function typeOf(field: AvroField): FieldType {
  const type = plainType(field.type);
  if (type.kind === 'long') return isInstant(field) ? 'instant' : 'long';
  if (type.kind === 'int') return field.logicalType === 'date' ? 'date' : 'int';
  if (type.kind === 'fixed') return 'id';
  if (type.kind === 'map') return 'counts';
  if (type.kind === 'double' || type.kind === 'boolean') return type.kind;
  return 'string';
}

function isInstant({ logicalType }: AvroField): boolean {
  return logicalType === 'timestamp-millis';
}

const framingBytes = 5;

/**
 * Events as plain objects with all their fields, whatever encoding and compatible schema brought them: for tables that
 * keep what columns of a batch leave out. Records were checked when they were read first; what nobody checks then,
 * and is of another type than its field, is null here.
 */
export class EventObjects {
  readonly #registry: SchemaRegistry;
  readonly #readers = new Map<number, { readonly kind: string; readonly read: ReadObject } | null>();
  readonly #cursor = new AvroCursor();

  constructor(registry: SchemaRegistry) {
    this.#registry = registry;
  }

  /** Whether an id means a schema that we released, word for word. Throws REGISTRY_UNAVAILABLE. */
  async isReleased(kind: string, schemaId: number): Promise<boolean> {
    return (await this.releasedJson(kind, schemaId)) !== null;
  }

  /** The schema of an id as JSON, where it is one of ours of the kind. */
  async releasedJson(kind: string | null, schemaId: number): Promise<unknown> {
    const schema = await this.#registry.schema(schemaId);
    if (schema === null || schema.references.length > 0) return null;
    const own = releasedSchemas().filter((one) => kind === null || one.kind === kind);
    return own.find((one) => isDeepStrictEqual(one.schema, schema.json))?.schema ?? null;
  }

  /** Null when it is no event of the kind, or cannot be read. Instants in ms, days since 1970, ids in hex. */
  async decode(kind: string, value: Uint8Array): Promise<Record<string, unknown> | null> {
    const name = kindsByName.find(([one]) => one === kind)?.[0];
    if (name === undefined) return null;
    const raw = value[0] === 0 ? await this.#avro(name, value) : jsonOf(name, value);
    return raw === null ? null : normal(readerSchema(name), raw);
  }

  async #avro(kind: KindName, value: Uint8Array): Promise<Record<string, unknown> | null> {
    if (value.length < framingBytes) return null;
    const id = Buffer.from(value.buffer, value.byteOffset, value.length).readInt32BE(1);
    let reader = this.#readers.get(id);
    if (reader === undefined) {
      const schema = await this.#registry.schema(id);
      reader = schema === null ? null : readerOf(schema, kind, id);
      this.#readers.set(id, reader);
    }
    if (reader === null || reader.kind !== kind) return null;
    const cursor = this.#cursor;
    cursor.begin(value, framingBytes, value.length);
    const fields = reader.read(cursor);
    cursor.finish();
    return cursor.problem === null ? fields : null;
  }
}

function readerOf({ json, references }: WriterSchema, kind: KindName, id: number) {
  const writer = parseRecordSchema(json, `schema id ${id}`, references);
  return { kind, read: compileObjectReader(writer, readerSchema(kind)) };
}

function jsonOf(kind: KindName, value: Uint8Array): Record<string, unknown> | null {
  try {
    const text = Buffer.from(value.buffer, value.byteOffset, value.length)
      .toString('utf8')
      .replace(/^\ufeff/, '');
    const fields: unknown = JSON.parse(text);
    const isObject = typeof fields === 'object' && fields !== null && !Array.isArray(fields);
    return isObject && (fields as { type?: unknown }).type === kind ? (fields as Record<string, unknown>) : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function normal({ fields }: AvroRecord, raw: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(fields.map((field) => [field.name, normalValue(typeOf(field), raw[field.name])]));
}

function normalValue(type: FieldType, value: unknown): unknown {
  switch (type) {
    case 'id':
      return value instanceof Uint8Array
        ? Buffer.from(value).toString('hex')
        : String(value).replaceAll('-', '').toLowerCase();
    case 'instant':
      return typeof value === 'string' ? orNull(parseInstant(value)) : wholeOrNull(value);
    case 'date':
      return typeof value === 'string' ? orNull(parseDay(value)) : wholeOrNull(value);
    case 'int':
    case 'long':
      return wholeOrNull(value);
    case 'double':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      return typeof value === 'string' ? value : null;
    case 'counts':
      return countsOf(value);
  }
}

function countsOf(value: unknown): Record<string, number> {
  if (typeof value !== 'object' || value === null) return {};
  const entries: [unknown, unknown][] = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.filter(([, count]) => Number.isSafeInteger(count))) as Record<string, number>;
}

function wholeOrNull(value: unknown): number | null {
  return Number.isSafeInteger(value) ? (value as number) : null;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
