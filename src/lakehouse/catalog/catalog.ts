import type { Requirement, Update } from '../format/metadata-updates.ts';
import type { NewTable, TableMetadata } from '../format/table-metadata.ts';

export interface TableState {
  readonly metadata: TableMetadata;
  readonly metadataLocation: string;
}

/**
 * Holds the one pointer that makes a commit. Conflicts throw CATALOG_CONFLICT: nothing was applied.
 * Any doubt throws COMMIT_UNKNOWN: the commit may or may not have happened, and may still happen.
 */
export interface Catalog {
  /** Null when there is no such table. */
  load(): Promise<TableState | null>;
  /** Creates the table, or returns the one that somebody else just created. */
  create(table: NewTable): Promise<TableState>;
  commit(base: TableState, requirements: readonly Requirement[], updates: readonly Update[]): Promise<TableState>;
  close(): Promise<void>;
}

/** A catalog that can give its table another name, beside it in the same namespace. */
export interface RenamingCatalog extends Catalog {
  /** The catalog's own name is free then. Throws CATALOG_CONFLICT when `table` is taken. */
  rename(table: string): Promise<void>;
}
