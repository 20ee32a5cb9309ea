import { expect, test } from 'vitest';
import { mutantNamed, mutants } from './mutants/mutants.ts';
import { pacingMutants } from './mutants/pacing-mutants.ts';
import { pinnedPlainSeeds, pinnedSeeds } from './mutants/pinned-seeds.ts';
import { type Check, checks } from './universe/referee.ts';
import { runUniverse } from './universe/run-universe.ts';
import { shrink } from './universe/shrink.ts';
import { drawUniverse, withFaults } from './universe/universe.ts';

test.each(mutants.filter(({ shownBy }) => shownBy === undefined))(
  'the universe catches $name: $bug',
  async (mutant) => {
    const plain = pinnedPlainSeeds[mutant.name];
    const seed = plain ?? pinnedSeeds[mutant.name];
    const { violations } = await runUniverse(drawUniverse(seed, plain !== undefined), { mutant });
    expect(violations.length, `${mutant.name} survives seed ${seed}`).toBeGreaterThan(0);
  },
);

// The state of a lane holds what a record said: that alone would tell them apart, and prove nothing of what follows from it.
test.each(pacingMutants)('of $name, the tables tell too', async (mutant) => {
  const { violations } = await runUniverse(drawUniverse(pinnedSeeds[mutant.name]), { mutant, without: ['state'] });
  expect(violations.map(({ check }) => check)).toContain('tables');
});

/** For each promise a mutant that nothing else catches in that universe. */
const soleWitnesses: Readonly<Record<Check, { readonly mutant: string; readonly seed: number }>> = {
  state: { mutant: 'no_compare_and_set', seed: 5 },
  bytes: { mutant: 'wall_clock_in_row', seed: 4 },
  committed: { mutant: 'emit_before_commit', seed: 3 },
  tables: { mutant: 'late_rows_not_sent', seed: 2 },
  once: { mutant: 'records_without_memory', seed: 1 },
  caught_up: { mutant: 'resume_from_advice', seed: 4 },
  stopped: { mutant: 'outage_taken_for_refusal', seed: 5 },
  refused: { mutant: 'topic_recreated', seed: 67 },
  cut: { mutant: 'epoch_not_kept', seed: 410 },
};

test.each(Object.keys(checks) as Check[])('without the check "%s" a mutant goes free', async (check) => {
  const { mutant: name, seed } = soleWitnesses[check];
  const mutant = mutantNamed(name);
  expect(mutant).toBeDefined();
  const watched = await runUniverse(drawUniverse(seed), { mutant: mutant ?? null });
  expect(new Set(watched.violations.map((violation) => violation.check))).toEqual(new Set([check]));
  const unwatched = await runUniverse(drawUniverse(seed), { mutant: mutant ?? null, without: [check] });
  expect(unwatched.violations).toEqual([]);
});

test('a failing universe shrinks to the faults that it needs', async () => {
  const mutant = mutantNamed('outbox_in_memory') ?? null;
  const universe = drawUniverse(2);
  const { kept, report } = await shrink(universe, await runUniverse(universe, { mutant }), mutant);
  expect(kept.length).toBeLessThan(universe.faults.length);
  const again = await runUniverse(withFaults(universe, kept), { mutant });
  expect(again).toEqual(report);
  for (const left of kept) {
    const fewer = kept.filter((index) => index !== left);
    const { violations } = await runUniverse(withFaults(universe, fewer), { mutant });
    expect(violations[0]?.check).not.toBe(report.violations[0].check);
  }
});
