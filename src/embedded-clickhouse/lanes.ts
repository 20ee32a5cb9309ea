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

export type LaneKind = 'write' | 'read';

/** The disk did not take what the engine wrote: it is full, or broken. */
export class FailedWrite extends Error {
  constructor(directory: string) {
    // 243 is ClickHouse's own number for a disk without room, which callers take for worth waiting.
    super(`Code: 243. DB::Exception: a write to ${directory} failed: is its disk full?. (NOT_ENOUGH_SPACE)`);
  }
}

interface LanesOptions {
  /** Reads at a time. */
  readonly reads: number;
  readonly engineArguments: readonly string[];
  /** The process must end; see `Lanes.requireWritten`. */
  readonly onFailedWrite: (error: FailedWrite) => void;
}

/** No row until the first. */
const failedWrites = "SELECT value FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'";

/**
 * The engine's directory, opened once in this process. Statements queue per kind: writes one at a
 * time, reads a few at a time, so that neither starves the other. Every statement gets a session of
 * its own (0.3 ms), because settings of a session leak into whatever runs there next.
 */
export class Lanes {
  readonly #directory: string;
  /** Keeps the directory open between statements. */
  readonly #anchor: Session;
  readonly #free: Record<LaneKind, number>;
  readonly #waiting: Record<LaneKind, (() => void)[]> = { write: [], read: [] };
  readonly #onFailedWrite: (error: FailedWrite) => void;
  #hasFailedWrite = false;

  constructor(directory: string, options: LanesOptions) {
    this.#directory = directory;
    this.#onFailedWrite = options.onFailedWrite;
    this.#anchor = new Session(directory, { connectionArgs: options.engineArguments });
    this.#free = { write: 1, read: options.reads };
  }

  /**
   * Runs the statement; rejects with chdb's error, whose message is ClickHouse's own. A write is only
   * done when every byte of it lies on the disk (see `requireWritten`).
   */
  async run(kind: LaneKind, statement: Statement): Promise<Uint8Array> {
    await this.#enter(kind);
    try {
      try {
        return await this.#runAlone(statement);
      } finally {
        // Also after an error, which may come from what an earlier write left behind.
        if (kind === 'write') await this.requireWritten();
      }
    } finally {
      this.#leave(kind);
    }
  }

  async #runAlone(statement: Statement): Promise<Uint8Array> {
    const session = new Session(this.#directory);
    try {
      return await runIn(session, statement);
    } finally {
      session.close();
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

  async #enter(kind: LaneKind): Promise<void> {
    if (this.#free[kind] > 0) this.#free[kind] -= 1;
    else await new Promise<void>((resolve) => this.#waiting[kind].push(resolve));
  }

  #leave(kind: LaneKind): void {
    const next = this.#waiting[kind].shift();
    if (next === undefined) this.#free[kind] += 1;
    else next();
  }
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
