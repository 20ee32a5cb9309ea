export interface FileRange {
  /** First byte. */
  readonly start: number;
  /** Bytes; fewer come where the file ends sooner. */
  readonly length: number;
}

export interface ListedFile {
  readonly uri: string;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

/**
 * Where a table's files lie: four verbs that a disk and an object store share. URIs are opaque and literal:
 * nothing is decoded or normalised. Every verb throws SINK_UNAVAILABLE when the place does not do it now, and
 * LAKE_REFUSED when it does not do it for us.
 */
export interface FileIO {
  /**
   * Writes a new file, durable on return. Throws SINK_UNAVAILABLE also when the file exists with other bytes;
   * our own, of an attempt whose answer was lost, is success where the store can tell.
   */
  create(uri: string, bytes: Uint8Array): Promise<void>;
  /** The whole file, or a part of it. */
  read(uri: string, range?: FileRange): Promise<Uint8Array>;
  /** Deleting what is not there is fine. */
  delete(uri: string): Promise<void>;
  /** The same for many, in as few questions as the place needs. */
  deleteAll(uris: readonly string[]): Promise<void>;
  /** All files below a folder, in no order. A folder that is not there has none. */
  list(prefix: string): AsyncIterable<ListedFile>;
}
