import { expect, test } from 'vitest';
import { expectAllHold } from './expect-all-hold.ts';
import { keptSeeds } from './kept-seeds.ts';
import { runUniverse } from './universe/run-universe.ts';
import { drawUniverse } from './universe/universe.ts';

// Some here, the others in universes.long.test.ts.
test('40 universes: nothing lost, wrong or extra', { timeout: 180_000 }, () => expectAllHold(40, 1));

test.each(keptSeeds)('universe $seed holds: $found', async ({ seed }) => {
  const { violations } = await runUniverse(drawUniverse(seed));
  expect(violations).toEqual([]);
});

test('a seed decides the whole universe', async () => {
  const first = await runUniverse(drawUniverse(7));
  const second = await runUniverse(drawUniverse(7));
  expect(second).toEqual(first);
});
