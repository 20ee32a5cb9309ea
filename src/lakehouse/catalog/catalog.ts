import type { Requirement, Update } from '../format/metadata-updates.ts';
import type { NewTable, TableMetadata } from '../format/table-metadata.ts';

export interface TableState {
  readonly metadata: TableMetadata;
  readonly metadataLocation: string;
}

/** A table by its namespace, whose levels are parted by dots, and its name there. */
export interface TableName {
  readonly namespace: string;
  readonly table: string;
}

/** As people write it, and as `lake sql` takes it. */
export function fullName({ namespace, table }: TableName): string {
  return `${namespace}.${table}`;
}

/**
 * One table as its catalog holds it: the one pointer that makes a commit. Conflicts throw CATALOG_CONFLICT:
 * nothing was applied. Any doubt throws COMMIT_UNKNOWN: the commit may or may not have happened, and may
 * still happen.
 */
export interface CatalogTable {
  /** Null when there is no such table. */
  load(): Promise<TableState | null>;
  /** Creates the table, and its namespace, or returns the one that somebody else just created. */
  create(table: NewTable): Promise<TableState>;
  commit(base: TableState, requirements: readonly Requirement[], updates: readonly Update[]): Promise<TableState>;
}

/**
 * The names of many tables. Questions throw SINK_UNAVAILABLE, changes CATALOG_CONFLICT where another has the name,
 * and COMMIT_UNKNOWN where no answer came.
 */
export interface Catalog {
  /** The table of a name, there or not: nothing is asked yet. */
  table(name: TableName): CatalogTable;
  /** By name. */
  namespaces(): Promise<string[]>;
  /** Of one namespace, by name; a namespace that is not there has none. */
  tables(namespace: string): Promise<TableName[]>;
  /** False when it was there already. */
  createNamespace(namespace: string): Promise<boolean>;
  /** False when it was not there. Throws CATALOG_CONFLICT while it has tables. */
  dropNamespace(namespace: string): Promise<boolean>;
  /** The old name is free then. Throws CATALOG_CONFLICT when the new one is taken, or the table is not there. */
  rename(from: TableName, to: TableName): Promise<void>;
  /** Takes the name away and leaves every file where it is. False when there was no such table. */
  drop(name: TableName): Promise<boolean>;
  close(): Promise<void>;
}
