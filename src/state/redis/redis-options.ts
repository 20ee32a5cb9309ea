import type { Clock } from '../../model/time.ts';

/** Where a Redis stands and how to get in. The url may hold a password: it never enters a message. */
export interface RedisEndpoint {
  /** redis://[user:password@]host:port[/db]; rediss:// for TLS. */
  readonly url: string;
  /** What answers at the url: one server, a Sentinel, or a node of a Cluster. */
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** Name of the master that the Sentinel watches; null unless `kind` is sentinel. */
  readonly sentinelMaster: string | null;
  /** Further Sentinels or Cluster nodes, as host:port. */
  readonly nodes: readonly string[];
  /** PEM text of the authorities to trust; null = the system's. */
  readonly ca: string | null;
}

export interface RedisStateOptions {
  readonly endpoint: RedisEndpoint;
  /** Begins every key. Holds no brace: those mark the part that chooses the slot. */
  readonly keyPrefix: string;
  /** The Redis that may evict, when there is one: it must not be the same server. */
  readonly cache: RedisEndpoint | null;
  readonly snapshots: SnapshotOptions;
  /**
   * Did this lane ever commit, as far as somebody else remembers? Asked when Redis and the snapshots
   * know nothing of it. Kafka: the advisory committed offset is past the log's start, and was
   * committed under the present generation.
   */
  readonly hasHistory: (lane: string) => Promise<boolean>;
  readonly clock: Clock;
  /** A call without an answer fails with STATE_UNAVAILABLE after this long, ms. */
  readonly commandTimeoutMs?: number;
}

interface SnapshotOptions {
  /** Shared by all instances that may own a lane, or each restores its own, older ones. */
  readonly directory: string;
  readonly intervalMs: number;
}

export const defaultCommandTimeoutMs = 5_000;
