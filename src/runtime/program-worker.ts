import { parentPort, Worker, workerData } from 'node:worker_threads';
import { assert, EngineError, type ErrorCode } from '../model/errors.ts';
import { type Facts, onFact } from '../model/facts.ts';
import { createRunner } from './runner.ts';
import type { RunnerOptions } from './runner-options.ts';

/** What the adapter module of a thread gives it. */
export interface ProgramParts<Stats> {
  readonly runner: Omit<RunnerOptions, 'onError'>;
  /** What the program tells of itself; must survive a structured clone. */
  stats(): Stats;
  close(): Promise<void>;
}

interface ProgramModule {
  /** `onChange`: the numbers are other ones now. */
  openProgram(settings: unknown, ports: { onChange(): void }): Promise<ProgramParts<unknown>>;
}

interface ProgramThreadOptions {
  /** For messages. */
  readonly name: string;
  /** URL of a module that exports `openProgram` (ProgramModule). */
  readonly adapter: URL;
  /** Handed to `openProgram`; must survive a structured clone. */
  readonly settings: unknown;
  /** Called once when the program cannot go on. */
  onError(error: Error): void;
  /** Trouble that passes by itself, at each attempt; null = it has passed. */
  onTrouble?(error: Error | null): void;
  /** A lane stands still until a person acts; null = it goes on. */
  onHalt?(partition: number, error: Error | null): void;
}

export interface ProgramThread<Stats> {
  /** As of the last commit. */
  stats(): Stats;
  /** What lanes stand still for until a person acts, by partition. */
  halts(): ReadonlyMap<number, Error>;
  /** What it waits out now, which passes by itself; null = nothing. */
  trouble(): Error | null;
  /**
   * Resolves when all that the log holds at the call is committed, in lanes of other instances too where
   * `everywhere` says so; rejects when the thread dies first, and when a lane that has not come there halts.
   */
  drain(everywhere?: boolean): Promise<void>;
  /** Ends without committing what waits (call `drain` before to keep it): a restart reads it again. */
  stop(): Promise<void>;
}

interface Failure {
  readonly message: string;
  readonly code: ErrorCode | null;
}

type ToParent =
  | { readonly type: 'stats'; readonly stats: unknown }
  | { readonly type: 'drained'; readonly id: number; readonly stats: unknown; readonly failure: Failure | null }
  | { readonly type: 'trouble'; readonly failure: Failure | null }
  | { readonly type: 'halt'; readonly partition: number; readonly failure: Failure | null }
  | { readonly type: 'failed'; readonly failure: Failure };

type ToWorker =
  | { readonly type: 'drain'; readonly id: number; readonly everywhere: boolean }
  | { readonly type: 'stop' };

/** Starts a program on a thread of its own; resolves once it is open. */
export async function startProgramThread<Stats>(options: ProgramThreadOptions): Promise<ProgramThread<Stats>> {
  const worker = new Worker(new URL('./program-worker.ts', import.meta.url), {
    workerData: { paceline: 'program', adapter: options.adapter.href, settings: options.settings },
  });
  const drains = new Map<number, { resolve(): void; reject(error: Error): void }>();
  const ready = Promise.withResolvers<void>();
  const halts = new Map<number, Error>();
  let trouble: Error | null = null;
  let stats: Stats | undefined;
  let failure: Error | undefined;
  let isStopping = false;
  let nextId = 1;

  const fail = (error: Error): void => {
    if (failure !== undefined) return;
    failure = error;
    ready.reject(error);
    for (const drain of drains.values()) drain.reject(error);
    drains.clear();
    if (stats !== undefined && !isStopping) options.onError(error);
  };
  const setTrouble = (error: Error | null): void => {
    if (error === null && trouble === null) return;
    trouble = error;
    options.onTrouble?.(error);
  };
  worker.on('message', (message: ToParent) => {
    if (message.type === 'stats') {
      stats = message.stats as Stats;
      // Told after each call of its store that went well.
      setTrouble(null);
      ready.resolve();
    } else if (message.type === 'drained') {
      stats = message.stats as Stats;
      const drain = drains.get(message.id);
      drains.delete(message.id);
      if (message.failure) drain?.reject(errorOf(message.failure));
      else drain?.resolve();
    } else if (message.type === 'halt') {
      const { partition } = message;
      const error = message.failure && errorOf(message.failure);
      if (error === null) halts.delete(partition);
      else halts.set(partition, error);
      options.onHalt?.(partition, error);
    } else if (message.type === 'trouble') setTrouble(message.failure && errorOf(message.failure));
    else fail(errorOf(message.failure));
  });
  worker.on('error', (error: Error) => fail(error));
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      if (!isStopping) fail(new Error(`the thread of ${options.name} ended with ${code}`));
      for (const drain of drains.values()) drain.reject(new Error(`${options.name} was stopped`));
      drains.clear();
      resolve();
    });
  });
  const send = (message: ToWorker): void => worker.postMessage(message);
  await ready.promise;
  return {
    stats: () => {
      assert(stats !== undefined, 'a started program has sent its stats');
      return stats;
    },
    halts: () => halts,
    trouble: () => trouble,
    drain: (everywhere = false) => {
      if (failure !== undefined) return Promise.reject(failure);
      if (isStopping) return Promise.reject(new Error(`${options.name} was stopped`));
      const id = nextId++;
      return new Promise((resolve, reject) => {
        drains.set(id, { resolve, reject });
        send({ type: 'drain', id, everywhere });
      });
    },
    stop: async () => {
      isStopping = true;
      send({ type: 'stop' });
      await exited;
    },
  };
}

