import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import { Random } from '../simulation/random.ts';
import { type Findings, foldDirectory, isExact } from './compare-directory.ts';
import { SmallDisk } from './disk.ts';
import { FaultLog } from './fault-log.ts';
import { Life } from './lives.ts';
import { Producer, type WorldSize } from './producer.ts';
import { compareSettled, runUntilEnd } from './settle.ts';

export interface ChaosOptions extends WorldSize {
  readonly directory: string;
  readonly forMs: number;
  readonly tell: (line: string) => void;
}

export interface ChaosReport {
  readonly seed: number;
  readonly lives: number;
  readonly injected: Readonly<Record<string, number>>;
  /** Times that a process was killed or stopped. */
  readonly killsAndStops: number;
  readonly skipped: readonly string[];
  readonly violations: readonly string[];
  readonly records: number;
  readonly findings: Findings;
}

export const killsAndStops = [
  'kill the engine',
  'kill while opening',
  'kill while stopped',
  'kill while draining',
  'kill ClickHouse',
  'take over',
  'stop the engine',
  'stop ClickHouse',
  'terminate',
  'kill Redis',
  'cut the tail of Redis',
  'stop Redis',
  'restart Kafka',
  'stop Kafka',
] as const;
const diskMegabytes = 3_000;

/**
 * Real engines over one data directory, hurt at random, while a simulated world goes on being written
 * into its log. When the time is up the log is worked off in peace, and everything is compared with
 * the oracle's fold of the log as it is stored.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, forMs, tell } = options;
  const faults = new FaultLog(join(options.directory, 'faults.log'));
  const disk = SmallDisk.make(join(options.directory, 'disk'), diskMegabytes);
  const skipped = disk.whyNot === null ? [] : [`disk full: no file system can be mounted here (${disk.whyNot})`];
  for (const line of skipped) tell(`SKIPPED ${line}`);
  let isGood = false;
  try {
    const directory = join(disk.directory, 'data');
    const logPath = join(options.directory, 'engine.log');
    const producer = new Producer(options, shippedRules());
    const stage = { directory, disk, random: new Random(seed), faults, producer, logPath };
    let lives = 0;
    while (faults.elapsedMs < forMs) {
      await producer.append(directory, faults.elapsedMs / forMs);
      await new Life(stage).run();
      lives += 1;
      tell(`${lives} lives, ${faults.count(...killsAndStops)} kills and stops, ${producer.produced} records`);
    }
    await producer.append(directory, 1);
    tell('the rest of the log is worked off in peace');
    await runUntilEnd(directory, logPath);
    tell('folding the log by docs/semantics.md');
    const expected = await foldDirectory(directory, { generation: 1 });
    if (expected.records < producer.produced)
      faults.violate(`${producer.produced} records were durable, the log holds ${expected.records}`);
    const findings = await compareSettled(directory, expected);
    isGood = isExact(findings) && faults.violations.length === 0;
    return {
      seed,
      lives,
      injected: Object.fromEntries(faults.counts),
      killsAndStops: faults.count(...killsAndStops),
      skipped,
      violations: faults.violations,
      records: expected.records,
      findings,
    };
  } finally {
    // The disk goes, so what somebody has to look at is taken from it first.
    if (!isGood) cpSync(disk.directory, join(options.directory, 'kept'), { recursive: true });
    disk.unmount();
  }
}

export function shippedRules() {
  const config = join(import.meta.dirname, '..', '..', 'config');
  const paths = { organizations: join(config, 'organizations.yaml'), rules: join(config, 'rules') };
  return readPlanFiles(paths).rules.map(({ rule }) => rule);
}
