import type { LaneScript } from './lane-scripts.ts';
import type { RedisClient } from './redis-client.ts';
import { isReply, toStateError } from './redis-errors.ts';

/** Scripts answer with texts and numbers; blobs are read by plain GETs. */
export type ScriptReply = string | number | null | readonly ScriptReply[];

/** The few calls that the store makes, each sent once, its failures ours. */
export class RedisCalls {
  readonly client: RedisClient;
  readonly what: string;

  constructor(client: RedisClient, what: string) {
    this.client = client;
    this.what = what;
  }

  /** Sends the script by its name, and whole to a server that has not seen it (or was told to forget it). */
  async run(
    script: LaneScript,
    keys: readonly string[],
    values: readonly (string | number | Buffer)[],
  ): Promise<ScriptReply> {
    const rest = [...keys, ...values.map((value) => (typeof value === 'number' ? String(value) : value))];
    return (await this.guard(async () => {
      try {
        return await this.client.evalsha(script.sha, keys.length, rest);
      } catch (error) {
        if (!isReply(error, 'NOSCRIPT')) throw error;
        return await this.client.eval(script.text, keys.length, rest);
      }
    })) as ScriptReply;
  }

  /** Runs a call of the client; its failure comes out as STATE_UNAVAILABLE, STATE_REFUSED or STATE_CORRUPT. */
  async guard<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw toStateError(error, this.what);
    }
  }
}

/** Runs `work` for every item, so many at a time; stops at the first failure. */
export async function forEachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const drain = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, drain));
}
