import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import type { DataFileEncoder } from '../../../src/lakehouse/format/data-file-encoder.ts';
import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';
import type { RecordTable } from '../../../src/runtime/table-store.ts';
import type { Source } from '../../../src/sources/source.ts';
import type { LaneStore } from '../../../src/state/state-store.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import type { BronzeServers } from './bronze-engine.ts';

export interface BronzeMutantContext {
  readonly process: SimulatedProcess;
  /** Outlives processes. */
  readonly memory: Map<string, unknown>;
  /** Of this process alone, shared by its ports. */
  readonly own: Map<string, unknown>;
}

/** A planted bug of bronze: it shows in the ports, as it would if the engine had it; src/ knows nothing of it. */
export interface BronzeMutant {
  readonly name: string;
  /** What the engine would do wrong. */
  readonly bug: string;
  /** A world that kills it. */
  readonly seed: number;
  readonly catalog?: (catalog: CatalogTable, context: BronzeMutantContext, servers: BronzeServers) => CatalogTable;
  readonly io?: (io: FileIO, context: BronzeMutantContext) => FileIO;
  readonly encoder?: (encoder: DataFileEncoder, context: BronzeMutantContext) => DataFileEncoder;
  readonly source?: (source: Source, context: BronzeMutantContext) => Source;
  readonly store?: (store: RecordTable, context: BronzeMutantContext) => RecordTable;
  /** What the runner sees of the table. */
  readonly lanes?: (lanes: LaneStore, context: BronzeMutantContext) => LaneStore;
}
