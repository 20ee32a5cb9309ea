import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { EngineError } from '../../model/errors.ts';
import type { Catalog, TableState } from './catalog.ts';
import type { FileIO } from './file-io.ts';
import type { IdSource } from './id-source.ts';
import { parseLossless, stringifyLossless } from './lossless-json.ts';
import {
  applyUpdates,
  checkRequirements,
  type NewTable,
  newMetadata,
  type Requirement,
  type TableMetadata,
  type Update,
} from './table-metadata.ts';

export interface SqlCatalogOptions {
  /** Path of the SQLite file. */
  readonly path: string;
  readonly catalogName: string;
  readonly namespace: string;
  readonly table: string;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly nowMs: () => number;
}

/** The layout that Java's JdbcCatalog (V1) and pyiceberg's SqlCatalog share; they open our file as it is. */
const layout = `
  CREATE TABLE IF NOT EXISTS iceberg_tables (
    catalog_name VARCHAR(255) NOT NULL,
    table_namespace VARCHAR(255) NOT NULL,
    table_name VARCHAR(255) NOT NULL,
    metadata_location VARCHAR(1000),
    previous_metadata_location VARCHAR(1000),
    iceberg_type VARCHAR(5),
    PRIMARY KEY (catalog_name, table_namespace, table_name)
  );
  CREATE TABLE IF NOT EXISTS iceberg_namespace_properties (
    catalog_name VARCHAR(255) NOT NULL,
    "namespace" VARCHAR(255) NOT NULL,
    property_key VARCHAR(255) NOT NULL,
    property_value VARCHAR(1000) NOT NULL,
    PRIMARY KEY (catalog_name, namespace, property_key)
  );`;

/** Catalog of one table in SQLite: a commit is one conditional UPDATE of the metadata pointer. */
export class SqlCatalog implements Catalog {
  readonly #options: SqlCatalogOptions;
  readonly #db: DatabaseSync;

  constructor(options: SqlCatalogOptions) {
    this.#options = options;
    mkdirSync(dirname(options.path), { recursive: true });
    this.#db = new DatabaseSync(options.path, { timeout: 5_000 });
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#db.exec(layout);
  }

  async load(): Promise<TableState | null> {
    const location = this.#location();
    return location === null ? null : this.#read(location);
  }

  async create(table: NewTable): Promise<TableState> {
    const { io, ids, nowMs } = this.#options;
    const location = `${table.location}/metadata/00000-${ids.uuid()}.metadata.json`;
    const metadata = newMetadata(table, nowMs());
    await io.create(location, encode(metadata));
    const { catalogName, namespace, table: name } = this.#options;
    this.#run(
      `INSERT OR IGNORE INTO iceberg_namespace_properties VALUES (?, ?, 'exists', 'true')`,
      catalogName,
      namespace,
    );
    const changes = this.#run(
      `INSERT OR IGNORE INTO iceberg_tables VALUES (?, ?, ?, ?, NULL, 'TABLE')`,
      catalogName,
      namespace,
      name,
      location,
    );
    if (changes === 1) return { metadata, metadataLocation: location };
    await io.delete(location);
    const winner = this.#location();
    if (winner === null) throw new EngineError('CATALOG_CONFLICT', `table ${namespace}.${name} was just dropped`);
    return this.#read(winner);
  }

  async commit(
    base: TableState,
    requirements: readonly Requirement[],
    updates: readonly Update[],
  ): Promise<TableState> {
    const { io, ids, nowMs, catalogName, namespace, table } = this.#options;
    checkRequirements(base.metadata, requirements);
    const previousFile = base.metadataLocation;
    const { metadata, droppedMetadataFiles } = applyUpdates(base.metadata, updates, { nowMs: nowMs(), previousFile });
    const version = String(versionOf(previousFile) + 1).padStart(5, '0');
    const location = `${metadata.location}/metadata/${version}-${ids.uuid()}.metadata.json`;
    await io.create(location, encode(metadata));
    const changes = this.#run(
      `UPDATE iceberg_tables SET metadata_location = ?, previous_metadata_location = ?
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? AND metadata_location = ?`,
      location,
      previousFile,
      catalogName,
      namespace,
      table,
      previousFile,
    );
    if (changes === 0) {
      await io.delete(location);
      throw new EngineError('CATALOG_CONFLICT', `${namespace}.${table} moved on from ${previousFile}`);
    }
    for (const file of droppedMetadataFiles) await io.delete(file);
    return { metadata, metadataLocation: location };
  }

  close(): void {
    this.#db.close();
  }

  #location(): string | null {
    const { catalogName, namespace, table } = this.#options;
    const query = `SELECT metadata_location FROM iceberg_tables
       WHERE catalog_name = ? AND table_namespace = ? AND table_name = ?`;
    try {
      const row = this.#db.prepare(query).get(catalogName, namespace, table);
      return row === undefined ? null : String(row.metadata_location);
    } catch (cause) {
      throw new EngineError('SINK_UNAVAILABLE', `cannot read the catalog: ${String(cause)}`, { cause });
    }
  }

  async #read(location: string): Promise<TableState> {
    const text = Buffer.from(await this.#options.io.read(location)).toString('utf8');
    const metadata = parseLossless(text) as TableMetadata;
    if (metadata['format-version'] !== 2) {
      throw new EngineError('SINK_REJECTED', `${location} is of format ${metadata['format-version']}, not 2`);
    }
    return { metadata: withDefaults(metadata), metadataLocation: location };
  }

  #run(sql: string, ...values: string[]): number {
    try {
      return Number(this.#db.prepare(sql).run(...values).changes);
    } catch (cause) {
      throw new EngineError('COMMIT_UNKNOWN', `the catalog did not answer: ${String(cause)}`, { cause });
    }
  }
}

/** These lists may be absent in metadata of other writers. */
function withDefaults(metadata: TableMetadata): TableMetadata {
  return {
    ...metadata,
    properties: metadata.properties ?? {},
    snapshots: metadata.snapshots ?? [],
    'snapshot-log': metadata['snapshot-log'] ?? [],
    'metadata-log': metadata['metadata-log'] ?? [],
    refs: metadata.refs ?? {},
  };
}

function encode(metadata: TableMetadata): Uint8Array {
  return Buffer.from(stringifyLossless(metadata), 'utf8');
}

function versionOf(location: string): number {
  const name = location.slice(location.lastIndexOf('/') + 1);
  return Number.parseInt(name, 10) || 0;
}
