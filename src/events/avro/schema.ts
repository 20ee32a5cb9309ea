import { EngineError } from '../../model/errors.ts';

/**
 * Avro schemas (https://avro.apache.org/docs/1.12.0/specification/), parsed and checked. A schema may
 * come from a remote registry: its size is bounded, and so is what reading it may cost. Names resolve
 * by their full name; a type may refer to itself, so types are a graph and whoever walks one must know.
 */
type Primitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

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

/** `name` is the last part of the full name. */
export type AvroRecord = Extract<AvroType, { kind: 'record' }>;

const primitives: readonly string[] = ['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'];
/** Other libraries take names that the specification does not; ours to bound is only their length. */
const nameLengthMax = 512;
/** Deeper than any schema that people write, and far from the end of the stack. */
const depthMax = 64;
/** Types, fields and symbols together: what is larger is no event, and all of it is kept in memory. */
const partsMax = 20_000;
const fixedSizeMax = 1024 * 1024;

/** Parses a record schema and those that it refers to, each behind what it needs; throws SCHEMA_UNRESOLVABLE with the place. */
export function parseRecordSchema(json: unknown, origin: string, references: readonly unknown[] = []): AvroRecord {
  const parser = new SchemaParser(origin);
  for (const reference of references) parser.type(reference, '', 0, '');
  const type = parser.type(json, '', 0, '');
  if (type.kind !== 'record') throw problem(origin, '', 'is not a record');
  parser.checkValues();
  return type;
}

function problem(origin: string, at: string, message: string): EngineError {
  return new EngineError('SCHEMA_UNRESOLVABLE', `${origin}${at === '' ? '' : `, at ${at}`}: ${message}`);
}

type Json = Readonly<Record<string, unknown>>;

/** Two names of a type: the whole one, and where names inside it begin. */
interface TypeName {
  readonly full: string;
  readonly namespace: string;
}

class SchemaParser {
  readonly #origin: string;
  readonly #named = new Map<string, AvroType>();
  #parts = 0;

  constructor(origin: string) {
    this.#origin = origin;
  }

