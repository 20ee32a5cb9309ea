import type { Mutant } from '../mutants/mutant.ts';
import { runUniverse, type UniverseReport } from './run-universe.ts';
import { type Universe, withFaults } from './universe.ts';

export interface Shrunk {
  /** Places of the faults that are needed, in the whole list. */
  readonly kept: readonly number[];
  readonly report: UniverseReport;
  readonly runs: number;
}

const runsMax = 200;

/**
 * The fewest faults with which a failing universe still breaks the same promise: halves, quarters and so
 * on are left out, then single ones, for as long as it fails without them (ddmin).
 */
export async function shrink(universe: Universe, first: UniverseReport, mutant: Mutant | null): Promise<Shrunk> {
  const broken = first.violations[0].check;
  let kept = universe.faults.map((_, index) => index);
  let report = first;
  let runs = 0;
  for (let size = Math.ceil(kept.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < kept.length && runs < runsMax; ) {
      const fewer = kept.filter((_, index) => index < at || index >= at + size);
      runs += 1;
      const tried = await runUniverse(withFaults(universe, fewer), { mutant });
      if (tried.violations[0]?.check === broken) {
        kept = fewer;
        report = tried;
      } else at += size;
    }
  }
  return { kept, report, runs };
}
