import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FromChild, StartMessage, ToChild } from './child-messages.ts';
import { createFront } from './front.ts';
import { FailedWrite, StatementQueue } from './statement-queue.ts';

// The process that owns the engine's directory. It is a process, not a thread, because chdb must
// never be torn down beside other work; and it ends with its parent, so that no orphan holds the lock.
const lockWaitMs = 10_000;
const lockPollMs = 200;
const readsAtOnce = 3;
/** Of the engine's memory, what readers leave to inserts, merges and caches: a quarter, which is 512 MiB unless it is told otherwise. */
const writersShare = 1 / 4;
/** A merge may fail to write while nobody inserts: far below the eight minutes that its sources stay. */
const writtenCheckMs = 5_000;

let server: Server | null = null;
let queue: StatementQueue | null = null;
let writtenCheck: NodeJS.Timeout | undefined;

process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
// A terminal's Ctrl+C reaches the whole process group; the parent decides when we stop.
process.on('SIGINT', () => undefined);
process.on('SIGTERM', () => undefined);
process.on('message', (message: ToChild) => {
  if (message.kind === 'cpu') {
    const { user, system } = process.cpuUsage();
    tell({ kind: 'cpu', id: message.id, user: user / 1e6, system: system / 1e6 });
  } else (message.kind === 'start' ? start(message) : stop()).catch(fail);
});

function tell(message: FromChild): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  // dieOf has told it.
  if (error instanceof FailedWrite) return;
  const message = error instanceof Error ? error.message : String(error);
  const isPortTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
  tell({ kind: 'failed', code: isPortTaken ? 'PORT_TAKEN' : 'ENGINE_CHILD_DIED', message });
}

/** The check could not be made; the next one may. Who starts us keeps these words, and tells them if we die. */
function noteTrouble(error: unknown): void {
  if (!(error instanceof FailedWrite)) process.stderr.write(`${String(error)}\n`);
}

/** Ends at once, as if killed: an orderly end would write still more. */
function dieOf({ message }: Error): void {
  const lastWord: FromChild = { kind: 'failed', code: 'ENGINE_CHILD_DIED', message };
  process.send?.(lastWord, () => process.kill(process.pid, 'SIGKILL'));
}

async function start(options: StartMessage): Promise<void> {
  // ClickHouse's own word for where files may be read: below the working folder.
  if (options.filesFolder !== null) process.chdir(options.filesFolder);
  mkdirSync(options.directory, { recursive: true });
  queue = await openQueue(options);
  const spoolDirectory = join(options.directory, 'paceline-inserts');
  rmSync(spoolDirectory, { recursive: true, force: true });
  mkdirSync(spoolDirectory, { mode: 0o700 });
  await runText(queue, `CREATE DATABASE IF NOT EXISTS ads ENGINE = Atomic`);
  const names = await runText(queue, 'SELECT lower(name) FROM system.table_functions');
  server = createFront({
    queue,
    tokens: options,
    spoolDirectory,
    database: 'ads',
    readerMemoryBytes: Math.floor((options.memoryBytesMax * (1 - writersShare)) / readsAtOnce),
    tenantTables: options.tenantTables,
    tableFunctions: new Set(names.split('\n')),
  });
  // Longer than any client keeps an idle socket, so that it is never we who close first.
  server.keepAliveTimeout = 30_000;
  await new Promise<void>((resolve, reject) => {
    server?.once('error', reject).listen(options.port, '127.0.0.1', resolve);
  });
  writtenCheck = setInterval(() => queue?.requireWritten().catch(noteTrouble), writtenCheckMs);
  tell({ kind: 'ready', port: (server.address() as AddressInfo).port });
}

/** Opens the directory; waits for an earlier owner that is on its way out. */
async function openQueue({ directory, memoryBytesMax }: StartMessage): Promise<StatementQueue> {
  const engineArguments = [
    `--max_server_memory_usage=${memoryBytesMax}`,
    '--mark_cache_size=67108864',
    '--background_pool_size=2',
  ];
  for (let waited = 0; ; waited += lockPollMs) {
    try {
      return new StatementQueue(directory, {
        reads: readsAtOnce,
        engineArguments,
        onFailedWrite: dieOf,
        onStuck: dieOf,
      });
    } catch (error) {
      const isLocked = /lock|another (server|process)|already running|76/i.test(String(error));
      if (!isLocked || waited >= lockWaitMs) {
        if (isLocked) tell({ kind: 'failed', code: 'DATA_DIR_LOCKED', message: lockedMessage(directory) });
        throw error;
      }
      await sleep(lockPollMs);
    }
  }
}

function lockedMessage(directory: string): string {
  let pid = 'an unknown process';
  try {
    const found = /PID: (\d+)/.exec(readFileSync(join(directory, 'status'), 'utf8'));
    if (found !== null) pid = `process ${found[1]}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return `${directory} is held by ${pid}`;
}

async function runText(queue: StatementQueue, sql: string): Promise<string> {
  const nothing = new Map<string, string>();
  const bytes = await queue.run('write', {
    sql,
    database: null,
    format: 'TabSeparated',
    settings: nothing,
    parameters: nothing,
  });
  return Buffer.from(bytes).toString('utf8').trim();
}

async function stop(): Promise<void> {
  clearInterval(writtenCheck);
  server?.close();
  server?.closeIdleConnections();
  await queue?.close();
  process.exit(0);
}
