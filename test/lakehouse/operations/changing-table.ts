import type { CatalogTable, TableState } from '../../../src/lakehouse/catalog/catalog.ts';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import type { DataFile } from '../../../src/lakehouse/format/manifest.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { bronzeSchema, bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { type LiveFile, liveFilesOf } from '../../../src/lakehouse/operations/live-files.ts';
import type { SnapshotChange } from '../../../src/lakehouse/operations/snapshot-change.ts';
import { SnapshotProducer } from '../../../src/lakehouse/operations/snapshot-producer.ts';
import { MemoryIO } from '../format/memory-io.ts';
import { seededIds } from '../format/seeded.ts';

export const tableLocation = 'file:///lake/t';

/** A table of empty files with counted rows, in memory, that several writers change. */
export class ChangingTable {
  readonly io = new MemoryIO();
  readonly ids = seededIds(11);
  now = Date.UTC(2026, 5, 1);
  readonly tables = new SqlCatalog({
    rows: new CatalogRows(new SqliteRows(':memory:'), 'paceline'),
    io: this.io,
    ids: this.ids,
    nowMs: () => this.now,
  });
  readonly catalog: CatalogTable = this.tables.table({ namespace: 'n', table: 't' });

  async make(properties: Record<string, string> = {}): Promise<this> {
    await this.#makeAt(this.catalog, tableLocation, properties);
    return this;
  }

  /** Another table of the same catalog. */
  async makeOther(table: string): Promise<CatalogTable> {
    const catalog = this.tables.table({ namespace: 'n', table });
    await this.#makeAt(catalog, `file:///lake/${table}`, {});
    return catalog;
  }

  async #makeAt(catalog: CatalogTable, location: string, properties: Record<string, string>): Promise<void> {
    await catalog.create({ uuid: this.ids.uuid(), location, schema: bronzeSchema, spec: bronzeSpec, properties });
  }

  producer(catalog: CatalogTable = this.catalog): SnapshotProducer {
    const { io, ids } = this;
    return new SnapshotProducer({ catalog, io, ids, nowMs: () => this.now++, attemptsMax: 5, pause: async () => {} });
  }

  async state(): Promise<TableState> {
    const state = await this.catalog.load();
    if (state === null) throw new Error('no table');
    return state;
  }

  async live(): Promise<LiveFile[]> {
    const { metadata } = await this.state();
    const snapshot = currentSnapshot(metadata);
    const files: LiveFile[] = [];
    if (snapshot !== null) for await (const file of liveFilesOf(this.io, metadata, snapshot)) files.push(file);
    return files;
  }

  async file(org: string, rows: number): Promise<DataFile> {
    const path = `${tableLocation}/data/${org}/${this.ids.uuid()}.parquet`;
    await this.io.create(path, new Uint8Array(rows));
    const none = new Map<number, never>();
    return {
      path,
      partition: [org, 20_500],
      recordCount: rows,
      sizeBytes: rows,
      columnSizes: none,
      valueCounts: none,
      nullCounts: none,
      lowerBounds: none,
      upperBounds: none,
      splitOffsets: [4],
    };
  }

  get dataFiles(): string[] {
    return [...this.io.files.keys()].filter((path) => path.endsWith('.parquet')).sort();
  }

  get manifests(): string[] {
    return [...this.io.files.keys()].filter((path) => /-m\d\.avro$/.test(path)).sort();
  }
}

export function change(operation: SnapshotChange['operation'], rest: Partial<SnapshotChange>): SnapshotChange {
  return { operation, added: [], specId: 0, marks: () => ({}), check: () => 'go', ...rest };
}
