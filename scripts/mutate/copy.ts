import { type ChildProcess, fork, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, Ask } from './bench.ts';

const copied = [
  ...['src', 'test', 'scripts', 'bench', 'schemas', 'config', 'docs', 'deploy', 'bin'],
  ...['package.json', 'tsconfig.json', 'vitest.config.ts', 'Dockerfile', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
];

/** Another text for a file of the repository. */
export interface Change {
  readonly file: string;
  readonly text: string;
}

/** A copy of the repository whose files are changed one by one, and a process that runs its tests. */
export class Copy implements AsyncDisposable {
  readonly dir = mkdtempSync(join(tmpdir(), 'paceline-mutate-'));
  readonly #root: string;
  #child: Promise<ChildProcess> | null = null;
  /** The file that the run before had changed: vitest still holds its text. */
  #changedBefore: string | null = null;

  constructor(root: string) {
    this.#root = root;
    for (const name of copied) cpSync(join(root, name), join(this.dir, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(this.dir, 'node_modules'));
  }

  /** Runs tests with other text in a file; null when they had not ended after `limitMs`. */
  async run(ask: Omit<Ask, 'changed'>, limitMs: number, change: Change | null): Promise<Answer | null> {
    const changed = [this.#changedBefore, change?.file ?? null].filter((file) => file !== null);
    this.#changedBefore = change?.file ?? null;
    return this.#changedTo(change, () => this.#ask({ ...ask, changed }, limitMs));
  }

  /** Whether that many universes, from the first seed on, all hold with other text in a file; null when they had not ended after `limitMs`. */
  async holdsInUniverses(seeds: number, limitMs: number, change: Change | null): Promise<boolean | null> {
    const script = ['scripts/simulate-world.ts', '--seeds', String(seeds)];
    return this.#changedTo(change, async () => {
      const child = spawn(process.execPath, script, { cwd: this.dir, stdio: 'ignore', timeout: limitMs });
      const { promise, resolve, reject } = Promise.withResolvers<boolean | null>();
      child.once('error', reject);
      child.once('exit', (code) => resolve(code === null ? null : code === 0));
      return promise;
    });
  }

  async #changedTo<T>(change: Change | null, run: () => Promise<T>): Promise<T> {
    if (change === null) return run();
    writeFileSync(join(this.dir, change.file), change.text);
    try {
      return await run();
    } finally {
      writeFileSync(join(this.dir, change.file), readFileSync(join(this.#root, change.file)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #ask(ask: Ask, limitMs: number): Promise<Answer | null> {
    this.#child ??= this.#start();
    const child = await this.#child;
    const answer = Promise.withResolvers<Answer | null>();
    const onExit = () => answer.resolve(null);
    const timer = setTimeout(onExit, limitMs);
    child.once('message', answer.resolve);
    child.once('exit', onExit);
    child.send(ask);
    try {
      const found = await answer.promise;
      if (found === null) await this.#kill();
      return found;
    } finally {
      clearTimeout(timer);
      child.off('message', answer.resolve).off('exit', onExit);
    }
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(join(this.#root, 'scripts', 'mutate', 'bench.ts'), {
      cwd: this.dir,
      // A group of its own, which is killed with all that tests started.
      detached: true,
      execArgv: ['--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NO_COLOR: '1' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const ready = Promise.withResolvers<void>();
    child.once('message', () => ready.resolve());
    child.once('exit', (code) => ready.reject(new Error(`the process that runs the tests ended with ${code}`)));
    await ready.promise;
    return child;
  }

  async #kill(): Promise<void> {
    const child = await this.#child;
    this.#child = null;
    if (child === null || child.pid === undefined) return;
    const isGone = child.exitCode !== null || child.signalCode !== null;
    const gone = isGone ? null : new Promise((resolve) => child.once('exit', resolve));
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
    await gone;
  }
}
