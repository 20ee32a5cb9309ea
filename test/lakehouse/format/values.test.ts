import { expect, test } from 'vitest';
import {
  dayOfMicros,
  lowerStringBound,
  serializeValue,
  upperStringBound,
} from '../../../src/lakehouse/format/values.ts';

test('values have the bytes of the Iceberg specification', () => {
  expect(serializeValue('int', 1)).toEqual(Buffer.from([1, 0, 0, 0]));
  expect(serializeValue('date', -1)).toEqual(Buffer.from([255, 255, 255, 255]));
  expect(serializeValue('long', 34n)).toEqual(Buffer.from([34, 0, 0, 0, 0, 0, 0, 0]));
  // 2017-11-16T22:31:08 UTC, the example of the specification's Appendix B.
  expect(serializeValue('timestamptz', 1510871468000000n).length).toBe(8);
  expect(serializeValue('string', 'ü')).toEqual(Buffer.from([0xc3, 0xbc]));
});

test('days round down before the epoch too', () => {
  expect(dayOfMicros(1510871468000000n)).toBe(17486);
  expect(dayOfMicros(0n)).toBe(0);
  expect(dayOfMicros(-1n)).toBe(-1);
  expect(dayOfMicros(-86_400_000_000n)).toBe(-1);
  expect(dayOfMicros(-86_400_000_001n)).toBe(-2);
});

test('a short string is its own bound', () => {
  expect(lowerStringBound('1234567890123456')).toBe('1234567890123456');
  expect(upperStringBound('1234567890123456')).toBe('1234567890123456');
});

test('a long string is cut to a prefix below, and to a prefix with its last character raised above', () => {
  expect(lowerStringBound('12345678901234567')).toBe('1234567890123456');
  expect(upperStringBound('12345678901234567')).toBe('1234567890123457');
  expect(upperStringBound(`${'a'.repeat(15)}üx`)).toBe(`${'a'.repeat(15)}ý`);
  expect(upperStringBound(`${'a'.repeat(15)}😀x`)).toBe(`${'a'.repeat(15)}😁`);
});

test('a character that cannot grow passes the raise to the one before; all of them leave no bound', () => {
  const top = '\u{10ffff}';
  expect(upperStringBound(`${'a'.repeat(15)}${top}x`)).toBe(`${'a'.repeat(14)}b`);
  expect(upperStringBound(top.repeat(17))).toBeNull();
  expect(upperStringBound(`${'a'.repeat(15)}\u{d7ff}x`)).toBe(`${'a'.repeat(15)}\u{e000}`);
});
