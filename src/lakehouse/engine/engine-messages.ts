/** What the parent says to the child that holds ClickHouse's engine: one statement at a time. */
export interface RunMessage {
  readonly id: number;
  readonly sql: string;
}

/** What the child says. `text`: the answer in JSONCompact; `problem`: the engine's own words. */
export type EngineMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly text: string }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: string };
