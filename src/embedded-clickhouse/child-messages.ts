import type { NamedReader } from './readers.ts';

/** What parent and child say to each other over the fork's own channel. */
export interface StartMessage {
  readonly kind: 'start';
  readonly directory: string;
  /** ClickHouse reads files below this folder, for views that are ours; null = none. */
  readonly filesFolder: string | null;
  /** 0 = any free port. */
  readonly port: number;
  readonly writeToken: string;
  readonly readToken: string;
  /** Whose tokens come from the configuration. */
  readonly readers: readonly NamedReader[];
  /** Tables whose rows belong to organizations, by `org_id`. */
  readonly tenantTables: readonly string[];
  readonly memoryBytesMax: number;
}

export type ToChild = StartMessage | { readonly kind: 'stop' } | { readonly kind: 'cpu'; readonly id: number };

export type FromChild =
  | { readonly kind: 'ready'; readonly port: number }
  | {
      readonly kind: 'failed';
      readonly code: 'DATA_DIR_LOCKED' | 'PORT_TAKEN' | 'ENGINE_CHILD_DIED';
      readonly message: string;
    }
  /** Seconds of processor time since the child began. */
  | { readonly kind: 'cpu'; readonly id: number; readonly user: number; readonly system: number };
