import { EngineError } from '../../model/errors.ts';
import type { CacheServer } from '../cache/cache-server.ts';
import { cacheScript } from '../cache/script.ts';

/** Names that count once, for a while. */
export interface Once {
  /** True for the first who brings this name. */
  take(name: string): Promise<boolean>;
}

const namesMax = 50_000;

/** In this process; beyond so many names at a time, none counts until older ones are forgotten. */
export class LocalOnce implements Once {
  readonly #ttlMs: number;
  readonly #nowMs: () => number;
  readonly #taken = new Map<string, number>();

  constructor(ttlMs: number, nowMs: () => number) {
    this.#ttlMs = ttlMs;
    this.#nowMs = nowMs;
  }

  take(name: string): Promise<boolean> {
    const now = this.#nowMs();
    for (const [old, untilMs] of this.#taken) {
      if (untilMs > now) break;
      this.#taken.delete(old);
    }
    if (this.#taken.has(name) || this.#taken.size >= namesMax) return Promise.resolve(false);
    this.#taken.set(name, now + this.#ttlMs);
    return Promise.resolve(true);
  }
}

const takeScript = cacheScript(`
if redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 1 end
return 0`);

/** For all processes; each also remembers for itself, for the time that Redis is away. */
export class SharedOnce implements Once {
  readonly #server: CacheServer;
  readonly #local: LocalOnce;
  readonly #ttlMs: number;

  constructor(server: CacheServer, ttlMs: number, nowMs: () => number) {
    this.#server = server;
    this.#ttlMs = ttlMs;
    this.#local = new LocalOnce(ttlMs, nowMs);
  }

  async take(name: string): Promise<boolean> {
    if (!(await this.#local.take(name))) return false;
    try {
      return (await this.#server.run(takeScript, [`${this.#server.prefix}once:${name}`], [this.#ttlMs])) === 1;
    } catch (error) {
      if (error instanceof EngineError && error.code === 'CACHE_UNAVAILABLE') return true;
      throw error;
    }
  }
}
