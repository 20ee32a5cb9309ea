import { type Fewest, findFewest } from '../fleet/fewest.ts';
import type { Mutant } from '../mutants/mutant.ts';
import { runUniverse, type UniverseReport } from './run-universe.ts';
import { type Universe, withFaults } from './universe.ts';

/** The fewest faults with which a failing universe still breaks the same promise. */
export async function shrink(
  universe: Universe,
  first: UniverseReport,
  mutant: Mutant | null,
): Promise<Fewest<UniverseReport>> {
  const broken = first.violations[0].check;
  return await findFewest(
    universe.faults.length,
    first,
    (kept) => runUniverse(withFaults(universe, kept), { mutant }),
    ({ violations }) => violations[0]?.check === broken,
  );
}
