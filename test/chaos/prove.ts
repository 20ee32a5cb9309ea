import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { diffTables } from '../oracle/compare.ts';
import type { TableName } from '../oracle/rows.ts';
import { Random } from '../simulation/random.ts';
import { countDifferences, type Expected, type Findings, foldDirectory } from './compare-directory.ts';
import { EngineProcess } from './engine-process.ts';
import { runInBatches } from './run-in-batches.ts';
import { compareSettled, runUntilEnd } from './settle.ts';

export interface ProofOptions {
  readonly directory: string;
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  readonly partitions: number;
  /** Times that the engine is killed while it works the log off. */
  readonly kills: number;
  /** Batch sizes to run with; 0 = another random size at each poll. */
  readonly batches: readonly number[];
  readonly tell: (line: string) => void;
}

export interface Proof {
  readonly name: string;
  readonly findings: Findings;
}

/**
 * One simulated log, worked off whole, killed at random moments, and in batches of every kind: each
 * time everything must equal the oracle's fold of the log as it is stored.
 */
export async function* prove(options: ProofOptions): AsyncGenerator<Proof> {
  const { directory, tell } = options;
  const whole = join(directory, 'whole');
  await simulate(whole, options);
  tell('folding the log by docs/semantics.md');
  const expected = await foldDirectory(whole, { generation: 1, onProgress: (records) => tell(`folded ${records}`) });
  tell(`${expected.records} records folded; the engine works them off whole`);
  const killed = join(directory, 'killed');
  mkdirSync(killed);
  cpSync(join(whole, 'log'), join(killed, 'log'), { recursive: true });
  const workMs = await runUntilEnd(whole, join(directory, 'whole.log'));
  yield { name: 'whole', findings: await compareSettled(whole, expected) };
  if (options.kills > 0) yield await proveKilled(killed, expected, workMs, options);
  for (const size of options.batches) yield await proveBatches(whole, expected, size, options);
}

async function simulate(dir: string, options: ProofOptions): Promise<void> {
  if (existsSync(dir)) throw new Error(`${dir} is there already; choose another directory`);
  const { seed, days, campaigns, partitions, tell } = options;
  tell(`simulating ${days} days of ${campaigns} campaigns, seed ${seed}`);
  const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
  const { config } = loadConfig([], { shippedConfigDirectory });
  await writeSimulatedLog({
    dir,
    seed,
    days,
    campaigns,
    partitions,
    encoding: 'binary',
    plans: config.plans,
    clock: systemClock,
    onProgress: (share) => tell(`simulated ${Math.floor(share * 100)} %`),
  });
}

/** Kills the engine again and again; half of the undisturbed working time is spread over the lives. */
async function proveKilled(
  directory: string,
  expected: Expected,
  workMs: number,
  { kills, seed, tell }: ProofOptions,
): Promise<Proof> {
  const random = new Random(seed);
  const logPath = `${directory}.log`;
  let done = 0;
  for (let life = 0; done < kills; life++) {
    if (life > 2 * kills) throw new Error(`only ${done} of ${kills} kills found the engine at work`);
    const engine = EngineProcess.run(directory, { flags: ['--until-end'], logPath });
    // One in five dies while it opens its parts.
    if (random.chance(0.2)) await sleep(random.next() * 1_500);
    else if (await engine.announced()) await sleep(random.next() * (workMs / kills));
    if ((await engine.kill()).signal === 'SIGKILL') done += 1;
    tell(`killed ${done} of ${kills}`);
  }
  await runUntilEnd(directory, logPath);
  return { name: `killed ${done} times`, findings: await compareSettled(directory, expected) };
}

async function proveBatches(
  directory: string,
  expected: Expected,
  size: number,
  { seed, tell }: ProofOptions,
): Promise<Proof> {
  const random = new Random(seed);
  const name = size === 0 ? 'batches of any size' : `batches of ${size}`;
  tell(name);
  const rows = await runInBatches(directory, () => (size === 0 ? 1 + Math.floor(random.next() ** 6 * 5_000) : size));
  const differences = diffTables(expected.rows, rows, { anyDecoderReason: true });
  const findings = Object.fromEntries(
    Object.entries(expected.rows).map(([table, { length }]) => [
      table as TableName,
      countDifferences(
        length,
        differences.filter((each) => each.table === table),
      ),
    ]),
  );
  return { name, findings };
}
