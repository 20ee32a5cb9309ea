import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BackOff } from '../model/back-off.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';
import type { FromChild, StartMessage, ToChild } from './child-messages.ts';
import type { NamedReader } from './readers.ts';

interface EmbeddedClickHouseOptions {
  /** The engine's own directory; created when absent. One process at a time may hold it. */
  readonly dir: string;
  /** Port on 127.0.0.1; 0 takes a free one, which stays the same for the life of this handle. */
  readonly port: number;
  /** Who else may read; default nobody. */
  readonly readers?: readonly NamedReader[];
  /** Tables of `ads` whose rows belong to organizations: a reader who is bound to one sees no others' there. */
  readonly tenantTables?: readonly string[];
  /** A folder of this machine whose files its own views read, made or not yet; default none. */
  readonly files?: string | null;
  readonly clock: Clock;
  readonly log?: { warn(fields: object, message: string): void };
  /** How often the front is asked whether it lives, ms. Default 10 s. */
  readonly pingEveryMs?: number;
  /** A front that is silent for as long is started anew, ms. Default 60 s: a busy machine is no dead one. */
  readonly silenceMaxMs?: number;
  /** Cap of the engine's memory, bytes. Default 2 GiB. */
  readonly memoryBytesMax?: number;
}

export interface EmbeddedClickHouse {
  readonly url: string;
  /** May do everything; for our own sink only. */
  readonly writeToken: string;
  /** May run one reading statement over the tables; safe to show to the owner of the data directory. */
  readonly readToken: string;
  /** Process id of the newest child; changes when it is restarted. */
  readonly pid: number;
  /** Processor seconds of all children of this handle so far; of a killed one, up to its last reading. */
  cpuUsage(): Promise<{ user: number; system: number }>;
  stop(): Promise<void>;
}

const lastWordsMax = 2_000;
const stopWaitMs = 15_000;
/** A child that lived as long does not die again and again. */
const calmMs = 10_000;

/**
 * Starts ClickHouse in a child process that serves its HTTP protocol on loopback, and restarts the
 * child when it dies; callers see refused connections meanwhile and try again. Throws
 * DATA_DIR_LOCKED, PORT_TAKEN or ENGINE_CHILD_DIED when the first start fails.
 */
