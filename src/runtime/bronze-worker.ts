import { parentPort, Worker, workerData } from 'node:worker_threads';
import { assert, EngineError, type ErrorCode } from '../model/errors.ts';
import { BronzeTopology, type BronzeTopologyOptions } from './bronze-topology.ts';

/** What the table says about itself; numbers only grow while a worker runs. */
export interface BronzeStats {
  readonly location: string;
  readonly snapshots: number;
  readonly records: number;
  readonly commits: number;
  readonly conflicts: number;
  readonly unknown: number;
  readonly fenced: number;
  readonly files: number;
  readonly bytes: number;
}

/** What the adapter module's `openBronze` gives the worker. */
export interface BronzeParts {
  readonly topology: Omit<BronzeTopologyOptions, 'onTrouble'>;
  stats(): BronzeStats;
  close(): Promise<void>;
}

export interface BronzeWorkerOptions {
  /** URL of a module that exports `openBronze(settings): Promise<BronzeParts>`. */
  readonly adapter: URL;
  /** Handed to `openBronze`; must survive a structured clone. */
  readonly settings: unknown;
  /** Called once when bronze cannot go on. */
  onError(error: Error): void;
  /** Trouble that passes by itself. */
  onTrouble?(error: Error): void;
}

export interface BronzeWorker {
  /** As of the last commit. */
  stats(): BronzeStats;
  /** Resolves when all that the log holds at the call is committed; rejects when the worker dies first. */
  drain(): Promise<void>;
  /** Ends without committing what waits (call `drain` before to keep it): a restart reads it again. */
  stop(): Promise<void>;
}

interface Failure {
  readonly message: string;
  readonly code: ErrorCode | null;
}

type ToParent =
  | { readonly type: 'stats'; readonly stats: BronzeStats }
  | { readonly type: 'drained'; readonly id: number; readonly failure: Failure | null }
  | { readonly type: 'trouble'; readonly failure: Failure }
  | { readonly type: 'failed'; readonly failure: Failure };

type ToWorker = { readonly type: 'drain'; readonly id: number } | { readonly type: 'stop' };

/** Starts bronze on a thread of its own; resolves once the table is open. */
export async function startBronzeWorker(options: BronzeWorkerOptions): Promise<BronzeWorker> {
  const worker = new Worker(new URL('./bronze-worker.ts', import.meta.url), {
    workerData: { paceline: 'bronze', adapter: options.adapter.href, settings: options.settings },
  });
  const drains = new Map<number, { resolve(): void; reject(error: Error): void }>();
  const ready = Promise.withResolvers<void>();
  let stats: BronzeStats | undefined;
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
  worker.on('message', (message: ToParent) => {
    if (message.type === 'stats') {
      stats = message.stats;
      ready.resolve();
    } else if (message.type === 'drained') {
      const drain = drains.get(message.id);
      drains.delete(message.id);
      if (message.failure) drain?.reject(errorOf(message.failure));
      else drain?.resolve();
    } else if (message.type === 'trouble') options.onTrouble?.(errorOf(message.failure));
    else fail(errorOf(message.failure));
  });
  worker.on('error', (error: Error) => fail(error));
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      if (!isStopping) fail(new Error(`the bronze worker ended with ${code}`));
      for (const drain of drains.values()) drain.reject(new Error('bronze was stopped'));
      drains.clear();
      resolve();
    });
  });
  const send = (message: ToWorker): void => worker.postMessage(message);
  await ready.promise;
  return {
    stats: () => {
      assert(stats, 'a started worker has sent its stats');
      return stats;
    },
    drain: () => {
      if (failure !== undefined) return Promise.reject(failure);
      if (isStopping) return Promise.reject(new Error('bronze was stopped'));
      const id = nextId++;
      return new Promise((resolve, reject) => {
        drains.set(id, { resolve, reject });
        send({ type: 'drain', id });
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
async function runWorker(port: NonNullable<typeof parentPort>, adapter: string, settings: unknown): Promise<void> {
  const send = (message: ToParent): void => port.postMessage(message);
  const module = (await import(adapter)) as { openBronze(settings: unknown): Promise<BronzeParts> };
  const parts = await module.openBronze(settings);
  const { store } = parts.topology;
  const told = {
    ...parts.topology,
    store: {
      open: async () => {
        const positions = await store.open();
        send({ type: 'stats', stats: parts.stats() });
        return positions;
      },
      positions: () => store.positions(),
      own: (partitions: readonly number[]) => store.own(partitions),
      add: store.add.bind(store),
      commit: async () => {
        const outcome = await store.commit();
        if (outcome !== 'nothing') send({ type: 'stats', stats: parts.stats() });
        return outcome;
      },
      get bufferedRecords() {
        return store.bufferedRecords;
      },
      get bufferedBytes() {
        return store.bufferedBytes;
      },
    },
    onTrouble: (error: EngineError) => send({ type: 'trouble', failure: failureOf(error) }),
  };
  const topology = new BronzeTopology(told);
  port.on('message', (message: ToWorker) => {
    if (message.type === 'stop') {
      topology.stop();
      return;
    }
    const { id } = message;
    topology.drain().then(
      () => send({ type: 'drained', id, failure: null }),
      (error: unknown) => send({ type: 'drained', id, failure: failureOf(error) }),
    );
  });
  try {
    await topology.run();
  } finally {
    await parts.close();
  }
}

/** Errors lose their class between threads: code and message travel, the class is made anew. */
function failureOf(error: unknown): Failure {
  if (error instanceof EngineError) return { message: error.message, code: error.code };
  return { message: error instanceof Error ? (error.stack ?? error.message) : String(error), code: null };
}

function errorOf(failure: Failure): Error {
  return failure.code === null ? new Error(failure.message) : new EngineError(failure.code, failure.message);
}

if (parentPort !== null && workerData?.paceline === 'bronze') {
  const port = parentPort;
  runWorker(port, workerData.adapter, workerData.settings).then(
    () => port.close(),
    (error: unknown) => {
      port.postMessage({ type: 'failed', failure: failureOf(error) } satisfies ToParent);
      port.close();
    },
  );
}
