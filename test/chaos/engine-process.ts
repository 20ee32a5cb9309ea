import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = join(import.meta.dirname, '..', '..');

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Those that live: whatever ends us ends them too, so that none is left behind. */
const running = new Set<EngineProcess>();
process.on('exit', () => {
  for (const engine of running) engine.signal('SIGKILL');
});
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => process.exit(name === 'SIGINT' ? 130 : 143));

/** A real `paceline` process on a data directory, for those who want to hurt it. */
export class EngineProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #directory: string;
  readonly #logPath: string;
  #end: Ended | null = null;

  private constructor(directory: string, child: ChildProcess, logPath: string) {
    this.#directory = directory;
    this.#logPath = logPath;
    this.child = child;
    running.add(this);
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        this.#end = { code, signal };
        running.delete(this);
        resolve(this.#end);
      });
    });
  }

  /** Runs `paceline run` with these flags; what it writes to stderr is appended to `logPath`. */
  static run(
    directory: string,
    options: { flags: readonly string[]; logPath: string; config?: string },
  ): EngineProcess {
    const log = openSync(options.logPath, 'a');
    const main = join(root, 'src', 'main.ts');
    const config = options.config ?? writeConfig(directory);
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', main, 'run', '--config', config, '--data', directory, ...options.flags],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    return new EngineProcess(directory, child, options.logPath);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get hasEnded(): Ended | null {
    return this.#end;
  }

  /** Resolves when it has announced itself: opened, and just about to start its lanes; false when it ended before. */
  async announced(withinMs = 60_000): Promise<boolean> {
    for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(10)) {
      if (this.#end !== null) return false;
      const info = this.#info();
      if (info?.pid === this.pid) return true;
    }
    throw new Error(`process ${this.pid} did not announce itself within ${withinMs} ms: ${this.lastWords()}`);
  }

  /** Process id of the embedded ClickHouse; null when there is none now. */
  clickhousePid(): number | null {
    const children = childrenOf(this.pid);
    return children.find((pid) => commandOf(pid).includes('embedded-clickhouse')) ?? null;
  }

  /** Sends a signal; false when the process is gone. */
  signal(name: NodeJS.Signals): boolean {
    return this.#end === null && this.child.kill(name);
  }

  async kill(): Promise<Ended> {
    // A stopped child of a killed parent would keep its files for ever.
    const clickhouse = this.clickhousePid();
    this.signal('SIGKILL');
    if (clickhouse !== null) signalIfThere(clickhouse, 'SIGCONT');
    return await this.ended;
  }

  lastWords(): string {
    return existsSync(this.#logPath) ? readFileSync(this.#logPath, 'utf8').slice(-2_000) : '';
  }

  #info(): { pid: number } | null {
    try {
      return JSON.parse(readFileSync(join(this.#directory, 'engine.json'), 'utf8')) as { pid: number };
    } catch (cause) {
      // Not announced yet, or just being replaced by the next owner.
      if (cause instanceof SyntaxError || (cause as { code?: string }).code === 'ENOENT') return null;
      throw cause;
    }
  }
}

/** False when the process is gone already. */
export function signalIfThere(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ESRCH') return false;
    throw cause;
  }
}

/** Bronze commits often, so that a short life has some; ports are whatever is free. */
function writeConfig(directory: string): string {
  const path = `${directory}.yaml`;
  if (!existsSync(path))
    writeFileSync(
      path,
      'http: { port: 0 }\nclickhouse: { port: 0 }\nlogging: { level: warn }\nbronze: { commit_interval_ms: 1000 }\n',
    );
  return path;
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => parentOf(pid) === parent);
}

function parentOf(pid: number): number | null {
  // The second field is the command in parentheses and may hold spaces.
  const stat = readProc(pid, 'stat');
  return stat === null ? null : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

function commandOf(pid: number): string {
  return readProc(pid, 'cmdline')?.replaceAll('\0', ' ') ?? '';
}

function readProc(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (cause) {
    // It ended while we looked.
    if (['ENOENT', 'ESRCH'].includes((cause as { code?: string }).code ?? '')) return null;
    throw cause;
  }
}
