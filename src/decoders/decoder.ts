import type { EventBatch } from '../events/event-batch.ts';
import type { RecordRun } from '../events/record-run.ts';

/**
 * Raw records to columns. Never throws for bad data: a bad record becomes a row of kind `rejected`
 * with its reason in `batch.rejects`, and the rest of its run goes on.
 */
export interface Decoder {
  /**
   * Decodes the whole run into `batch` (reset first). Returns the writer schema id that must be
   * learned before the run can be decoded, or -1 when it is done.
   */
  decode(run: RecordRun, batch: EventBatch): number;
  /**
   * Fetches and compiles a writer schema. An id the registry does not know (404) is remembered as
   * unknown, so its records become `unknown_schema`; other registry trouble throws
   * REGISTRY_UNAVAILABLE and the lane waits.
   */
  learn(schemaId: number): Promise<void>;
}

/** Where writer schemas come from. */
export interface SchemaRegistry {
  /** Null when the registry does not know the id. */
  schema(id: number): Promise<WriterSchema | null>;
}

/** A schema as parsed JSON. */
export interface WriterSchema {
  readonly json: unknown;
  /** Schemas whose types it names, each behind those that it needs itself; nearly always none. */
  readonly references: readonly unknown[];
}
