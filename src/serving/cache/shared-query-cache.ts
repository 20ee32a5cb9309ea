import { createHash } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import { noteOnSpan } from '../../model/spans.ts';
import type { CacheServer } from './cache-server.ts';
import type { KeptAnswers } from './kept-answers.ts';
import type { QueryCache, QueryKey } from './query-cache.ts';

type CacheOutcome = 'memory' | 'redis' | 'joined' | 'computed';

interface SharedQueryCacheOptions {
  readonly memory: KeptAnswers;
  /** Null: this process alone. */
  readonly server: CacheServer | null;
  /** How long Redis keeps an answer, ms; equal keys have equal answers, so it is memory's bound alone. */
  readonly ttlMs: number;
  /** Larger answers are computed each time. */
  readonly answerBytesMax: number;
  readonly onOutcome?: (outcome: CacheOutcome) => void;
}

/** Whose answers they are, when they are nobody's; no organization can be called that. */
const engineOrg = '_engine';

/** The name that an answer is kept under. It begins with the organization and ends with 64 digits of a hash. */
export function answerName({ orgId, dataVersion, query, args }: QueryKey): string {
  const owner = orgId ?? engineOrg;
  const hash = createHash('sha256')
    .update(JSON.stringify([owner, dataVersion, query, args]))
    .digest('hex');
  return `${owner}/${hash}`;
}

/** Memory first, then Redis, then the work itself, which everybody who asks meanwhile waits for. */
export class SharedQueryCache implements QueryCache {
  readonly #options: SharedQueryCacheOptions;
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  constructor(options: SharedQueryCacheOptions) {
    this.#options = options;
  }

  async get(key: QueryKey, compute: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const { memory } = this.#options;
    const name = answerName(key);
    const kept = memory.get(name);
    if (kept !== null) {
      this.#tell('memory');
      return kept;
    }
    const joined = this.#underWay.get(name);
    if (joined !== undefined) {
      this.#tell('joined');
      return await joined;
    }
    const work = this.#find(name, compute);
    this.#underWay.set(name, work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(name);
    }
  }

  async #find(name: string, compute: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const { memory, answerBytesMax } = this.#options;
    const held = await this.#read(name);
    if (held !== null) {
      this.#tell('redis');
      memory.keep(name, held);
      return held;
    }
    this.#tell('computed');
    const made = await compute();
    if (made.length <= answerBytesMax) {
      memory.keep(name, made);
      await this.#write(name, made);
    }
    return made;
  }

  #tell(outcome: CacheOutcome): void {
    this.#options.onOutcome?.(outcome);
    noteOnSpan('paceline.answer', outcome);
  }

  /** The value repeats its name, so that nothing that stands in the wrong place is ever handed out. */
  async #read(name: string): Promise<Uint8Array | null> {
    const { server } = this.#options;
    if (server === null) return null;
    const value = await whileThere(() => server.getBytes(`${server.prefix}answer:${name}`));
    if (value === null) return null;
    const own = Buffer.from(`${name}\n`);
    return own.equals(value.subarray(0, own.length)) ? value.subarray(own.length) : null;
  }

  async #write(name: string, bytes: Uint8Array): Promise<void> {
    const { server, ttlMs } = this.#options;
    if (server === null) return;
    const value = Buffer.concat([Buffer.from(`${name}\n`), bytes]);
    await whileThere(() => server.setBytes(`${server.prefix}answer:${name}`, value, ttlMs));
  }
}

/** Null while the server is away. */
async function whileThere<T>(call: () => Promise<T>): Promise<T | null> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof EngineError && error.code === 'CACHE_UNAVAILABLE') return null;
    throw error;
  }
}
