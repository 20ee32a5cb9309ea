/** Which table of which catalog, as the rows of a SQL catalog name it. */
export interface TableName {
  readonly catalogName: string;
  readonly namespace: string;
  readonly table: string;
}

/**
 * The one row of a SQL catalog that says which metadata file is the table: layout and meaning of Java's
 * JdbcCatalog (V1) and pyiceberg's SqlCatalog. A change that was not answered throws COMMIT_UNKNOWN.
 */
export interface CatalogPointer {
  /** Null when there is no such table. Throws SINK_UNAVAILABLE. */
  location(): Promise<string | null>;
  /** False when the table exists already. */
  insert(location: string): Promise<boolean>;
  /** False when the row does not say `from` any more: somebody else committed. */
  move(from: string, to: string): Promise<boolean>;
  close(): Promise<void>;
}
