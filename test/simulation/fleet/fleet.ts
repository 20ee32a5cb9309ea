import { Worker } from 'node:worker_threads';

/** Universes, or bronze worlds, for one worker. With a mutant it stops at the first that fails. */
export interface Job {
  readonly isBronze: boolean;
  readonly seeds: readonly number[];
  readonly mutant: string | null;
}

export interface Failing {
  readonly seed: number;
  readonly checks: readonly string[];
  readonly first: string;
}

export interface Outcome {
  readonly failing: Failing[];
  universes: number;
  events: number;
  records: number;
  commits: number;
  inserts: number;
  alerts: number;
}

/** Does all jobs on so many threads; `onDone` hears of each as it ends. Throws what a worker threw. */
export async function runJobs(
  jobs: readonly Job[],
  threads: number,
  onDone: (job: Job, outcome: Outcome) => void,
): Promise<void> {
  const left = [...jobs].reverse();
  await Promise.all(Array.from({ length: Math.min(threads, jobs.length) }, () => runWorker(left, onDone)));
}

async function runWorker(left: Job[], onDone: (job: Job, outcome: Outcome) => void): Promise<void> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  try {
    for (let job = left.pop(); job !== undefined; job = left.pop()) onDone(job, await ask(worker, job));
  } finally {
    await worker.terminate();
  }
}

function ask(worker: Worker, job: Job): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (outcome: Outcome) => {
      worker.off('error', reject);
      resolve(outcome);
    });
    worker.postMessage(job);
  });
}