/** The thread's own side. */
async function runProgram(port: NonNullable<typeof parentPort>, adapter: string, settings: unknown): Promise<void> {
  const send = (message: ToParent): void => port.postMessage(message);
  const { openProgram } = (await import(adapter)) as ProgramModule;
  let stats: (() => unknown) | null = null;
  // What changes while it opens is told once it is open: the first word of its numbers says that it is.
  const tell = (): void => {
    if (stats !== null) send({ type: 'stats', stats: stats() });
  };
  const parts = await openProgram(settings, { onChange: tell });
  stats = () => parts.stats();
  const ended = Promise.withResolvers<void>();
  let isEnding = false;
  const runner = createRunner({
    ...parts.runner,
    onError: (error, isFatal) => {
      if (!isFatal) return;
      isEnding = true;
      ended.reject(error);
    },
  });
  for (const stop of relayTroubles(send)) ended.promise.then(stop, stop);
  port.on('message', (message: ToWorker) => {
    if (message.type === 'stop') {
      isEnding = true;
      runner.stop().then(ended.resolve, ended.reject);
      return;
    }
    const { id, everywhere } = message;
    (everywhere ? runner.catchUpEverywhere() : runner.catchUp()).then(
      () => send({ type: 'drained', id, stats: parts.stats(), failure: null }),
      (error: unknown) => {
        // A thread that ends says why itself, and with that to all who wait.
        if (!isEnding) send({ type: 'drained', id, stats: parts.stats(), failure: failureOf(error) });
      },
    );
  });
  tell();
  try {
    runner.start().catch(ended.reject);
    await ended.promise;
  } finally {
    await runner.stop();
    await parts.close();
  }
}

/** What lanes wait out here is heard nowhere else. */
function relayTroubles(send: (message: ToParent) => void): (() => void)[] {
  const tell = (error: unknown): void => send({ type: 'trouble', failure: error === null ? null : failureOf(error) });
  const halted = new Set<number>();
  const onPaused = ({ partition, reason, error }: Facts['lane.paused']): void => {
    if (halted.delete(partition)) send({ type: 'halt', partition, failure: null });
    if (reason !== 'halted') return error === null && reason !== null ? undefined : tell(error);
    halted.add(partition);
    send({ type: 'halt', partition, failure: failureOf(error) });
  };
  return [onFact('lane.paused', onPaused), onFact('state.failed', ({ error }) => tell(error))];
}

/** Errors lose their class between threads: code and message travel, the class is made anew. */
function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) return { message: error.message, code: error.code };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), code: null };
}

function errorOf(failure: Failure): Error {
  return failure.code === null ? new Error(failure.message) : new EngineError(failure.code, failure.message);
}

if (parentPort !== null && workerData?.paceline === 'program') {
  const port = parentPort;
  runProgram(port, workerData.adapter, workerData.settings).then(
    () => port.close(),
    (error: unknown) => {
      port.postMessage({ type: 'failed', failure: failureOf(error) } satisfies ToParent);
      port.close();
    },
  );
}
