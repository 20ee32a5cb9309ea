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
  /** The row names another table from now on; false when there is no row, or one of that name. */
  rename(table: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * The two tables of every SQL catalog, in words that SQLite and PostgreSQL share; other tools open them as
 * they are. `schema` ends in a dot, or is empty.
 */
export const catalogLayout = (schema = ''): string => `
  CREATE TABLE IF NOT EXISTS ${schema}iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS ${schema}iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    "namespace" VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, "namespace", property_key)
  );`;
