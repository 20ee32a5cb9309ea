import type { CatalogTable, TableState } from '../../../src/lakehouse/catalog/catalog.ts';
import {
  applyUpdates,
  checkRequirements,
  type Requirement,
  type Update,
} from '../../../src/lakehouse/format/metadata-updates.ts';
import {
  type NewTable,
  newMetadata,
  snapshotById,
  type TableMetadata,
} from '../../../src/lakehouse/format/table-metadata.ts';
import { EngineError } from '../../../src/model/errors.ts';
import type { SimulatedProcess } from '../simulated-process.ts';

export interface CatalogOptions {
  readonly nowMs: () => number;
  /** As a SQL catalog does: any change since the load is a conflict. Else only the requirements count, as with REST. */
  readonly comparesPointer: boolean;
  readonly onCommit: (before: TableMetadata, after: TableMetadata) => void;
}

/** The catalog's server: it outlives every engine, and holds the pointer that makes a commit. */
export class CatalogServer {
  isDown = false;
  /** Refuses every commit: locks that are not had, too many requests. */
  isRefusing = false;
  table: TableState | null = null;
  readonly #options: CatalogOptions;
  #versions = 0;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  load(): TableState | null {
    if (this.isDown) throw new EngineError('SINK_UNAVAILABLE', 'simulated: the catalog is down');
    return this.table;
  }

  create(table: NewTable): TableState {
    if (this.isDown) throw new EngineError('COMMIT_UNKNOWN', 'simulated: the catalog is down');
    this.table ??= this.#next(newMetadata(table, this.#options.nowMs()));
    return this.table;
  }

  commit(base: TableState, requirements: readonly Requirement[], updates: readonly Update[]): TableState {
    if (this.isDown) throw new EngineError('COMMIT_UNKNOWN', 'simulated: the catalog is down');
    const { table } = this;
    if (this.isRefusing || table === null) throw conflict('simulated: refused for now');
    const { comparesPointer, nowMs } = this.#options;
    if (comparesPointer && table.metadataLocation !== base.metadataLocation) throw conflict('simulated: it moved on');
    const { metadata } = table;
    checkRequirements(metadata, requirements);
    for (const update of updates) {
      if (update.action !== 'add-snapshot') continue;
      if (snapshotById(metadata, update.snapshot['snapshot-id']) !== null)
        throw conflict('simulated: is there already');
      if (update.snapshot['sequence-number'] <= metadata['last-sequence-number']) throw conflict('simulated: is old');
    }
    const options = { nowMs: nowMs(), previousFile: table.metadataLocation };
    this.table = this.#next(applyUpdates(metadata, updates, options).metadata);
    this.#options.onCommit(metadata, this.table.metadata);
    return this.table;
  }

  #next(metadata: TableMetadata): TableState {
    this.#versions += 1;
    return { metadata, metadataLocation: `metadata ${this.#versions}` };
  }
}

/** The catalog as a process reaches it. */
export function connectCatalog(server: CatalogServer, process: SimulatedProcess): CatalogTable {
  const unanswered = () => new EngineError('COMMIT_UNKNOWN', 'simulated: no answer from the catalog');
  return {
    load: () =>
      process.call(
        () => server.load(),
        () => new EngineError('SINK_UNAVAILABLE', 'simulated: no answer from the catalog'),
      ),
    create: (table) => process.call(() => server.create(table), unanswered),
    commit: (base, requirements, updates) => {
      // A proxy that repeats a request gets a conflict with ourselves, and hands that on to us.
      const isRepeated = process.weather.isStormy && process.random.chance(0.03);
      return process.call(() => {
        if (isRepeated) server.commit(base, requirements, updates);
        return server.commit(base, requirements, updates);
      }, unanswered);
    },
  };
}

function conflict(text: string): EngineError {
  return new EngineError('CATALOG_CONFLICT', text);
}
