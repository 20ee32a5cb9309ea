import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';

/** Where a running engine answers, for other processes of the same user. */
export interface EngineInfo {
  readonly pid: number;
  /** Command line of the engine, for messages. */
  readonly command: string;
  readonly addresses: {
    readonly http: string | null;
    readonly clickhouse: string | null;
    /** Of the API; absent or null where it is not served. */
    readonly api?: string | null;
  };
  readonly tokens: Readonly<Record<string, string>>;
}

const waitStepMs = 100;
const infoName = 'engine.json';
const holderName = 'lock.json';

/**
 * Takes the directory for this process, creating it; one that is new or empty gets mode 0700. The lock is SQLite's lock on a file
 * of its own, which the operating system drops with the process, however it ends: no stale lock and
 * no confusion by a reused pid. Waits up to `waitMs`, then throws DATA_DIR_LOCKED naming the holder.
 */
export async function openDataDirectory(
  dir: string,
  options: { readonly clock: Clock; readonly waitMs?: number },
): Promise<DataDirectory> {
  const { clock, waitMs = 10_000 } = options;
  makeUsable(dir);
  // Made by somebody else for us; one that holds anything has its rights for a reason.
  if (readdirSync(dir).length === 0) closeToOthers(dir);
  const deadline = clock.steadyMs() + waitMs;
  for (;;) {
    const lock = tryLock(join(dir, 'lock.sqlite'));
    if (lock !== null) return new DataDirectory(dir, lock);
    const left = deadline - clock.steadyMs();
    if (left <= 0) throw new EngineError('DATA_DIR_LOCKED', `${dir} is in use by ${nameHolder(dir)}`);
    await clock.sleep(Math.min(waitStepMs, left));
  }
}

/** Makes it where it is not there yet. Throws USAGE, in words, for a place where nothing can be written. */
function makeUsable(dir: string): void {
  try {
    if (!existsSync(dir)) mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (!statSync(dir).isDirectory())
      throw new EngineError('USAGE', `${dir} is a file, no directory; name another with --data`);
    accessSync(dir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    const message = `cannot write to the data directory ${dir}: ${(cause as Error).message}; name another with --data`;
    throw new EngineError('USAGE', message, { cause });
  }
}

/** What the engine of this directory published; null when none did. It may have died since: connect to know. */
export function readEngineInfo(dir: string): EngineInfo | null {
  return readJson(join(dir, infoName)) as EngineInfo | null;
}

/** A data directory that this process owns. */
export class DataDirectory {
  readonly dir: string;
  readonly #lock: DatabaseSync;

  constructor(dir: string, lock: DatabaseSync) {
    this.dir = dir;
    this.#lock = lock;
    // What a killed owner left would send others to a dead address.
    rmSync(join(dir, infoName), { force: true });
    writePrivately(join(dir, holderName), { pid: process.pid, command: commandLine() });
  }

  get logDirectory(): string {
    return join(this.dir, 'log');
  }

  get statePath(): string {
    return join(this.dir, 'state.sqlite');
  }

  /** Writes engine.json, readable by this user alone because it holds tokens. */
  publishEngineInfo(info: Pick<EngineInfo, 'addresses' | 'tokens'>): void {
    const { addresses, tokens } = info;
    writePrivately(join(this.dir, infoName), { pid: process.pid, command: commandLine(), addresses, tokens });
  }

  close(): void {
    if (!this.#lock.isOpen) return;
    rmSync(join(this.dir, infoName), { force: true });
    rmSync(join(this.dir, holderName), { force: true });
    this.#lock.close();
  }
}

function closeToOthers(dir: string): void {
  try {
    chmodSync(dir, 0o700);
  } catch (cause) {
    // A volume of another user, which lets us in by its group: its rights are not ours to set.
    if ((cause as NodeJS.ErrnoException).code !== 'EPERM') throw cause;
  }
}

function commandLine(): string {
  return process.argv.map((part) => (/\s/.test(part) ? JSON.stringify(part) : part)).join(' ');
}

/** Null when another process, or another part of this one, holds the lock. */
function tryLock(path: string): DatabaseSync | null {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    // An open exclusive transaction is never committed: it holds the lock and writes nothing.
    db.exec('BEGIN EXCLUSIVE');
    return db;
  } catch (cause) {
    db.close();
    // SQLITE_BUSY = 5.
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 === 5) return null;
    throw cause;
  }
}

function nameHolder(dir: string): string {
  const holder = readJson(join(dir, holderName)) as { pid?: number; command?: string } | null;
  return holder === null ? 'another process' : `process ${holder.pid} (${holder.command})`;
}

function readJson(path: string): unknown {
  if (!existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as unknown;
  } catch (cause) {
    // Removed since, or damaged: either way nobody can be named from it.
    if (cause instanceof SyntaxError || (cause as { code?: string }).code === 'ENOENT') return null;
    throw cause;
  }
}

function writePrivately(path: string, value: unknown): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  // The mode above counts only for a new file.
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}
