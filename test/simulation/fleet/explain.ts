import type { Mutant } from '../mutants/mutant.ts';
import { describeFault } from '../universe/faults.ts';
import { runUniverse } from '../universe/run-universe.ts';
import { shrink } from '../universe/shrink.ts';
import { drawUniverse, type Universe, withFaults } from '../universe/universe.ts';

/**
 * A failing universe as a person wants to read it: what broke, at which commit state first left the
 * fold, the fewest faults that break it, and the command that shows it again. Empty when nothing breaks.
 */
export async function explainSeed(
  seed: number,
  mutant: Mutant | null,
  kept: readonly number[] | null,
): Promise<string[]> {
  const whole = drawUniverse(seed);
  const universe = kept === null ? whole : withFaults(whole, kept);
  const report = await runUniverse(universe, { mutant, withStacks: true });
  if (report.violations.length === 0) return [];
  const lines = report.violations.map(({ check, atMs, text }) => `${String(atMs).padStart(6)} ms  ${check}: ${text}`);
  if (report.firstDivergence !== null) lines.push(`first diverging commit: ${report.firstDivergence}`);
  if (kept !== null) return [...lines, ...faultLog(universe)];
  const shrunk = await shrink(universe, report, mutant);
  const name = mutant === null ? '' : ` --mutant ${mutant.name}`;
  return [
    ...lines,
    `${universe.faults.length} faults, ${shrunk.kept.length} of them needed (${shrunk.runs} runs):`,
    ...faultLog(withFaults(whole, shrunk.kept)),
    `with these alone: ${shrunk.report.violations[0].check}: ${shrunk.report.violations[0].text.slice(0, 300)}`,
    `replay: npm run simulate:world -- --from ${seed} --seeds 1${name} --faults ${shrunk.kept.join(',') || 'none'}`,
  ];
}

function faultLog({ faults, slots, partitions, stormMs, settings, ending }: Universe): string[] {
  const head = `${partitions} lanes, ${slots} engines, ${stormMs} ms, ending ${ending}, ${JSON.stringify(settings)}`;
  return [head, ...faults.map(describeFault)];
}
