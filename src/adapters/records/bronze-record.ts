import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LaneRecord } from '../../events/run-of-records.ts';
import { EngineError, type ErrorCode } from '../../model/errors.ts';
import type { Place } from '../../serving/ports.ts';
import { hasLake } from '../lake/open-lake.ts';
import type { Config } from '../settings.ts';

export type BronzeAnswer =
  | { readonly kind: 'done'; readonly record: LaneRecord | null }
  | { readonly kind: 'failed'; readonly code: ErrorCode | null; readonly problem: string };

const waitingMax = 8;
const deadlineMs = 30_000;

/** Looks records up in bronze, each in a child of its own and one at a time. */
export class BronzeRecords {
  readonly #config: Config;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: Config) {
    this.#config = config;
  }

  /** Null where bronze does not hold it, or where there is none. Throws QUERY_OVERLOADED, QUERY_TIMEOUT. */
  async find(place: Place): Promise<LaneRecord | null> {
    if (!this.#config.bronze.enabled || !hasLake(this.#config)) return null;
    if (this.#waiting >= waitingMax)
      throw new EngineError('QUERY_OVERLOADED', `${waitingMax} records are being looked for in bronze already`);
    this.#waiting += 1;
    const turn = this.#last.then(() => findInChild(this.#config, place));
    // Whoever waits next does not care how this one ended; its caller learns it.
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

async function findInChild(config: Config, place: Place): Promise<LaneRecord | null> {
  const child = fork(fileURLToPath(new URL('./bronze-record-child.ts', import.meta.url)), [], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  const deadline = AbortSignal.timeout(deadlineMs);
  const kill = (): void => void child.kill('SIGKILL');
  deadline.addEventListener('abort', kill, { once: true });
  try {
    const answer = await new Promise<BronzeAnswer>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', () =>
        reject(new EngineError('QUERY_TIMEOUT', 'the record could not be looked for in bronze')),
      );
      child.on('message', resolve);
      child.send({ config, place });
    });
    if (answer.kind === 'done') return answer.record;
    // A lake that holds nothing yet has no record either.
    if (answer.code === 'CONFIG_INVALID') return null;
    throw answer.code === null ? new Error(answer.problem) : new EngineError(answer.code, answer.problem);
  } finally {
    deadline.removeEventListener('abort', kill);
  }
}
