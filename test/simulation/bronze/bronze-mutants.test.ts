import { expect, test } from 'vitest';
import { explainBronzeSeed } from '../fleet/explain-bronze.ts';
import { type BronzeCheck, bronzeChecks } from './bronze-referee.ts';
import { drawBronzeWorld, withBronzeFaults } from './bronze-world.ts';
import { bronzeMutantNamed, bronzeMutants } from './mutants/bronze-mutants.ts';
import { runBronzeWorld } from './run-bronze-world.ts';

test.each(bronzeMutants)('bronze world $seed catches $name: $bug', async (mutant) => {
  const { violations } = await runBronzeWorld(drawBronzeWorld(mutant.seed), { mutant });
  expect(violations.length, `${mutant.name} survives seed ${mutant.seed}`).toBeGreaterThan(0);
});

/** For each promise a mutant that nothing else catches in that world. */
const soleWitnesses: Readonly<Record<BronzeCheck, { readonly mutant: string; readonly seed: number }>> = {
  contiguous: { mutant: 'event_time_for_log_time', seed: 1 },
  agree: { mutant: 'property_not_written', seed: 2 },
  whole: { mutant: 'expiry_takes_what_is_used', seed: 3 },
  table: { mutant: 'earlier_files_forgotten', seed: 2 },
  caught_up: { mutant: 'offsets_without_records_not_passed', seed: 95 },
  stopped: { mutant: 'buffer_kept_after_fence', seed: 5 },
  cut: { mutant: 'table_without_epochs', seed: 4 },
  refused: { mutant: 'any_stream_admitted', seed: 1 },
};

test.each(Object.keys(bronzeChecks) as BronzeCheck[])(
  'without the check "%s" a bronze mutant goes free',
  async (check) => {
    const { mutant: name, seed } = soleWitnesses[check];
    const mutant = bronzeMutantNamed(name);
    expect(mutant).toBeDefined();
    const watched = await runBronzeWorld(drawBronzeWorld(seed), { mutant: mutant ?? null });
    expect(new Set(watched.violations.map((violation) => violation.check))).toEqual(new Set([check]));
    const unwatched = await runBronzeWorld(drawBronzeWorld(seed), { mutant: mutant ?? null, without: [check] });
    expect(unwatched.violations).toEqual([]);
  },
);

test('a failing bronze world tells the faults that it needs', async () => {
  const mutant = bronzeMutants.find(({ name }) => name === 'blind_retry') as (typeof bronzeMutants)[number];
  const world = drawBronzeWorld(mutant.seed);
  const lines = await explainBronzeSeed(mutant.seed, mutant, null);
  const kept =
    /--faults (\S+)$/
      .exec(lines.at(-1) ?? '')?.[1]
      .split(',')
      .map(Number) ?? [];
  expect(kept.length).toBeGreaterThan(0);
  expect(kept.length).toBeLessThan(world.faults.length);
  const checkOf = async (some: readonly number[]) =>
    (await runBronzeWorld(withBronzeFaults(world, some), { mutant })).violations[0]?.check;
  const broken = await checkOf(world.faults.map((_, index) => index));
  expect(await checkOf(kept)).toBe(broken);
  for (const left of kept) expect(await checkOf(kept.filter((index) => index !== left))).not.toBe(broken);
});
