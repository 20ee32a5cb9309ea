import { EngineError } from '../../model/errors.ts';
import { parseLossless, stringifyLossless } from '../format/lossless-json.ts';
import { applyUpdates, checkRequirements, type Requirement, type Update } from '../format/metadata-updates.ts';
import { type NewTable, newMetadata, readMetadata, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';
import { type Catalog, type CatalogTable, fullName, type TableName, type TableState } from './catalog.ts';
import type { CatalogRows } from './catalog-rows.ts';

interface SqlCatalogOptions {
  readonly rows: CatalogRows;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly nowMs: () => number;
}

/** Catalog in a SQL database: a commit is one conditional change of a metadata pointer. */
export class SqlCatalog implements Catalog {
  readonly #options: SqlCatalogOptions;

  constructor(options: SqlCatalogOptions) {
    this.#options = options;
  }

  table(name: TableName): CatalogTable {
    return new SqlTable(name, this.#options);
  }

  async namespaces(): Promise<string[]> {
    return (await this.#options.rows.namespaces()).sort();
  }

  async tables(namespace: string): Promise<TableName[]> {
    const tables = await this.#options.rows.tables(namespace);
    return tables.sort((a, b) => (a.table < b.table ? -1 : 1));
  }

  createNamespace(namespace: string): Promise<boolean> {
    return this.#options.rows.insertNamespace(namespace);
  }

  async dropNamespace(namespace: string): Promise<boolean> {
    const { rows } = this.#options;
    if (await rows.removeNamespace(namespace)) return true;
    if ((await rows.tables(namespace)).length === 0) return false;
    throw new EngineError('CATALOG_CONFLICT', `namespace ${namespace} has tables`);
  }

  async rename(from: TableName, to: TableName): Promise<void> {
    if (await this.#options.rows.rename(from, to)) return;
    const why = `the catalog has a table ${fullName(to)} already, or ${fullName(from)} was just dropped`;
    throw new EngineError('CATALOG_CONFLICT', why);
  }

  drop(name: TableName): Promise<boolean> {
    return this.#options.rows.remove(name);
  }

  close(): Promise<void> {
    return this.#options.rows.close();
  }
}

class SqlTable implements CatalogTable {
  readonly #name: TableName;
  readonly #options: SqlCatalogOptions;

  constructor(name: TableName, options: SqlCatalogOptions) {
    this.#name = name;
    this.#options = options;
  }

  async load(): Promise<TableState | null> {
    const location = await this.#options.rows.location(this.#name);
    return location === null ? null : this.#read(location);
  }

  async create(table: NewTable): Promise<TableState> {
    const { io, ids, nowMs, rows } = this.#options;
    const location = `${table.location}/metadata/00000-${ids.uuid()}.metadata.json`;
    const metadata = newMetadata(table, nowMs());
    await io.create(location, encode(metadata));
    if (await rows.insert(this.#name, location)) return { metadata, metadataLocation: location };
    await io.delete(location);
    const winner = await rows.location(this.#name);
    if (winner === null) throw new EngineError('CATALOG_CONFLICT', `table ${fullName(this.#name)} was just dropped`);
    return this.#read(winner);
  }

  async commit(
    base: TableState,
    requirements: readonly Requirement[],
    updates: readonly Update[],
  ): Promise<TableState> {
    const { io, ids, nowMs, rows } = this.#options;
    checkRequirements(base.metadata, requirements);
    const previousFile = base.metadataLocation;
    const { metadata, droppedMetadataFiles } = applyUpdates(base.metadata, updates, { nowMs: nowMs(), previousFile });
    const version = String(versionOf(previousFile) + 1).padStart(5, '0');
    const location = `${metadata.location}/metadata/${version}-${ids.uuid()}.metadata.json`;
    await io.create(location, encode(metadata));
    if (!(await rows.move(this.#name, previousFile, location))) {
      await io.delete(location);
      throw new EngineError('CATALOG_CONFLICT', `${metadata.location} moved on from ${previousFile}`);
    }
    for (const file of droppedMetadataFiles) await io.delete(file);
    return { metadata, metadataLocation: location };
  }

  async #read(location: string): Promise<TableState> {
    const text = Buffer.from(await this.#options.io.read(location)).toString('utf8');
    return { metadata: readMetadata(parseLossless(text) as TableMetadata, location), metadataLocation: location };
  }
}

function encode(metadata: TableMetadata): Uint8Array {
  return Buffer.from(stringifyLossless(metadata), 'utf8');
}

function versionOf(location: string): number {
  const name = location.slice(location.lastIndexOf('/') + 1);
  return Number.parseInt(name, 10) || 0;
}
