import type { BronzeMutant } from '../bronze/bronze-mutant.ts';
import { drawBronzeWorld } from '../bronze/bronze-world.ts';
import { runBronzeWorld } from '../bronze/run-bronze-world.ts';

/** A failing bronze world as a person wants to read it: what broke, and what happened to it. Empty when nothing breaks. */
export async function explainBronzeSeed(seed: number, mutant: BronzeMutant | null): Promise<string[]> {
  const world = drawBronzeWorld(seed);
  const { violations } = await runBronzeWorld(world, { mutant, withStacks: true });
  if (violations.length === 0) return [];
  const { partitions, slots, stormMs, settings, ending } = world;
  return [
    ...violations.map(({ check, atMs, text }) => `${at(atMs)}  ${check}: ${text}`),
    `${partitions} partitions, ${slots} engines, ${stormMs} ms, ending ${ending}, ${JSON.stringify(settings)}`,
    ...world.faults.map(({ atMs, ...fault }) => `${at(atMs)}  ${JSON.stringify(fault)}`),
  ];
}

function at(ms: number): string {
  return `${String(ms).padStart(6)} ms`;
}
