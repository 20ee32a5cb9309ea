import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../src/adapters/settings.ts';
import { type Engine, startEngine } from '../src/app.ts';
import { makeLogger } from '../src/control/logs/logger.ts';
import { systemClock } from '../src/control/system-clock.ts';
import { eventsTopic } from '../src/model/ids.ts';
import { tables } from '../src/rows/tables.ts';
import { childrenOf, cpuSecondsByThread, cpuSecondsOf, peakRssMb } from './machine.ts';
import { profileStages, type StageShares } from './profile.ts';
import { serveTask } from './task.ts';

/** The whole engine but bronze over the recorded log, as `paceline run --until-end` runs it. */
export interface CampaignTask {
  readonly logDir: string;
  readonly cacheDir: string;
  readonly isProfiled: boolean;
}

export interface CampaignResult {
  readonly records: number;
  readonly wallSeconds: number;
  /** Of this process, all threads, from the open engine until all is delivered. */
  readonly engineCpuSeconds: number;
  readonly mainThreadCpuSeconds: number;
  /** From start to end, by thread name. */
  readonly threads: Readonly<Record<string, number>>;
  /** Of chdb's child, until its merges are done too. */
  readonly chdbCpuSeconds: number;
  readonly startCpuSeconds: number;
  readonly rssPeakMb: number;
  /** Rows that left, by table. */
  readonly rows: Readonly<Record<string, number>>;
  readonly profile: StageShares | null;
}

const shippedConfigDirectory = join(import.meta.dirname, '..', 'config');

await serveTask<CampaignTask>(async (task) => {
  mkdirSync(task.cacheDir, { recursive: true });
  const data = mkdtempSync(join(task.cacheDir, 'run-'));
  try {
    mkdirSync(join(data, 'log'));
    symlinkSync(join(task.logDir, eventsTopic), join(data, 'log', eventsTopic));
    return await measure(data, task.isProfiled);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

async function measure(data: string, isProfiled: boolean): Promise<CampaignResult> {
  const overrides = { data_directory: data, http: { port: 0 }, clickhouse: { port: 0 }, bronze: { enabled: false } };
  const loaded = loadConfig([], { shippedConfigDirectory, overrides });
  const log = makeLogger({ level: 'warn', clock: systemClock });
  const engine = await startEngine(loaded, { version: 'bench', clock: systemClock, log, isUntilEnd: true });
  try {
    return await measureDrain(engine, isProfiled);
  } finally {
    await engine.stop();
  }
}

async function measureDrain(engine: Engine, isProfiled: boolean): Promise<CampaignResult> {
  const [chdb] = childrenOf(process.pid);
  const chdbBefore = cpuSecondsOf(chdb);
  const before = process.cpuUsage();
  const threadBefore = process.threadCpuUsage();
  const startMs = performance.now();
  let profile: StageShares | null = null;
  if (isProfiled) profile = await profileStages(() => engine.drain());
  else await engine.drain();
  const wallSeconds = (performance.now() - startMs) / 1_000;
  const used = process.cpuUsage(before);
  const thread = process.threadCpuUsage(threadBefore);
  const rows = tables.map(({ name }) => [name, engine.metrics.value('paceline_rows_out_total', { stream: name })]);
  return {
    records: engine.status().records,
    wallSeconds,
    engineCpuSeconds: seconds(used),
    mainThreadCpuSeconds: seconds(thread),
    threads: cpuSecondsByThread(),
    chdbCpuSeconds: (await settledCpuSeconds(chdb)) - chdbBefore,
    startCpuSeconds: seconds(before),
    rssPeakMb: peakRssMb(),
    rows: Object.fromEntries(rows),
    profile,
  };
}

function seconds({ user, system }: { user: number; system: number }): number {
  return (user + system) / 1e6;
}

/** Merges of the tables' parts go on after the last insert; they belong to the bill. */
async function settledCpuSeconds(pid: number): Promise<number> {
  let last = cpuSecondsOf(pid);
  for (let quiet = 0; quiet < 4; ) {
    await systemClock.sleep(250);
    const now = cpuSecondsOf(pid);
    quiet = now - last < 0.02 ? quiet + 1 : 0;
    last = now;
  }
  return last;
}