  type(json: unknown, at: string, depth: number, namespace: string): AvroType {
    if (depth > depthMax) throw problem(this.#origin, at, `is nested deeper than ${depthMax}`);
    this.#count(1, at);
    if (typeof json === 'string') return this.#byName(json, at, namespace);
    if (Array.isArray(json)) {
      const branches = this.#members(json, at).map((each) => this.type(each, at, depth + 1, namespace));
      return { kind: 'union', branches };
    }
    if (typeof json !== 'object' || json === null) throw problem(this.#origin, at, 'is not a schema');
    const schema = json as Json;
    switch (schema.type) {
      case 'record':
      case 'error':
        return this.#record(schema, at, depth, namespace);
      case 'enum':
        return this.#enum(schema, at, namespace);
      case 'fixed':
        return this.#fixed(schema, at, namespace);
      case 'array':
        return { kind: 'array', values: this.type(schema.items, `${at}[]`, depth + 1, namespace) };
      case 'map':
        return { kind: 'map', values: this.type(schema.values, `${at}{}`, depth + 1, namespace) };
      default:
        return this.type(schema.type, at, depth + 1, namespace);
    }
  }

  /** A name without a namespace means the enclosing one; what is not there may be of none. */
  #byName(name: string, at: string, namespace: string): AvroType {
    if (primitives.includes(name)) return { kind: name as Primitive };
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    const known = this.#named.get(full) ?? this.#named.get(name);
    if (known === undefined) throw problem(this.#origin, at, `unknown type "${shortened(full)}"`);
    return known;
  }

  #record(schema: Json, at: string, depth: number, enclosing: string): AvroType {
    const { full, namespace } = this.#typeName(schema, at, enclosing);
    const name = lastPart(full);
    const fields: AvroField[] = [];
    const type: AvroType = { kind: 'record', name, fields };
    // Known to its own fields: a record may hold others of its kind.
    this.#name(full, type, at);
    const seen = new Set<string>();
    for (const json of this.#members(schema.fields, at)) {
      const field = this.#field(json as Json, `${at}${name}.`, depth, namespace);
      if (seen.has(field.name))
        throw problem(this.#origin, `${at}${name}`, `has two fields "${shortened(field.name)}"`);
      seen.add(field.name);
      fields.push(field);
    }
    return type;
  }

  #field(json: Json, at: string, depth: number, namespace: string): AvroField {
    if (typeof json !== 'object' || json === null) throw problem(this.#origin, at, 'is not a field');
    const name = this.#text(json.name, at);
    const inner = typeof json.type === 'object' && !Array.isArray(json.type) ? (json.type as Json | null) : null;
    const nullable = Array.isArray(json.type)
      ? (json.type.find((each) => typeof each === 'object') as Json | undefined)
      : null;
    return {
      name,
      aliases: this.#members(json.aliases ?? [], at).map((alias) => this.#text(alias, at)),
      type: this.type(json.type, `${at}${name}`, depth + 1, namespace),
      doc: typeof json.doc === 'string' ? json.doc : '',
      logicalType: textOf(inner?.logicalType ?? nullable?.logicalType),
      hasDefault: Object.hasOwn(json, 'default'),
      default: json.default,
    };
  }

  #enum(schema: Json, at: string, enclosing: string): AvroType {
    const { full } = this.#typeName(schema, at, enclosing);
    const symbols = this.#members(schema.symbols, at).map((symbol) => this.#text(symbol, at));
    const fallback = schema.default === undefined ? {} : { default: this.#text(schema.default, at) };
    return this.#name(full, { kind: 'enum', name: lastPart(full), symbols, ...fallback }, at);
  }

  #fixed(schema: Json, at: string, enclosing: string): AvroType {
    const { full } = this.#typeName(schema, at, enclosing);
    const size = schema.size;
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0 || size > fixedSizeMax) {
      throw problem(this.#origin, at, 'fixed needs a size');
    }
    return this.#name(full, { kind: 'fixed', name: lastPart(full), size }, at);
  }

  /** A record that must hold one of its own kind, which must hold one, and so on, has no values. */
  checkValues(): void {
    const state = new Map<AvroType, 'open' | 'done'>();
    const visit = (type: AvroType): void => {
      if (type.kind !== 'record' || state.get(type) === 'done') return;
      if (state.get(type) === 'open') throw problem(this.#origin, type.name, 'must hold itself, so it has no values');
      state.set(type, 'open');
      for (const field of type.fields) visit(field.type);
      state.set(type, 'done');
    };
    for (const type of this.#named.values()) visit(type);
  }

  #name<T extends AvroType>(full: string, type: T, at: string): T {
    if (this.#named.has(full)) throw problem(this.#origin, at, `two types are named "${shortened(full)}"`);
    this.#named.set(full, type);
    return type;
  }

  #typeName(schema: Json, at: string, enclosing: string): TypeName {
    const name = this.#text(schema.name, at);
    const given = typeof schema.namespace === 'string' ? schema.namespace : enclosing;
    const full = name.includes('.') || given === '' ? name : `${given}.${name}`;
    return { full, namespace: full.slice(0, Math.max(0, full.lastIndexOf('.'))) };
  }

  #members(json: unknown, at: string): readonly unknown[] {
    if (!Array.isArray(json)) throw problem(this.#origin, at, 'needs a list');
    this.#count(json.length, at);
    return json;
  }

  #count(parts: number, at: string): void {
    this.#parts += parts;
    if (this.#parts > partsMax) throw problem(this.#origin, at, `has more than ${partsMax} parts`);
  }

  #text(json: unknown, at: string): string {
    if (typeof json === 'string' && json.length > 0 && json.length <= nameLengthMax) return json;
    throw problem(
      this.#origin,
      at,
      `${typeof json === 'string' ? `"${shortened(json)}"` : 'what it is called'} is not a name`,
    );
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

function shortened(text: string): string {
  return text.slice(0, 128).toWellFormed();
}
