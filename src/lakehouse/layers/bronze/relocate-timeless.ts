import type { TableState } from '../../catalog/catalog.ts';
import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import { readParquetColumns } from '../../format/parquet-reader.ts';
import { findSpec } from '../../format/table-metadata.ts';
import { type LiveFile, liveFilesOf } from '../../operations/live-files.ts';
import { loadTable, type ProducerOptions, SnapshotProducer } from '../../operations/snapshot-producer.ts';
import { storeFile } from '../../operations/store-file.ts';
import { BronzeBuffer, type BronzeRow } from './bronze-buffer.ts';
import { bronzeField, bronzeSchema, bronzeSpec } from './bronze-schema.ts';

interface RelocateOptions extends ProducerOptions {
  readonly encoder: DataFileEncoder;
  readonly isDryRun: boolean;
}

interface Relocated {
  readonly rows: number;
  readonly files: number;
  /** Files that they lie in now; 0 in a dry run. */
  readonly made: number;
}

/** Events before 2000 are refused, so this day holds only what has no event time of its own. */
const timelessDay = 0;
/** Files whose rows are in memory at once. */
const filesPerSnapshot = 200;

/**
 * Moves what has no event time of its own to the day of the log. Up to version 0.1 plans lay in 1970, where a
 * tier by day would archive, and at last delete, what every replay needs first.
 */
export async function relocateTimeless(options: RelocateOptions): Promise<Relocated> {
  const { io, catalog, isDryRun } = options;
  const state = await loadTable(catalog);
  const files: LiveFile[] = [];
  for await (const one of liveFilesOf(io, state.metadata)) {
    if (one.specId === findSpec(state.metadata, bronzeSpec) && one.file.partition[1] === timelessDay) files.push(one);
  }
  const total = { rows: 0, files: 0, made: 0 };
  for (let from = 0; from < files.length; from += filesPerSnapshot) {
    const some = files.slice(from, from + filesPerSnapshot);
    const made = isDryRun ? 0 : await moveFiles(some, state, options);
    // Somebody else changed one of them: the next run looks again.
    if (made === null) continue;
    total.made += made;
    total.files += some.length;
    total.rows += some.reduce((sum, { file }) => sum + file.recordCount, 0);
  }
  return total;
}

/** Null when one of the files went meanwhile. */
async function moveFiles(
  files: readonly LiveFile[],
  state: TableState,
  options: RelocateOptions,
): Promise<number | null> {
  const { io, encoder, ids } = options;
  const buffer = new BronzeBuffer();
  for (const { file } of files) {
    const columns = await readParquetColumns(await io.read(file.path), bronzeSchema.fields);
    const at = (id: number, row: number) => columns.get(id)?.[row] ?? null;
    for (let row = 0; row < file.recordCount; row++) {
      const logTime = at(bronzeField.log_time, row);
      buffer.addRow(at(bronzeField.org_id, row) as string, {
        topic: at(bronzeField.topic, row) as string,
        partition: at(bronzeField.partition, row) as number,
        offset: at(bronzeField.log_offset, row) as bigint,
        eventTimeMicros: logTime as bigint,
        logTimeMicros: logTime as bigint,
        schemaId: at(bronzeField.schema_id, row) as number | null,
        kind: at(bronzeField.kind, row) as string | null,
        key: at(bronzeField.key, row) as Uint8Array | null,
        value: at(bronzeField.value, row) as Uint8Array | null,
      } satisfies BronzeRow);
    }
  }
  const added: DataFile[] = [];
  for (const group of buffer.groups()) {
    const path = `${state.metadata.location}/data/merged/${ids.uuid()}.parquet`;
    added.push(await storeFile(io, { path, partition: [group.org, group.day] }, encoder.encode(group.columns())));
  }
  const result = await new SnapshotProducer(options).commit({
    operation: 'overwrite',
    added,
    removed: files.map(({ file }) => file),
    specId: files[0].specId,
    marks: () => ({}),
    check: () => 'go',
  });
  if (result.outcome === 'committed') return added.length;
  await io.deleteAll(added.map(({ path }) => path));
  return null;
}
