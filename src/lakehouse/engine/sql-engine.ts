import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { assert, EngineError } from '../../model/errors.ts';
import type { EngineMessage, RunMessage } from './engine-messages.ts';

/** A row of an answer, by column. Integers of 64 bits come as text. */
type Row = Readonly<Record<string, unknown>>;

interface SqlEngineOptions {
  /** A folder of its own, thrown away afterwards by whoever made it. */
  readonly directory: string;
  readonly memoryBytesMax: number;
  /** Words that no message may show: keys of stores. */
  readonly secrets: readonly string[];
}

const lastWordsMax = 2_000;
const killWaitMs = 5_000;

/** ClickHouse's engine in a child process, for work on files; one statement at a time. */
export class SqlEngine implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #secrets: readonly string[];
  readonly #ended: Promise<void>;
  #lastWords = '';
  #asked = 0;
  #answer: { readonly id: number; resolve(text: string): void; reject(error: Error): void } | null = null;
  #death: EngineError | null = null;

  private constructor({ directory, memoryBytesMax, secrets }: SqlEngineOptions) {
    this.#secrets = secrets;
    const child = fork(fileURLToPath(new URL('./engine-child.ts', import.meta.url)), [directory, `${memoryBytesMax}`], {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      // Days are days of UTC everywhere in the lake.
      env: { ...process.env, TZ: 'UTC', NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-lastWordsMax);
    });
    child.on('message', (message: EngineMessage) => this.#take(message));
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        const words = this.#lastWords === '' ? '' : `: ${this.#lastWords.trim()}`;
        this.#death = new EngineError('ENGINE_CHILD_DIED', this.#hide(`ClickHouse's engine ended with ${how}${words}`));
        this.#answer?.reject(this.#death);
        resolve();
      };
      child.once('error', (error) => end(String(error)));
      child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** Throws ENGINE_CHILD_DIED when it does not start. */
  static async start(options: SqlEngineOptions): Promise<SqlEngine> {
    const engine = new SqlEngine(options);
    await new Promise<string>((resolve, reject) => {
      engine.#answer = { id: 0, resolve, reject };
    });
    return engine;
  }

  /** Process id, for whoever measures it. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Throws QUERY_FAILED with the engine's words, and ENGINE_CHILD_DIED. */
  async run(sql: string): Promise<readonly Row[]> {
    assert(this.#answer === null, 'one statement at a time');
    if (this.#death !== null) throw this.#death;
    const id = ++this.#asked;
    const text = await new Promise<string>((resolve, reject) => {
      this.#answer = { id, resolve, reject };
      this.#child.send({ id, sql } satisfies RunMessage, () => undefined);
    });
    if (text.trim() === '') return [];
    const { meta, data } = JSON.parse(text) as { meta: { name: string }[]; data: unknown[][] };
    return data.map((values) => Object.fromEntries(meta.map(({ name }, at) => [name, values[at]])));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#death !== null) return;
    // Nothing of it is kept, so it need not end in order.
    this.#child.kill('SIGKILL');
    const late = setTimeout(() => this.#child.unref(), killWaitMs);
    await this.#ended;
    clearTimeout(late);
  }

  #take(message: EngineMessage): void {
    const answer = this.#answer;
    if (answer === null || (message.kind !== 'ready' && message.id !== answer.id)) return;
    this.#answer = null;
    if (message.kind === 'ready') answer.resolve('');
    else if (message.kind === 'done') answer.resolve(message.text);
    else answer.reject(new EngineError('QUERY_FAILED', this.#hide(message.problem)));
  }

  #hide(text: string): string {
    return this.#secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text).trim();
  }
}
