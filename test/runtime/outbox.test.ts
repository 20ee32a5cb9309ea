import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeChunk, encodeChunk } from '../../src/runtime/outbox.ts';

const outputs = fc.array(
  fc.record({
    stream: fc.string({ minLength: 1, maxLength: 30 }),
    shape: fc.integer({ min: 1, max: 65_535 }),
    rows: fc.nat(1_000),
    bytes: fc.uint8Array(),
  }),
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
      expect(decoded.map((part) => ({ ...part, bytes: [...part.bytes] }))).toEqual(
        full.map((part) => ({ ...part, stream: Buffer.from(part.stream).toString(), bytes: [...part.bytes] })),
      );
    }),
    { seed: 1 },
  );
});

test('any changed byte, and any cut, is noticed', () => {
  const chunk = encodeChunk([{ stream: 'daily', shape: 3, rows: 2, bytes: Uint8Array.of(1, 2, 3) }]) as Uint8Array;
  for (let i = 0; i < chunk.length; i++) {
    const changed = Uint8Array.from(chunk);
    changed[i] ^= 0x40;
    expect(() => decodeChunk(changed)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
    expect(() => decodeChunk(chunk.subarray(0, i))).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
  }
});

test('every format stays readable for ever; the first one knew no shapes', () => {
  const bytes = Buffer.from([1, 2, 3]);
  const first = Buffer.from('708271e40100010005006461696c790200000003000000010203', 'hex');
  expect(decodeChunk(first)).toEqual([{ stream: 'daily', shape: 1, rows: 2, bytes }]);
  const second = Buffer.from('bbeeba470200010005006461696c7907000200000003000000010203', 'hex');
  expect(decodeChunk(second)).toEqual([{ stream: 'daily', shape: 7, rows: 2, bytes }]);
});

test('a chunk of a newer version says so', () => {
  const chunk = Buffer.from(encodeChunk([{ stream: 'daily', shape: 1, rows: 1, bytes: new Uint8Array(1) }])!);
  chunk.writeUInt16LE(9, 4);
  chunk.writeUInt32LE(crc32(chunk.subarray(4)), 0);
  expect(() => decodeChunk(chunk)).toThrow(expect.objectContaining({ code: 'STATE_FORMAT' }));
});
