import { EngineError } from '../../model/errors.ts';
import { parseLossless, stringifyLossless } from '../format/lossless-json.ts';
import { applyUpdates, checkRequirements, type Requirement, type Update } from '../format/metadata-updates.ts';
import { type NewTable, newMetadata, readMetadata, type TableMetadata } from '../format/table-metadata.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';
import type { RenamingCatalog, TableState } from './catalog.ts';
import type { CatalogPointer } from './catalog-pointer.ts';

interface SqlCatalogOptions {
  readonly pointer: CatalogPointer;
  readonly io: FileIO;
  readonly ids: IdSource;
  readonly nowMs: () => number;
}

/** Catalog of one table in a SQL database: a commit is one conditional change of the metadata pointer. */
export class SqlCatalog implements RenamingCatalog {
  readonly #options: SqlCatalogOptions;

  constructor(options: SqlCatalogOptions) {
    this.#options = options;
  }

  async load(): Promise<TableState | null> {
    const location = await this.#options.pointer.location();
    return location === null ? null : this.#read(location);
  }

  async create(table: NewTable): Promise<TableState> {
    const { io, ids, nowMs, pointer } = this.#options;
    const location = `${table.location}/metadata/00000-${ids.uuid()}.metadata.json`;
    const metadata = newMetadata(table, nowMs());
    await io.create(location, encode(metadata));
    if (await pointer.insert(location)) return { metadata, metadataLocation: location };
    await io.delete(location);
    const winner = await pointer.location();
    if (winner === null) throw new EngineError('CATALOG_CONFLICT', `table ${table.location} was just dropped`);
    return this.#read(winner);
  }

  async commit(
    base: TableState,
    requirements: readonly Requirement[],
    updates: readonly Update[],
  ): Promise<TableState> {
    const { io, ids, nowMs, pointer } = this.#options;
    checkRequirements(base.metadata, requirements);
    const previousFile = base.metadataLocation;
    const { metadata, droppedMetadataFiles } = applyUpdates(base.metadata, updates, { nowMs: nowMs(), previousFile });
    const version = String(versionOf(previousFile) + 1).padStart(5, '0');
    const location = `${metadata.location}/metadata/${version}-${ids.uuid()}.metadata.json`;
    await io.create(location, encode(metadata));
    if (!(await pointer.move(previousFile, location))) {
      await io.delete(location);
      throw new EngineError('CATALOG_CONFLICT', `${metadata.location} moved on from ${previousFile}`);
    }
    for (const file of droppedMetadataFiles) await io.delete(file);
    return { metadata, metadataLocation: location };
  }

  async rename(table: string): Promise<void> {
    if (await this.#options.pointer.rename(table)) return;
    throw new EngineError('CATALOG_CONFLICT', `the catalog has a table ${table} already, or ours was just dropped`);
  }

  close(): Promise<void> {
    return this.#options.pointer.close();
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
