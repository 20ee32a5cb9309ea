import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CurrencyCodes } from '../../src/events/currency-codes.ts';
import { Dictionary } from '../../src/events/dictionary.ts';

const seed = 20_261_130;

test('a text has one id, ids are dense, and each gives its text back, through every growth', () => {
  const dictionary = new Dictionary();
  const texts = Array.from({ length: 5_000 }, (_, index) => `campaign-${index}-${'x'.repeat(index % 61)}`);
  expect(texts.map((text) => dictionary.internText(text))).toEqual(texts.map((_, index) => index));
  expect(texts.map((text) => dictionary.internText(text))).toEqual(texts.map((_, index) => index));
  expect(texts.map((_, id) => dictionary.text(id))).toEqual(texts);
  expect(dictionary.size).toBe(texts.length);
});

test('bytes are found wherever they lie, and only as a whole', () => {
  const anywhere = fc.record({
    before: fc.uint8Array({ maxLength: 9 }),
    text: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    behind: fc.uint8Array({ maxLength: 9 }),
  });
  fc.assert(
    fc.property(anywhere, ({ before, text, behind }) => {
      const dictionary = new Dictionary();
      const own = Buffer.from(text);
      const bytes = Buffer.concat([before, own, behind]);
      const [start, end] = [before.length, before.length + own.length];
      expect(dictionary.find(bytes, start, end)).toBe(-1);
      const id = dictionary.intern(bytes, start, end);
      expect(dictionary.find(bytes, start, end)).toBe(id);
      expect(dictionary.isAt(id, bytes, start, end)).toBe(true);
      expect(dictionary.isAt(id, bytes, start, end - 1)).toBe(false);
      expect(dictionary.find(bytes, start, end - 1)).toBe(-1);
      expect(dictionary.find(own, 0, own.length)).toBe(id);
      expect(dictionary.text(id)).toBe(text.toWellFormed());
    }),
    { seed },
  );
});

test('texts that differ in their last byte, and the empty one, are apart', () => {
  const dictionary = new Dictionary();
  const texts = ['', 'a', 'b', 'abcd', 'abce', 'abcde', 'abcdf', 'abcdefgh', 'abcdefgi'];
  expect(new Set(texts.map((text) => dictionary.internText(text))).size).toBe(texts.length);
});

test('an id that nobody was given is a bug of ours', () => {
  const dictionary = new Dictionary();
  dictionary.internText('one');
  expect(() => dictionary.text(1)).toThrow('dictionary id in range');
  expect(() => dictionary.text(-1)).toThrow('dictionary id in range');
});

test('a currency code is three capital letters, and shares its id with its text', () => {
  const codes = new CurrencyCodes();
  const codeOf = (text: string) => codes.code(Buffer.from(text), 0, Buffer.byteLength(text));
  const euro = codeOf('EUR');
  expect([euro, codeOf('EUR'), codes.internText('EUR'), codes.text(euro)]).toEqual([0, 0, 0, 'EUR']);
  for (const text of ['', 'EU', 'EURO', 'eur', 'E1R', 'EÜR', '@AZ', '[ZA'])
    expect([text, codeOf(text)]).toEqual([text, -1]);
  expect([codeOf('AAA'), codeOf('ZZZ')]).toEqual([1, 2]);
});
