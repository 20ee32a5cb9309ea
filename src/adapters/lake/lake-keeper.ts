import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type LakeJob, lakeJobs } from '../../lakehouse/jobs/config.ts';
import { EngineError, type ErrorCode } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import { type Clock, dayMs, hourMs, minuteMs } from '../../model/time.ts';
import type { LentTables } from '../log/visits.ts';
import type { Config } from '../settings.ts';
import type { JobReport, LakeLook } from './lake-jobs.ts';
import { hasLake } from './open-lake.ts';

/** What the process for one job is told. */
export interface LakeOrder {
  readonly job: LakeJob | 'look';
  readonly config: Config;
  /** The embedded tables, which the engine holds; null with a server. */
  readonly lent: LentTables | null;
  /** Gold as it was looked at last. */
  readonly seen: string;
}

/** What it answers, before it ends. */
export type LakeAnswer =
  | { readonly kind: 'done'; readonly report: JobReport | LakeLook }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly problem: string };

interface KeeperOptions {
  readonly config: Config;
  readonly lent: LentTables | null;
  readonly clock: Clock;
  /** In place of a process of its own: for tests. */
  readonly run?: (order: LakeOrder, signal: AbortSignal) => Promise<JobReport | LakeLook>;
}

/** The next instant at which jobs are due: daily, at an hour of UTC. */
export function nextDue(nowMs: number, hour: number): number {
  const today = Math.floor(nowMs / dayMs) * dayMs + hour * hourMs;
  return today > nowMs ? today : today + dayMs;
}

/** Jobs that are due on a day, in their order. */
export function jobsOn(dueMs: number, { schedule, drill_days }: Config['lakehouse']): LakeJob[] {
  const isDrillDay = Math.floor(dueMs / dayMs) % drill_days === 0;
  return lakeJobs.filter((job) => schedule.includes(job) && (job !== 'drill' || isDrillDay));
}

/**
 * Looks after the lake of a running engine: jobs at their hour, one after the other, each in a process of its own
 * that may end at any moment; and a look now and then, for metrics and views. Two keepers of one lake do the same
 * work twice at worst: every job may run twice at once.
 */
export class LakeKeeper implements AsyncDisposable {
  readonly #options: KeeperOptions;
  readonly #stop = new AbortController();
  readonly #going: Promise<unknown>[] = [];
  #seen = '';

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { lakehouse } = this.#options.config;
    if (lakehouse.look_minutes > 0) this.#going.push(this.#lookOn(lakehouse.look_minutes * minuteMs));
    if (lakehouse.schedule.length > 0) this.#going.push(this.#workOn());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#going);
  }

  async #lookOn(everyMs: number): Promise<void> {
    // Not at once: a start has other things to do.
    for (let waitMs = Math.min(everyMs, minuteMs); await this.#slept(waitMs); waitMs = everyMs) {
      if (!hasLake(this.#options.config)) continue;
      const look = (await this.#run('look')) as LakeLook | null;
      if (look === null) continue;
      this.#seen = look.goldMark;
      publishFact('lake.looked', look);
    }
  }

  async #workOn(): Promise<void> {
    const { clock, config } = this.#options;
    for (;;) {
      const dueMs = nextDue(clock.wallMs(), config.lakehouse.hour);
      if (!(await this.#slept(dueMs - clock.wallMs()))) return;
      for (const job of jobsOn(dueMs, config.lakehouse)) {
        if (this.#stop.signal.aborted) return;
        if (hasLake(config)) await this.#run(job);
      }
    }
  }

  /** What the job reports; null when it failed, which the fact tells. */
  async #run(job: LakeOrder['job']): Promise<JobReport | LakeLook | null> {
    const { clock, config, lent, run = runInChild } = this.#options;
    const { signal } = this.#stop;
    const beganMs = clock.steadyMs();
    try {
      const report = await run({ job, config, lent, seen: this.#seen }, signal);
      const differs = 'differences' in report && Number(report.differences) > 0;
      const error = differs ? new EngineError('COPY_DIFFERS', String((report as JobReport).example)) : null;
      const told = job === 'look' ? {} : (report as JobReport);
      publishFact('lake.job', { job, durationMs: clock.steadyMs() - beganMs, report: told, error });
      return report;
    } catch (error) {
      if (!signal.aborted) publishFact('lake.job', { job, durationMs: clock.steadyMs() - beganMs, report: {}, error });
      return null;
    }
  }

  async #slept(ms: number): Promise<boolean> {
    const { signal } = this.#stop;
    await this.#options.clock.sleep(ms, signal).catch(() => undefined);
    return !signal.aborted;
  }
}

async function runInChild(order: LakeOrder, signal: AbortSignal): Promise<JobReport | LakeLook> {
  const child: ChildProcess = fork(fileURLToPath(new URL('./lake-child.ts', import.meta.url)), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const kill = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, ended) =>
        reject(
          new EngineError(
            'ENGINE_CHILD_DIED',
            `the process of ${order.job} ended with ${ended ?? `exit code ${code}`}`,
          ),
        ),
      );
      child.on('message', (answer: LakeAnswer) => {
        if (answer.kind === 'done') resolve(answer.report);
        else reject(answer.code === null ? new Error(answer.problem) : new EngineError(answer.code, answer.problem));
      });
      child.send(order);
    });
  } finally {
    signal.removeEventListener('abort', kill);
  }
}
