import { expect, test } from 'vitest';
import * as z from 'zod';
import { wishOf } from '../../src/model/wish.ts';

// What people read who sent something else: words of theirs, and an example where the form is not plain.
const table: readonly (readonly [schema: z.ZodType, said: unknown, words: string])[] = [
  [z.string(), undefined, 'is missing'],
  [z.int().min(1), 'three', 'must be a number'],
  [z.int().max(500), 501, 'must be 500 at most'],
  [z.iso.datetime({ offset: true }), 'yesterday', 'must be an instant with its zone, such as 2026-03-01T08:00:00Z'],
  [z.iso.date(), '1 March', 'must be a date, such as 2026-03-01'],
  [z.uuid(), 'nope', 'must be a UUID'],
  [z.enum(['viewer', 'editor']), 'boss', 'must be viewer or editor'],
  [
    z.strictObject({ a: z.string() }),
    { a: 'x', role: 1, ['b'.repeat(99)]: 2 },
    `has no place for "role", "${'b'.repeat(64)}"`,
  ],
];

test.each(table)('%#: what is wrong is said in words', (schema, said, words) => {
  const read = schema.safeParse(said);
  expect(read.error?.issues.map(wishOf)).toEqual([words]);
});
