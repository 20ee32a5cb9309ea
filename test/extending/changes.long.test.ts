import { expect, test } from 'vitest';
import { isSoak } from '../soak.ts';
import { applyToCopy, type Change, expectListed, proveOnCopy } from './apply.ts';
import { changes } from './changes.ts';

test.each(changes)('docs/extending.md, $section, lists the files of src/ that it touches', (change) => {
  expectListed(change);
});

/**
 * A copy costs a run of the compiler, so changes share one where they meet in no number: a release has one
 * migration of each. Nightly each stands alone.
 */
const shared: readonly (readonly string[])[] = [
  ['An event kind', 'A snapshot column', 'A rule value', 'A sink'],
  ['An operator'],
];
const copies = isSoak ? changes.map(({ section }) => [section]) : shared;

test('every change is on a copy', () => {
  expect(copies.flat().sort()).toEqual(changes.map(({ section }) => section).sort());
});

test.each(copies.map((sections) => ({ sections })))(
  'a copy with $sections compiles, keeps the house rules and passes their tests',
  async ({ sections }) => {
    const applied = changes.filter(({ section }) => sections.includes(section));
    using copy = applyToCopy(...applied);
    await proveOnCopy(copy.dir, [...new Set(applied.flatMap(({ tests }: Change) => tests))]);
  },
  300_000,
);
