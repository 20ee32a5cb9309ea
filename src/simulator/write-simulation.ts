import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventsTopic } from '../model/ids.ts';
import type { Clock } from '../model/time.ts';
import type { Plan } from '../rules/plan.ts';
import { openRecordedLog } from '../sources/recorded/recorded-log.ts';
import { makeWorld, type WorldOptions } from './make-world.ts';
import { type EventEncoder, RecordProducer } from './produce-records.ts';
import { simulateWorld } from './simulate-world.ts';
import type { World } from './world.ts';

interface SimulationOptions extends WorldOptions {
  /** The log goes to `dir`/log, what was simulated to `dir`/truth.json. */
  readonly dir: string;
  /** Plans of the simulated organizations; plansOfWorld makes fitting ones. */
  readonly plans: (world: World) => readonly Plan[];
  /** `avro`: binary segments of Avro records. `json`: lines that a person can read. */
  readonly encoding: 'avro' | 'json';
  /** Makes values of that encoding. */
  readonly encoder: EventEncoder;
  readonly clock: Clock;
  /** After each flush: records so far, and how much of the simulated time is done, 0 to 1. */
  readonly onProgress?: (records: number, share: number) => void;
  /** Rejects with its reason between two flushes. */
  readonly signal?: AbortSignal;
}

interface SimulationResult {
  readonly records: number;
  readonly logDir: string;
  readonly truthPath: string;
  readonly world: World;
}

/**
 * The content of truth.json. `expected` is a slow fold of the very log by docs/semantics.md, made by
 * whoever checks the engine (`npm run truth -- DIR`): null until then, for the engine's own code cannot judge itself.
 */
export interface Truth {
  readonly format: 1;
  readonly seed: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly world: World;
  readonly records: number;
  readonly expected: unknown;
}

/** Simulates a world into a new replayed log. Throws LOG_FULL. */
export async function writeSimulation(options: SimulationOptions): Promise<SimulationResult> {
  const world = makeWorld(options);
  const logDir = join(options.dir, 'log');
  mkdirSync(options.dir, { recursive: true, mode: 0o700 });
  const log = await openRecordedLog({
    dir: logDir,
    topic: eventsTopic,
    partitions: options.partitions,
    mode: 'replayed',
    encoding: options.encoding === 'avro' ? 'binary' : 'jsonl',
    clock: options.clock,
  });
  const producer = new RecordProducer(log, options.encoder);
  try {
    for (const record of simulateWorld(world, options.plans(world))) {
      producer.add(record);
      if (!producer.isFull) continue;
      await producer.flush();
      options.signal?.throwIfAborted();
      options.onProgress?.(producer.produced, (record.logTimeMs - world.startMs) / (world.endMs - world.startMs));
    }
    await producer.flush();
  } finally {
    await log.close();
  }
  options.onProgress?.(producer.produced, 1);
  const truthPath = join(options.dir, 'truth.json');
  writeTruth(truthPath, {
    format: 1,
    seed: world.seed,
    options: describeOptions(options),
    world,
    records: producer.produced,
    expected: null,
  });
  return { records: producer.produced, logDir, truthPath, world };
}

export function writeTruth(path: string, truth: Truth): void {
  writeFileSync(path, `${JSON.stringify(truth, null, 1)}\n`);
}

/** The options that decide the bytes of the log: no directory, so that equal logs have equal truths. */
function describeOptions(options: SimulationOptions): Record<string, unknown> {
  const { seed, days, campaigns, organizations, partitions, startMs, zones, impressionsPerDay, encoding } = options;
  return { seed, days, campaigns, organizations, partitions, startMs, zones, impressionsPerDay, encoding };
}
