/** One lane's output of one commit, as it lies in the outbox. */
export interface OutputChunk {
  readonly lane: string;
  readonly seq: number;
  readonly streams: readonly { stream: string; rows: number; bytes: Uint8Array }[];
}

/**
 * Where output goes after its commit. Delivering the same chunk again must be harmless: rows carry
 * (deterministic key, version), and the same key and version always carries the same bytes.
 * Exam: test/exams/sink-exam.ts.
 */
export interface Sink {
  readonly name: string;
  /** Streams this sink takes; it never sees others. */
  readonly streams: readonly string[];
  /** A call costs it more than its rows do: rows of lanes that are far behind wait for company. */
  readonly gathersOldRows?: boolean;
  /**
   * Delivers a round of chunks; resolves when they are durable there. Throws SINK_UNAVAILABLE when
   * trying again helps (the caller retries the same chunks for ever, with back-off), SINK_REJECTED
   * when it does not.
   */
  deliver(chunks: readonly OutputChunk[]): Promise<void>;
  /**
   * A lane was claimed: another engine may have delivered for it since we last did. A sink that
   * remembers how far its target has come must look again.
   */
  laneClaimed?(lane: string): void;
  /** Reachable and in the right shape? Throws the error that `deliver` would. */
  check(): Promise<void>;
  close(): Promise<void>;
}
