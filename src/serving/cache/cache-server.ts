/** A Lua script, sent by its SHA-1 and whole to a server that does not know it yet. */
export interface CacheScript {
  readonly text: string;
  readonly sha: string;
}

export type CacheReply = string | number | null | readonly CacheReply[];

/**
 * The Redis that may forget: sessions, limits, answers. Each call is sent once and ends soon; every failure is
 * CACHE_UNAVAILABLE, at once while the server is known to be away. What it holds is always a copy.
 */
export interface CacheServer {
  readonly name: string;
  /** Begins every key. */
  readonly prefix: string;
  run(script: CacheScript, keys: readonly string[], values: readonly (string | number)[]): Promise<CacheReply>;
  /** Null where there is nothing. */
  getBytes(key: string): Promise<Uint8Array | null>;
  setBytes(key: string, bytes: Uint8Array, ttlMs: number): Promise<void>;
  delete(keys: readonly string[]): Promise<void>;
  publish(channel: string, message: string): Promise<void>;
  /** Hears what is published from now on, also after the server was away; not what was meanwhile. */
  subscribe(channel: string, onMessage: (message: string) => void): void;
  close(): Promise<void>;
}
