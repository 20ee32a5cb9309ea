import fc from 'fast-check';
import { expect, test } from 'vitest';
import { grownInPlace } from '../../src/model/grown.ts';

/** From far below to far above where growing in place begins; a column never shrinks. */
const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 2, maxLength: 8 });

test.each([
  ['doubles', Float64Array],
  ['integers', Int32Array],
])('a column of %s that grows keeps what it holds, zeros behind it', (_, Column) => {
  fc.assert(
    fc.property(lengths, (steps) => {
      const [first, ...others] = steps.sort((a, b) => a - b);
      let column = new Column(first);
      let written = 0;
      for (const length of others) {
        while (written < column.length) column[written] = ++written;
        column = grownInPlace(column, length);
        expect(column.length).toBe(length);
        expect(column.findIndex((value, index) => value !== (index < written ? index + 1 : 0))).toBe(-1);
      }
    }),
    { numRuns: 50 },
  );
});

test('a large column grows where it lies, and older views of it stay true', () => {
  const first = grownInPlace(new Float64Array(8), 100_000);
  const second = grownInPlace(first, 400_000);
  second[7] = 7;
  expect(first[7]).toBe(7);
  expect(second.buffer).toBe(first.buffer);
  // Beyond its addresses it is moved.
  const third = grownInPlace(second, 2_000_000);
  expect(third.buffer).not.toBe(second.buffer);
  expect([third[7], third[400_000]]).toEqual([7, 0]);
});
