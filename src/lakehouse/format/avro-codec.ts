import { assert, EngineError } from '../../model/errors.ts';

/**
 * Avro's binary form for the few shapes that manifests use, driven by the raw schema. The raw schema
 * matters: readers find columns by `field-id`, an attribute that general Avro libraries drop.
 */
export type AvroSchema =
  | 'null'
  | 'boolean'
  | 'int'
  | 'long'
  | 'string'
  | 'bytes'
  | readonly AvroSchema[]
  | AvroRecord
  | AvroArray
  | { readonly type: 'int'; readonly logicalType: 'date' };

export interface AvroRecord {
  readonly type: 'record';
  readonly name: string;
  readonly fields: readonly AvroField[];
}

interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly default?: null;
  readonly 'field-id'?: number;
}

interface AvroArray {
  readonly type: 'array';
  readonly items: AvroSchema;
  readonly logicalType?: 'map';
  readonly 'element-id'?: number;
}

/** Longs decode to a number when it holds them exactly, else to a bigint; both can be written. */
export type AvroValue = null | boolean | number | bigint | string | Uint8Array | AvroValue[] | AvroObject;
export interface AvroObject {
  [field: string]: AvroValue;
}

export class AvroEncoder {
  #bytes: Buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  long(value: number | bigint): void {
    this.#reserve(10);
    // Nearly all are lengths, counts and ids of fields: one byte.
    if (typeof value === 'number' && value >= 0 && value < 64) {
      this.#bytes[this.#length++] = value << 1;
      return;
    }
    let rest = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
    while (rest >= 128n) {
      this.#bytes[this.#length++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.#bytes[this.#length++] = Number(rest);
  }

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.raw(value);
  }

  value(schema: AvroSchema, value: AvroValue): void {
    if (typeof schema === 'string') this.#primitive(schema, value);
    else if (isUnion(schema)) {
      const branch = value === null ? schema.indexOf('null') : schema.findIndex((type) => type !== 'null');
      assert(branch >= 0, 'the union has a branch for the value');
      this.long(branch);
      this.value(schema[branch], value);
    } else if (schema.type === 'record') {
      const object = value as AvroObject;
      for (const field of schema.fields) this.#field(schema, field, object);
    } else if (schema.type === 'array') {
      const items = value as AvroValue[];
      if (items.length > 0) {
        this.long(items.length);
        for (const item of items) this.value(schema.items, item);
      }
      this.long(0);
    } else this.#primitive('int', value);
  }

  #field(record: AvroRecord, field: AvroField, object: AvroObject): void {
    const value = object[field.name] ?? null;
    assert(value !== null || isUnion(field.type), `${record.name}.${field.name} is given`);
    this.value(field.type, value);
  }

  #primitive(type: string, value: AvroValue): void {
    if (type === 'null') return;
    if (type === 'boolean') this.raw(Uint8Array.of(value ? 1 : 0));
    else if (type === 'string') this.bytes(Buffer.from(value as string, 'utf8'));
    else if (type === 'bytes') this.bytes(value as Uint8Array);
    else this.long(value as number | bigint);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#length + more, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

export class AvroDecoder {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  raw(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#bytes.length) throw damaged('it ends in the middle of a value');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  long(): number | bigint {
    const first = this.#bytes[this.#at];
    // Nearly all are lengths, counts and ids of fields: one byte, and no arithmetic of 64 bits.
    if (first < 128) {
      this.#at += 1;
      return (first >>> 1) ^ -(first & 1);
    }
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.raw(1)[0];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        const signed = (value >> 1n) ^ -(value & 1n);
        return signed >= BigInt(Number.MIN_SAFE_INTEGER) && signed <= BigInt(Number.MAX_SAFE_INTEGER)
          ? Number(signed)
          : signed;
      }
    }
    throw damaged('an integer is longer than ten bytes');
  }

  length(): number {
    return Number(this.long());
  }

  value(schema: AvroSchema): AvroValue {
    if (typeof schema === 'string') return this.#primitive(schema);
    if (isUnion(schema)) {
      const branch = schema[this.length()];
      if (branch === undefined) throw damaged('a union names no branch');
      return this.value(branch);
    }
    if (schema.type === 'record') {
      const object: AvroObject = {};
      for (const field of schema.fields) object[field.name] = this.value(field.type);
      return object;
    }
    if (schema.type === 'array') return this.#array(schema);
    return this.#primitive(schema.type);
  }

  #array(schema: AvroArray): AvroValue[] {
    const items: AvroValue[] = [];
    for (let count = this.length(); count !== 0; count = this.length()) {
      // A negative count is followed by the block's size in bytes, for readers that skip it.
      if (count < 0) {
        this.long();
        count = -count;
      }
      for (let i = 0; i < count; i++) items.push(this.value(schema.items));
    }
    return items;
  }

  #primitive(type: string): AvroValue {
    switch (type) {
      case 'null':
        return null;
      case 'boolean':
        return this.raw(1)[0] !== 0;
      case 'int':
      case 'long':
        return this.long();
      case 'string':
        return this.raw(this.length()).toString('utf8');
      case 'bytes':
        return new Uint8Array(this.raw(this.length()));
      default:
        throw damaged(`type ${type} is not one that manifests use`);
    }
  }
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

export function damaged(why: string): EngineError {
  return new EngineError('SINK_REJECTED', `an Iceberg metadata file cannot be read: ${why}`);
}
