import { assert } from '../../model/errors.ts';
import type { FieldType } from './schema.ts';

/** Strings in bounds keep this many code points: the default of `write.metadata.metrics.default`. */
const boundCodePoints = 16;
const dayMicros = 86_400_000_000n;
const highestCodePoint = 0x10ffff;

/** Days since 1970-01-01, rounding down also before it. */
export function dayOfMicros(micros: bigint): number {
  const days = micros / dayMicros;
  return Number(micros % dayMicros < 0n ? days - 1n : days);
}

/** A single value in Iceberg's binary form (spec, Appendix D). */
export function serializeValue(type: FieldType, value: unknown): Uint8Array {
  switch (type) {
    case 'boolean':
      return Uint8Array.of(value ? 1 : 0);
    case 'int':
    case 'date': {
      assert(typeof value === 'number', `${type} is a number`);
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(value);
      return bytes;
    }
    case 'long':
    case 'timestamptz': {
      assert(typeof value === 'bigint', `${type} is a bigint`);
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    }
    case 'double': {
      assert(typeof value === 'number', 'double is a number');
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(value);
      return bytes;
    }
    case 'string':
      assert(typeof value === 'string', 'string is a string');
      return Buffer.from(value, 'utf8');
    case 'uuid':
    case 'binary':
      assert(value instanceof Uint8Array, `${type} is bytes`);
      return value;
  }
}

/** A prefix is never above the whole string. */
export function lowerStringBound(text: string): string {
  const points = Array.from(text);
  return points.length <= boundCodePoints ? text : points.slice(0, boundCodePoints).join('');
}

/**
 * The shortest string that is at or above every string with this prefix: the last code point that can
 * grow is raised by one. A prefix alone would lie below, and readers would skip matching files. Null
 * when no code point can grow; the bound is then left out.
 */
export function upperStringBound(text: string): string | null {
  const points = Array.from(text);
  if (points.length <= boundCodePoints) return text;
  for (let at = boundCodePoints - 1; at >= 0; at--) {
    const point = points[at].codePointAt(0) ?? 0;
    if (point >= highestCodePoint) continue;
    // Surrogates are no characters: the next one after U+D7FF is U+E000.
    const next = point === 0xd7ff ? 0xe000 : point + 1;
    return points.slice(0, at).join('') + String.fromCodePoint(next);
  }
  return null;
}

/** Iceberg orders strings by their UTF-8 bytes; JavaScript's `<` differs beyond U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}
