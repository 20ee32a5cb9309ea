import { EngineError } from '../../model/errors.ts';

/**
 * Avro schemas (https://avro.apache.org/docs/1.12.0/specification/), parsed and checked. A schema may
 * come from a remote registry: names are checked, depth and size are bounded, recursion is refused.
 */
export type Primitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

export type AvroType =
  | { readonly kind: Primitive }
  | { readonly kind: 'record'; readonly name: string; readonly fields: readonly AvroField[] }
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[]; readonly default?: string }
  | { readonly kind: 'fixed'; readonly name: string; readonly size: number }
  | { readonly kind: 'array' | 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] };

export interface AvroField {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly type: AvroType;
  readonly doc: string;
  readonly logicalType: string | null;
  readonly hasDefault: boolean;
  readonly default: unknown;
}

export type AvroRecord = Extract<AvroType, { kind: 'record' }>;

const primitives: readonly string[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];
const namePattern = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;
const depthMax = 8;
const membersMax = 512;
const fixedSizeMax = 4_096;

/** Parses a record schema; throws SCHEMA_UNRESOLVABLE with the place inside it. */
export function parseRecordSchema(json: unknown, origin: string): AvroRecord {
  const type = new SchemaParser(origin).type(json, '', 0);
  if (type.kind !== 'record') throw problem(origin, '', 'is not a record');
  return type;
}

function problem(origin: string, at: string, message: string): EngineError {
  return new EngineError('SCHEMA_UNRESOLVABLE', `${origin}${at === '' ? '' : `, at ${at}`}: ${message}`);
}

type Json = Readonly<Record<string, unknown>>;

class SchemaParser {
  readonly #origin: string;
  readonly #named = new Map<string, AvroType>();

  constructor(origin: string) {
    this.#origin = origin;
  }

  type(json: unknown, at: string, depth: number): AvroType {
    if (depth > depthMax) throw problem(this.#origin, at, `is nested deeper than ${depthMax}`);
    if (typeof json === 'string') return this.#byName(json, at);
    if (Array.isArray(json))
      return { kind: 'union', branches: this.#members(json, at).map((each) => this.type(each, at, depth + 1)) };
    if (typeof json !== 'object' || json === null) throw problem(this.#origin, at, 'is not a schema');
    const schema = json as Json;
    switch (schema.type) {
      case 'record':
        return this.#record(schema, at, depth);
      case 'enum':
        return this.#enum(schema, at);
      case 'fixed':
        return this.#fixed(schema, at);
      case 'array':
        return { kind: 'array', values: this.type(schema.items, `${at}[]`, depth + 1) };
      case 'map':
        return { kind: 'map', values: this.type(schema.values, `${at}{}`, depth + 1) };
      default:
        return this.type(schema.type, at, depth + 1);
    }
  }

  #byName(name: string, at: string): AvroType {
    if (primitives.includes(name)) return { kind: name as Primitive };
    const known = this.#named.get(shortName(name));
    if (known === undefined) throw problem(this.#origin, at, `unknown type "${name.slice(0, 64)}"`);
    return known;
  }

  #record(schema: Json, at: string, depth: number): AvroType {
    const name = this.#name(schema.name, at);
    const fields = this.#members(schema.fields, at).map((field) => this.#field(field as Json, `${at}${name}.`, depth));
    const type: AvroType = { kind: 'record', name, fields };
    this.#named.set(name, type);
    return type;
  }

  #field(json: Json, at: string, depth: number): AvroField {
    const name = this.#name(json.name, at);
    const inner = typeof json.type === 'object' && !Array.isArray(json.type) ? (json.type as Json | null) : null;
    const nullable = Array.isArray(json.type)
      ? (json.type.find((each) => typeof each === 'object') as Json | undefined)
      : null;
    return {
      name,
      aliases: this.#members(json.aliases ?? [], at).map((alias) => this.#name(alias, at)),
      type: this.type(json.type, `${at}${name}`, depth + 1),
      doc: typeof json.doc === 'string' ? json.doc : '',
      logicalType: String(inner?.logicalType ?? nullable?.logicalType ?? '') || null,
      hasDefault: Object.hasOwn(json, 'default'),
      default: json.default,
    };
  }

  #enum(schema: Json, at: string): AvroType {
    const name = this.#name(schema.name, at);
    const symbols = this.#members(schema.symbols, at).map((symbol) => this.#name(symbol, at));
    const fallback = schema.default === undefined ? {} : { default: this.#name(schema.default, at) };
    const type: AvroType = { kind: 'enum', name, symbols, ...fallback };
    this.#named.set(name, type);
    return type;
  }

  #fixed(schema: Json, at: string): AvroType {
    const name = this.#name(schema.name, at);
    const size = schema.size;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > fixedSizeMax) {
      throw problem(this.#origin, at, 'fixed needs a size');
    }
    const type: AvroType = { kind: 'fixed', name, size };
    this.#named.set(name, type);
    return type;
  }

  #members(json: unknown, at: string): readonly unknown[] {
    if (Array.isArray(json) && json.length <= membersMax) return json;
    throw problem(this.#origin, at, `needs a list of at most ${membersMax}`);
  }

  #name(json: unknown, at: string): string {
    if (typeof json === 'string' && namePattern.test(json)) return shortName(json);
    throw problem(this.#origin, at, `"${String(json).slice(0, 64)}" is not a name`);
  }
}

function shortName(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
