import type { BronzeMutant } from '../bronze/bronze-mutant.ts';
import { type BronzeWorld, drawBronzeWorld, withBronzeFaults } from '../bronze/bronze-world.ts';
import { runBronzeWorld } from '../bronze/run-bronze-world.ts';
import { findFewest } from './fewest.ts';

/**
 * A failing bronze world as a person wants to read it: what broke, the fewest faults that break it, and
 * the command that shows it again. Empty when nothing breaks.
 */
export async function explainBronzeSeed(
  seed: number,
  mutant: BronzeMutant | null,
  kept: readonly number[] | null,
): Promise<string[]> {
  const whole = drawBronzeWorld(seed);
  const world = kept === null ? whole : withBronzeFaults(whole, kept);
  const report = await runBronzeWorld(world, { mutant, withStacks: true });
  if (report.violations.length === 0) return [];
  const lines = report.violations.map(({ check, atMs, text }) => `${at(atMs)}  ${check}: ${text}`);
  if (kept !== null) return [...lines, ...faultLog(world)];
  const broken = report.violations[0].check;
  const fewest = await findFewest(
    whole.faults.length,
    report,
    (some) => runBronzeWorld(withBronzeFaults(whole, some), { mutant }),
    ({ violations }) => violations[0]?.check === broken,
  );
  const [first] = fewest.report.violations;
  const name = mutant === null ? '' : ` --mutant ${mutant.name}`;
  return [
    ...lines,
    `${whole.faults.length} faults, ${fewest.kept.length} of them needed (${fewest.runs} runs):`,
    ...faultLog(withBronzeFaults(whole, fewest.kept)),
    `with these alone: ${first.check}: ${first.text.slice(0, 300)}`,
    `replay: npm run simulate:world -- --bronze --from ${seed} --seeds 1${name} --faults ${fewest.kept.join(',') || 'none'}`,
  ];
}

function faultLog({ faults, partitions, slots, stormMs, settings, ending }: BronzeWorld): string[] {
  const head = `${partitions} partitions, ${slots} engines, ${stormMs} ms, ending ${ending}, ${JSON.stringify(settings)}`;
  return [head, ...faults.map(({ atMs, ...fault }) => `${at(atMs)}  ${JSON.stringify(fault)}`)];
}

function at(ms: number): string {
  return `${String(ms).padStart(6)} ms`;
}
