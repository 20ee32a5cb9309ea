/** What /-/status and views show: plain JSON, no secret, no promise about the future but its names. */
export interface EngineStatus {
  readonly version: string;
  readonly state: EngineState;
  /** What went wrong when the state is `failed`. */
  readonly failure: string | null;
  readonly pid: number;
  readonly data_directory: string;
  /** 0 until the stream is known. */
  readonly generation: number;
  /** The part that the start waits for, with its trouble; null = nothing is waited for. */
  readonly waiting_for: string | null;
  /** What /readyz says: why this process is not ready; null when it is. */
  readonly not_ready: string | null;
  readonly addresses: { readonly http: string | null; readonly clickhouse: string | null; readonly api: string | null };
  readonly config: {
    readonly files: readonly string[];
    readonly checksum: string;
    readonly last_reload_successful: boolean;
  };
  readonly lanes: readonly LaneStatus[];
  readonly sinks: readonly SinkStatus[];
  readonly records: number;
  readonly dead_letters: number;
  readonly undelivered_bytes: number;
}

export type EngineState = 'starting' | 'running' | 'draining' | 'stopped' | 'failed';

export interface LaneStatus {
  readonly lane: string;
  readonly next_offset: number;
  /** Newest log time applied, ms; null before the first record. */
  readonly clock_ms: number | null;
  readonly records: number;
  /** Commits since the start. */
  readonly commits: number;
  /** Why the lane does not read at the moment; null = it reads. */
  readonly paused_for: string | null;
  /** What it waits out, in words; null = no trouble. */
  readonly trouble: string | null;
}

export interface SinkStatus {
  readonly sink: string;
  readonly is_up: boolean;
  readonly rows: number;
  /** Committed chunks that it has not taken yet. */
  readonly chunks_queued: number;
  readonly last_error: string | null;
}