export async function startEmbeddedClickHouse(options: EmbeddedClickHouseOptions): Promise<EmbeddedClickHouse> {
  const supervisor = new Supervisor(options);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements EmbeddedClickHouse {
  readonly writeToken = randomBytes(24).toString('base64url');
  readonly readToken = randomBytes(24).toString('base64url');
  readonly #options: EmbeddedClickHouseOptions;
  #child: ChildProcess | null = null;
  #port: number;
  #isStopping = false;
  readonly #stopped = new AbortController();
  /** Of children that are gone, and the last reading of the present one. */
  #past = { user: 0, system: 0 };
  #present = { user: 0, system: 0 };
  #askedCpu = 0;
  #readyMs = 0;
  /** Rises while children die soon, or do not start. */
  readonly #backOff = new BackOff();

  constructor(options: EmbeddedClickHouseOptions) {
    this.#options = options;
    this.#port = options.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** One child up and ready, or an EngineError. */
  async start(): Promise<void> {
    const child = fork(fileURLToPath(new URL('./child.ts', import.meta.url)), [], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // One thread per statement at a time and some for files: a long query must not stop unrelated I/O.
      env: { ...process.env, UV_THREADPOOL_SIZE: '10', TZ: 'UTC', NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    const lastWords = keepLastWords(child);
    let isReady = false;
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.on('message', (message: FromChild) => {
      if (message.kind === 'ready') resolve(message.port);
      else if (message.kind === 'failed') {
        // Before it is ready, whoever starts it tells of it.
        if (isReady) this.#options.log?.warn({ event: 'engine_child_failed', code: message.code }, message.message);
        reject(new EngineError(message.code, message.message));
      } else this.#present = { user: message.user, system: message.system };
    });
    child.once('error', (cause) => reject(new EngineError('ENGINE_CHILD_DIED', 'the child does not start', { cause })));
    child.once('exit', (code, signal) => {
      const message = `the embedded ClickHouse ended with ${signal ?? `exit code ${code}`}${lastWords()}`;
      reject(new EngineError('ENGINE_CHILD_DIED', message));
    });
    send(child, this.#startMessage());
    try {
      this.#port = await promise;
      isReady = true;
      this.#readyMs = this.#options.clock.steadyMs();
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
    this.#superviseFromNow(child);
  }

  async cpuUsage(): Promise<{ user: number; system: number }> {
    const child = this.#child;
    if (child?.connected) {
      const id = ++this.#askedCpu;
      await new Promise<void>((resolve) => {
        const done = (): void => {
          child.off('message', onMessage).off('exit', done);
          resolve();
        };
        const onMessage = (message: FromChild): void => {
          if (message.kind === 'cpu' && message.id === id) done();
        };
        child.on('message', onMessage).once('exit', done);
        send(child, { kind: 'cpu', id });
      });
    }
    return { user: this.#past.user + this.#present.user, system: this.#past.system + this.#present.system };
  }

  /** Lets running statements end, then the child; kills it when that takes too long. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || hasEnded(child)) {
      this.#stopped.abort();
      return;
    }
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    send(child, { kind: 'stop' });
    const waited = this.#options.clock.sleep(stopWaitMs, this.#stopped.signal).then(
      () => child.kill('SIGKILL'),
      () => false,
    );
    await ended;
    this.#stopped.abort();
    await waited;
  }

  #startMessage(): StartMessage {
    const { dir, memoryBytesMax = 2 * 1024 ** 3, readers = [], tenantTables = [], files = null } = this.#options;
    const { writeToken, readToken } = this;
    const tokens = { writeToken, readToken, readers };
    const filesFolder = files === null ? null : existingFolder(resolve(files));
    return {
      kind: 'start',
      directory: resolve(dir),
      filesFolder,
      port: this.#port,
      ...tokens,
      tenantTables,
      memoryBytesMax,
    };
  }

  #superviseFromNow(child: ChildProcess): void {
    const onExit = (): void => {
      this.#past = { user: this.#past.user + this.#present.user, system: this.#past.system + this.#present.system };
      this.#present = { user: 0, system: 0 };
      if (!this.#isStopping) void this.#restart();
    };
    if (hasEnded(child)) onExit();
    else {
      child.once('exit', onExit);
      void this.#watch(child);
    }
  }

  /** Kills a child whose front is silent: nothing else would ever bring it back. */
  async #watch(child: ChildProcess): Promise<void> {
    const { clock, pingEveryMs = 10_000, silenceMaxMs = 60_000, log } = this.#options;
    const gone = new AbortController();
    child.once('exit', () => gone.abort());
    const ended = AbortSignal.any([gone.signal, this.#stopped.signal]);
    let heardMs = clock.steadyMs();
    while (!ended.aborted && !this.#isStopping) {
      const isHeard = await isAlive(`${this.url}/ping`, AbortSignal.any([ended, AbortSignal.timeout(pingEveryMs)]));
      if (isHeard) heardMs = clock.steadyMs();
      else if (clock.steadyMs() - heardMs >= silenceMaxMs && !ended.aborted) {
        log?.warn(
          { event: 'engine_child_silent', silenceMs: silenceMaxMs },
          'the embedded ClickHouse is silent; ending it',
        );
        child.kill('SIGKILL');
        return;
      }
      // Aborted = the child is gone, and this watch with it.
      await clock.sleep(pingEveryMs, ended).catch(() => undefined);
    }
  }

  async #restart(): Promise<void> {
    if (this.#options.clock.steadyMs() - this.#readyMs >= calmMs) this.#backOff.succeed();
    while (!this.#isStopping) {
      const waitMs = this.#backOff.fail();
      this.#options.log?.warn({ event: 'engine_child_restart', waitMs }, 'the embedded ClickHouse died; starting it');
      try {
        await this.#options.clock.sleep(waitMs, this.#stopped.signal);
        if (this.#isStopping) return;
        await this.start();
        // Stopped while it started: nobody else knows this child.
        if (this.#isStopping) this.#child?.kill('SIGKILL');
        return;
      } catch (error) {
        if (this.#isStopping) return;
        this.#options.log?.warn({ event: 'engine_child_restart_failed', err: error }, 'it does not start yet');
      }
    }
  }
}

/** What the child last wrote to stderr: the engine complains there, and only matters when it ends. */
function keepLastWords(child: ChildProcess): () => string {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-lastWordsMax);
  });
  return () => (words === '' ? '' : `: ${words.trim()}`);
}

async function isAlive(url: string, signal: AbortSignal): Promise<boolean> {
  try {
    const response = await fetch(url, { signal });
    await response.text();
    return response.ok;
  } catch {
    // Refused, cut off or too late: all are silence.
    return false;
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function send(child: ChildProcess, message: ToChild): void {
  // A channel that just closed is reported by the exit event; there is nothing to add to it.
  if (child.connected) child.send(message, () => undefined);
}

/** The folder, or the nearest above it that is there. */
function existingFolder(folder: string): string {
  return existsSync(folder) ? folder : existingFolder(dirname(folder));
}
