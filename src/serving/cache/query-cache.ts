/** What an answer depends on. Equal keys have equal answers, so nothing ever goes stale. */
export interface QueryKey {
  /** The organization; `null` = a query of the engine. The key begins with it. */
  readonly orgId: string | null;
  /** Of the tables, opaque: it changes with every insert (ports.ts, `dataVersion`). */
  readonly dataVersion: string;
  /** Name of the operation. */
  readonly query: string;
  /** Its checked input, keys sorted, as JSON. */
  readonly args: string;
}

/** Answers as the bytes that `compute` made of them. */
export interface QueryCache {
  /**
   * The kept bytes, or those that `compute` makes, which callers of the same key wait for together. A
   * failure is everybody's who waited, and is not kept. A cache that is away computes.
   */
  get(key: QueryKey, compute: () => Promise<Uint8Array>): Promise<Uint8Array>;
}
