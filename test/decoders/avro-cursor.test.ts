import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AvroCursor } from '../../src/decoders/avro-cursor.ts';

/** Zigzag varint (Avro 1.12, "Binary encoding"), by the book. */
function varint(value: number): number[] {
  let rest = BigInt(value) < 0n ? -2n * BigInt(value) - 1n : 2n * BigInt(value);
  const bytes: number[] = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** Numbers of every length: as many below a power of two as above it. */
const numbers = fc.oneof(
  fc.maxSafeInteger(),
  fc
    .tuple(fc.integer({ min: 0, max: 52 }), fc.integer({ min: -2, max: 2 }), fc.boolean())
    .map(([bits, more, isNegative]) => (isNegative ? -1 : 1) * (2 ** bits + more) + 0),
);

test('numbers of every length are read exactly, wherever they lie', () => {
  fc.assert(
    fc.property(numbers, fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (value, before, after) => {
      const written = varint(value);
      const cursor = new AvroCursor();
      const start = before.length;
      cursor.begin(Uint8Array.from([...before, ...written, ...after]), start, start + written.length);
      expect(cursor.long()).toBe(value);
      cursor.finish();
      expect([cursor.problem, cursor.at]).toEqual([null, start + written.length]);
    }),
    { seed: 20_261_126, numRuns: 2_000 },
  );
});

test('a number that is cut off is truncated, whatever lies behind it', () => {
  fc.assert(
    fc.property(numbers, fc.uint8Array({ maxLength: 5 }), fc.nat(8), (value, after, cut) => {
      const written = varint(value);
      const left = written.slice(0, Math.min(cut, written.length - 1));
      const cursor = new AvroCursor();
      cursor.begin(Uint8Array.from([...left, ...after]), 0, left.length);
      cursor.long();
      cursor.finish();
      expect(cursor.problem).toBe('truncated');
    }),
    { seed: 20_261_126, numRuns: 2_000 },
  );
});
