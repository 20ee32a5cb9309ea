import type { Clock } from '../../model/time.ts';
import { readPlanFiles } from '../../plans/plan-files.ts';
import { plansOfWorld } from '../../simulator/plans.ts';
import { writeSimulation } from '../../simulator/write-simulation.ts';
import { makeEventCodec } from './event-codec.ts';

export interface SimulatedLogOptions {
  readonly dir: string;
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  /** A tenth of the campaigns by default. */
  readonly organizations?: number;
  readonly partitions: number;
  readonly encoding: 'binary' | 'jsonl';
  /** When the log begins, epoch ms; default as makeWorld has it. */
  readonly startMs?: number;
  /** Zones of the organizations, in turn; default as makeWorld has it. */
  readonly zones?: readonly string[];
  /** Where the rules of the simulated organizations are. */
  readonly plans: { readonly organizations: string; readonly rules: string };
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** Share of the simulated time that is done, 0 to 1. */
  readonly onProgress?: (share: number) => void;
}

/** Writes the log of a simulated world, with plans of our rules, and its truth.json. */
export async function writeSimulatedLog(
  options: SimulatedLogOptions,
): Promise<{ records: number; log: string; truth: string }> {
  const { dir, seed, days, campaigns, organizations, partitions, startMs, zones, encoding, clock, signal, onProgress } =
    options;
  const rules = readPlanFiles(options.plans).rules.map(({ rule }) => rule);
  const { records, logDir, truthPath } = await writeSimulation({
    dir,
    seed,
    days,
    campaigns,
    partitions,
    clock,
    ...(organizations === undefined ? {} : { organizations }),
    ...(startMs === undefined ? {} : { startMs }),
    ...(zones === undefined ? {} : { zones }),
    encoding: encoding === 'binary' ? 'avro' : 'json',
    encoder: makeEventCodec(encoding).encoder,
    plans: (world) => plansOfWorld(world, { rules }),
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress: (_, share) => onProgress(share) } : {}),
  });
  return { records, log: logDir, truth: truthPath };
}
