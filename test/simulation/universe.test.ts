import { expect, test } from 'vitest';
import { keptSeeds } from './kept-seeds.ts';
import { runUniverse } from './universe/run-universe.ts';
import { drawUniverse } from './universe/universe.ts';

const seeds = Array.from({ length: 20 }, (_, i) => 1_000 + i);

test.each(seeds)('universe %i: nothing lost, wrong or extra', async (seed) => {
  const { violations, commits, inserts } = await runUniverse(drawUniverse(seed));
  expect(violations, `replay: npm run simulate:world -- --from ${seed} --seeds 1`).toEqual([]);
  expect(commits).toBeGreaterThan(0);
  expect(inserts).toBeGreaterThan(0);
});

test.each(keptSeeds)('universe $seed holds: $found', async ({ seed }) => {
  const { violations } = await runUniverse(drawUniverse(seed));
  expect(violations).toEqual([]);
});

test('a seed decides the whole universe', async () => {
  const first = await runUniverse(drawUniverse(7));
  const second = await runUniverse(drawUniverse(7));
  expect(second).toEqual(first);
});
