import type { Redis } from 'ioredis';
import { EngineError } from '../../model/errors.ts';
import { inSpan } from '../../model/spans.ts';
import type { CacheReply, CacheScript, CacheServer } from '../../serving/cache/cache-server.ts';
import { describeEndpoint, makeClient } from '../../state/redis/redis-client.ts';
import { isReply } from '../../state/redis/redis-errors.ts';
import type { RedisEndpoint } from '../../state/redis/redis-options.ts';

/** A cache that takes longer is slower than what it spares. */
const callMaxMs = 500;

interface CacheServerOptions {
  readonly endpoint: RedisEndpoint;
  readonly prefix: string;
  /** Told when it goes away, and when it comes back. */
  readonly onState?: (isThere: boolean) => void;
}

/** Resolves at once, whether the server is there or not: nobody waits for a cache. */
export function openRedisCacheServer(options: CacheServerOptions): CacheServer {
  return new RedisCacheServer(options);
}

class RedisCacheServer implements CacheServer {
  readonly name: string;
  readonly prefix: string;
  readonly #client: Redis;
  readonly #endpoint: RedisEndpoint;
  readonly #listeners = new Map<string, ((message: string) => void)[]>();
  /** The line is ours to end then, and nobody is told. */
  #isClosing = false;
  /** Listening takes a connection of its own. */
  #listening: Redis | null = null;

  constructor({ endpoint, prefix, onState }: CacheServerOptions) {
    this.name = `cache ${describeEndpoint(endpoint)}`;
    this.prefix = prefix;
    this.#endpoint = endpoint;
    this.#client = connected(endpoint);
    this.#client.on('ready', () => onState?.(true));
    this.#client.on('close', () => {
      if (!this.#isClosing) onState?.(false);
    });
  }

  async run(script: CacheScript, keys: readonly string[], values: readonly (string | number)[]): Promise<CacheReply> {
    const rest = [...keys, ...values.map(String)];
    return (await this.#coded('EVALSHA', async () => {
      try {
        return await this.#client.evalsha(script.sha, keys.length, rest);
      } catch (error) {
        if (!isReply(error, 'NOSCRIPT')) throw error;
        return await this.#client.eval(script.text, keys.length, rest);
      }
    })) as CacheReply;
  }

  async getBytes(key: string): Promise<Uint8Array | null> {
    return await this.#coded('GET', () => this.#client.getBuffer(key));
  }

  async setBytes(key: string, bytes: Uint8Array, ttlMs: number): Promise<void> {
    await this.#coded('SET', () =>
      this.#client.set(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), 'PX', ttlMs),
    );
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#coded('DEL', () => this.#client.del(...keys));
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.#coded('PUBLISH', () => this.#client.publish(channel, message));
  }

  subscribe(channel: string, onMessage: (message: string) => void): void {
    this.#listeners.set(channel, [...(this.#listeners.get(channel) ?? []), onMessage]);
    if (this.#listening === null) {
      const listening = connected(this.#endpoint);
      this.#listening = listening;
      listening.on('message', (from: string, message: string) => {
        for (const listener of this.#listeners.get(from) ?? []) listener(message);
      });
      // After each time that the line broke, too.
      listening.on('ready', () => this.#listenTo([...this.#listeners.keys()]));
    } else if (this.#listening.status === 'ready') this.#listenTo([channel]);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#client.disconnect();
    this.#listening?.disconnect();
  }

  #listenTo(channels: readonly string[]): void {
    const listening = this.#listening!;
    // A line on which nothing can be heard is of no use: it is made anew, which asks again.
    listening.subscribe(...channels).catch(() => listening.disconnect(true));
  }

  #coded<T>(command: string, call: () => Promise<T>): Promise<T> {
    const attributes = { 'db.system.name': 'redis', 'db.operation.name': command };
    return inSpan(command, { kind: 'client', attributes }, () => this.#sent(call));
  }

  async #sent<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (error instanceof Error && /user_script|Error (running|compiling) script/i.test(error.message))
        throw new Error(`invariant broken: ${this.name}: ${error.message}`);
      // The cause holds the arguments of the call, so its words alone go on.
      throw new EngineError('CACHE_UNAVAILABLE', `${this.name}: ${(error as Error).message}`);
    }
  }
}

function connected(endpoint: RedisEndpoint): Redis {
  const client = makeClient({ ...endpoint, kind: 'single' }, callMaxMs, 'paceline-cache') as Redis;
  // It tries again by itself; who calls meanwhile is told.
  client.on('error', (error: Error) => error.message);
  client.connect().catch((error: Error) => error.message);
  return client;
}
