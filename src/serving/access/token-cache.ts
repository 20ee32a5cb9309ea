import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import type { CacheServer } from '../cache/cache-server.ts';
import { cacheScript } from '../cache/script.ts';

/** What is known of a token, or the right to say it: a lease that a change of the truth takes back. */
type TokenLook = { readonly kept: string } | { readonly lease: string | null };

/** Answers about tokens, kept for a moment. Whoever changes the truth drops what was kept of it. */
export interface TokenCache {
  look(tokenHash: Uint8Array, orgId: string): Promise<TokenLook>;
  /** Keeps an answer that was read after `lease` was taken; in vain where a drop came between. */
  fill(tokenHash: Uint8Array, orgId: string, lease: string, text: string): Promise<void>;
  /** After it, no process takes an older answer for the truth. */
  drop(tokenHashes: readonly Uint8Array[]): Promise<void>;
  /** Told the hashes, as hex, that any process dropped. */
  onDropped(listener: (tokenHashes: readonly string[]) => void): void;
}

/** Keeps nothing: the store is asked each time. Other processes learn of a drop by asking it, too. */
export class NoTokenCache implements TokenCache {
  readonly #listeners: ((tokenHashes: readonly string[]) => void)[] = [];

  look(): Promise<TokenLook> {
    return Promise.resolve({ lease: null });
  }
  fill(): Promise<void> {
    return Promise.resolve();
  }
  drop(tokenHashes: readonly Uint8Array[]): Promise<void> {
    for (const listener of this.#listeners) listener(tokenHashes.map(toHex));
    return Promise.resolve();
  }
  onDropped(listener: (tokenHashes: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }
}

/** A lease outlives no read of the store, whose statements end sooner. */
const leaseMs = 15_000;
/** Organizations that are kept for one token. */
const orgsMax = 64;

// A hash a token: '#' holds the lease, every other field the answer for one organization.
const lookScript = cacheScript(`
local kept = redis.call('HGET', KEYS[1], 'o:' .. ARGV[1])
if kept then return {1, kept} end
local lease = redis.call('HGET', KEYS[1], '#')
if not lease then
  lease = ARGV[2]
  redis.call('HSET', KEYS[1], '#', lease)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {0, lease}`);

const fillScript = cacheScript(`
if redis.call('HGET', KEYS[1], '#') ~= ARGV[1] then return 0 end
if redis.call('HLEN', KEYS[1]) > ${orgsMax} then return 0 end
if redis.call('HSETNX', KEYS[1], 'o:' .. ARGV[2], ARGV[3]) == 0 then return 0 end
if redis.call('HLEN', KEYS[1]) == 2 then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`);

interface RedisTokenCacheOptions {
  readonly server: CacheServer;
  readonly clock: Clock;
  /** How long an answer is kept, ms; from the first one of a token on. */
  readonly ttlMs: number;
  readonly newId: () => string;
}

/**
 * In Redis, for all processes. An answer is kept only while its lease holds: whoever read the store before a
 * change, and comes to keep what it read after it, finds the lease gone. So there is no moment in which an
 * old answer can come back.
 */
export class RedisTokenCache implements TokenCache {
  readonly #options: RedisTokenCacheOptions;
  readonly #channel: string;
  readonly #listeners: ((tokenHashes: readonly string[]) => void)[] = [];

  constructor(options: RedisTokenCacheOptions) {
    this.#options = options;
    this.#channel = `${options.server.prefix}dropped`;
    options.server.subscribe(this.#channel, (message) => this.#tell(message.split(' ')));
  }

  async look(tokenHash: Uint8Array, orgId: string): Promise<TokenLook> {
    const { server, newId } = this.#options;
    try {
      const reply = await server.run(lookScript, [this.#key(tokenHash)], [orgId, newId(), leaseMs]);
      const [isKept, text] = reply as [number, string];
      return isKept === 1 ? { kept: text } : { lease: text };
    } catch (error) {
      requireAway(error);
      return { lease: null };
    }
  }

  async fill(tokenHash: Uint8Array, orgId: string, lease: string, text: string): Promise<void> {
    const { server, ttlMs } = this.#options;
    try {
      await server.run(fillScript, [this.#key(tokenHash)], [lease, orgId, text, ttlMs]);
    } catch (error) {
      requireAway(error);
    }
  }

  /** While Redis is away it waits until nothing can be left there: then the drop holds all the same. */
  async drop(tokenHashes: readonly Uint8Array[]): Promise<void> {
    if (tokenHashes.length === 0) return;
    const { server, clock, ttlMs } = this.#options;
    const hex = tokenHashes.map(toHex);
    this.#tell(hex);
    const endMs = clock.steadyMs() + ttlMs + leaseMs;
    for (let delayMs = 50; ; delayMs = Math.min(2 * delayMs, 1_000)) {
      try {
        await server.delete(tokenHashes.map((hash) => this.#key(hash)));
        await server.publish(this.#channel, hex.join(' '));
        return;
      } catch (error) {
        requireAway(error);
        if (clock.steadyMs() >= endMs) return;
        await clock.sleep(Math.min(delayMs, endMs - clock.steadyMs()));
      }
    }
  }

  onDropped(listener: (tokenHashes: readonly string[]) => void): void {
    this.#listeners.push(listener);
  }

  #tell(hex: readonly string[]): void {
    for (const listener of this.#listeners) listener(hex);
  }

  #key(tokenHash: Uint8Array): string {
    return `${this.#options.server.prefix}token:${toHex(tokenHash)}`;
  }
}

function requireAway(error: unknown): void {
  if (!(error instanceof EngineError) || error.code !== 'CACHE_UNAVAILABLE') throw error;
}

function toHex(hash: Uint8Array): string {
  return Buffer.from(hash).toString('hex');
}
