import { expect, test } from 'vitest';
import { type Mutant, mutants } from './mutants.ts';
import { makeToyProgram } from './toy-program.ts';
import { runWorld } from './world.ts';

const seeds = Array.from({ length: 10 }, (_, i) => i + 1);

test.each(seeds)('world %i: nothing lost, wrong or extra', async (seed) => {
  const { violations, commits, deliveries } = await runWorld({ seed, program: makeToyProgram() });
  expect(violations, `replay: npm run simulate:world -- --from ${seed} --seeds 1`).toEqual([]);
  expect(commits).toBeGreaterThan(0);
  expect(deliveries).toBeGreaterThan(0);
});

test('a seed decides the whole world', async () => {
  const first = await runWorld({ seed: 7, program: makeToyProgram() });
  const second = await runWorld({ seed: 7, program: makeToyProgram() });
  expect(second).toEqual(first);
});

/** Any of these seeds may kill a mutant; all of them together must. */
const killerSeeds = [19, 20, 12, 16, 5, 311];

test.each(mutants)('the harness catches the mutant %s', async (mutant: Mutant) => {
  for (const seed of killerSeeds) {
    const { violations } = await runWorld({ seed, program: makeToyProgram(), mutant });
    if (violations.length > 0) return;
  }
  expect.fail(`${mutant} survived the seeds ${killerSeeds.join(', ')}`);
});
