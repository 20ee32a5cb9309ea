import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeChunk, encodeChunk } from '../../src/runtime/outbox.ts';

const outputs = fc.array(
  fc.record({ stream: fc.string({ minLength: 1, maxLength: 30 }), rows: fc.nat(1_000), bytes: fc.uint8Array() }),
  { maxLength: 6 },
);

test('a chunk comes back as it went, without its empty streams', () => {
  fc.assert(
    fc.property(outputs, (streams) => {
      const full = streams.filter(({ rows }) => rows > 0);
      const chunk = encodeChunk(streams);
      expect(chunk === null).toBe(full.length === 0);
      if (chunk === null) return;
      const decoded = decodeChunk(chunk);
      expect(decoded.map(({ stream, rows, bytes }) => ({ stream, rows, bytes: [...bytes] }))).toEqual(
        full.map(({ stream, rows, bytes }) => ({ stream: Buffer.from(stream).toString(), rows, bytes: [...bytes] })),
      );
    }),
    { seed: 1 },
  );
});

test('any changed byte, and any cut, is noticed', () => {
  const chunk = encodeChunk([{ stream: 'daily', rows: 2, bytes: Uint8Array.of(1, 2, 3) }]) as Uint8Array;
  for (let i = 0; i < chunk.length; i++) {
    const changed = Uint8Array.from(chunk);
    changed[i] ^= 0x40;
    expect(() => decodeChunk(changed)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    expect(() => decodeChunk(chunk.subarray(0, i))).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
  }
});

test('the first format stays readable for ever', () => {
  const fixture = Buffer.from('708271e40100010005006461696c790200000003000000010203', 'hex');
  expect(decodeChunk(fixture)).toEqual([{ stream: 'daily', rows: 2, bytes: Buffer.from([1, 2, 3]) }]);
});
