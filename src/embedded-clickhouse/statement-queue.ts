import { setTimeout as sleep } from 'node:timers/promises';
import { drainPending, Session } from 'chdb';
import { quoteText } from './sql-tokens.ts';

/** One statement with everything that it may depend on; nothing is inherited from earlier ones. */
export interface Statement {
  readonly sql: string;
  readonly database: string | null;
  /** Output format where the statement names none. */
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
  /** Values of `{name:Type}`, in ClickHouse's text form. */
  readonly parameters: ReadonlyMap<string, string>;
}

type StatementKind = 'write' | 'read';

/** The disk did not take what the engine wrote: it is full, or broken. */
export class FailedWrite extends Error {
  constructor(directory: string) {
    // 243 is ClickHouse's own number for a disk without room, which callers take for worth waiting.
    super(`Code: 243. DB::Exception: a write to ${directory} failed: is its disk full?. (NOT_ENOUGH_SPACE)`);
  }
}

interface StatementQueueOptions {
  /** Reads at a time. */
  readonly reads: number;
  readonly engineArguments: readonly string[];
  /** The process must end; see `StatementQueue.requireWritten`. */
  readonly onFailedWrite: (error: FailedWrite) => void;
  /** The process must end; see `StatementQueue.run`. */
  readonly onStuck: (error: Error) => void;
}

/** How often the engine is asked to end a statement, and after how long it counts as stuck. */
const killRetryMs = 500;
const killWaitMs = 15_000;

/** No row until the first. */
const failedWrites = "SELECT value FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'";

/**
 * The engine's directory, opened once in this process. Statements queue per kind: writes one at a
 * time, reads a few at a time, so that neither starves the other. Every statement gets a session of
 * its own (0.3 ms), because settings of a session leak into whatever runs there next.
 */
export class StatementQueue {
  readonly #directory: string;
  /** Keeps the directory open between statements. */
  readonly #anchor: Session;
  readonly #free: Record<StatementKind, number>;
  readonly #waiting: Record<StatementKind, (() => void)[]> = { write: [], read: [] };
  readonly #onFailedWrite: (error: FailedWrite) => void;
  readonly #onStuck: (error: Error) => void;
  #hasFailedWrite = false;
  #ran = 0;

  constructor(directory: string, options: StatementQueueOptions) {
    this.#directory = directory;
    this.#onFailedWrite = options.onFailedWrite;
    this.#onStuck = options.onStuck;
    this.#anchor = new Session(directory, { connectionArgs: options.engineArguments });
    this.#free = { write: 1, read: options.reads };
  }

  /**
   * Runs the statement; rejects with chdb's error, whose message is ClickHouse's own. A write is only
   * done when every byte of it lies on the disk (see `requireWritten`). When `signal` is aborted, a
   * statement that waits is dropped and one that runs is ended in the engine; either rejects with the
   * signal's reason.
   */
  async run(kind: StatementKind, statement: Statement, signal?: AbortSignal): Promise<Uint8Array> {
    await this.#enter(kind, signal);
    try {
      try {
        return await this.#runAlone(statement, signal);
      } finally {
        // Also after an error, which may come from what an earlier write left behind.
        if (kind === 'write') await this.requireWritten();
      }
    } finally {
      this.#leave(kind);
    }
  }

  async #runAlone(statement: Statement, signal?: AbortSignal): Promise<Uint8Array> {
    const session = new Session(this.#directory);
    const mark = `paceline-${++this.#ran}`;
    const ended = new AbortController();
    const ending = signal === undefined ? null : this.#endWhenAborted(mark, signal, ended.signal);
    try {
      return await runIn(session, { ...statement, settings: new Map([...statement.settings, ['log_comment', mark]]) });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      ended.abort();
      await ending;
      session.close();
    }
  }

  /**
   * Has the engine end the statement of that mark once `signal` is aborted, again and again, as it may
   * not have begun. One that does not end keeps its place for ever, and three of them all readers: then
   * this process must end.
   */
  async #endWhenAborted(mark: string, signal: AbortSignal, ended: AbortSignal): Promise<void> {
    await abortOf(signal, ended);
    let trouble = '';
    for (let asked = 0; !ended.aborted; asked++) {
      if (asked * killRetryMs >= killWaitMs) {
        this.#onStuck(new Error(`a query does not end ${killWaitMs / 1_000} s after it was told to${trouble}`));
        return;
      }
      const kill = `KILL QUERY WHERE Settings['log_comment'] = ${quoteText(mark)} ASYNC`;
      await this.#anchor.queryAsync(kill).catch((error: unknown) => {
        trouble = `: ${String(error)}`;
      });
      await sleep(killRetryMs, undefined, { signal: ended }).catch(() => undefined);
    }
  }

  /**
   * Throws FailedWrite when any write to the disk failed since the directory was opened, be it one of
   * a merge. chdb 3.4 stops writing there without an error (`WriteBufferFromFileDescriptor::nextImpl`),
   * commits the cut part and answers as if all were well; what is left is ClickHouse's own count of
   * such writes. This process must end then: a new one judges each part by its checksums, and falls
   * back from a broken one to its sources, which lie there for eight minutes (`old_parts_lifetime`).
   */
  async requireWritten(): Promise<void> {
    const result = await this.#anchor.queryAsync(failedWrites, { format: 'TabSeparated' });
    const count = Buffer.from(result.bytes()).toString('utf8').trim();
    if (count === '' || count === '0') return;
    const failure = new FailedWrite(this.#directory);
    if (!this.#hasFailedWrite) this.#onFailedWrite(failure);
    this.#hasFailedWrite = true;
    throw failure;
  }

  async close(): Promise<void> {
    await drainPending();
    this.#anchor.close();
    await drainPending();
  }

  async #enter(kind: StatementKind, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#free[kind] > 0) {
      this.#free[kind] -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#waiting[kind];
    waiting.push(resolve);
    const leave = (): void => {
      waiting.splice(waiting.indexOf(resolve), 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', leave, { once: true });
    await promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  #leave(kind: StatementKind): void {
    const next = this.#waiting[kind].shift();
    if (next === undefined) this.#free[kind] += 1;
    else next();
  }
}

/** Resolves when either is aborted. */
async function abortOf(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  if (!any.aborted)
    await new Promise<void>((resolve) => any.addEventListener('abort', () => resolve(), { once: true }));
}

async function runIn(
  session: Session,
  { sql, database, format, settings, parameters }: Statement,
): Promise<Uint8Array> {
  if (database !== null) await session.queryAsync(`USE \`${database}\``);
  const assignments = [
    ...[...settings].filter(([name]) => name !== 'readonly').map(([name, value]) => `${name} = ${quoteText(value)}`),
    ...[...parameters].map(([name, value]) => `param_${name} = ${quoteText(value)}`),
  ];
  if (assignments.length > 0) await session.queryAsync(`SET ${assignments.join(', ')}`);
  // Last, because nothing can be set after it.
  const readonly = settings.get('readonly');
  if (readonly !== undefined) await session.queryAsync(`SET readonly = ${quoteText(readonly)}`);
  const result = await session.queryAsync(sql, { format });
  return result.bytes();
}
