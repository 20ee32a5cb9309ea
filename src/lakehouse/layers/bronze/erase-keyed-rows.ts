import { erasedRecord } from '../../../model/erased-record.ts';
import type { Column, DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import { type CellValue, readParquetColumns } from '../../format/parquet-reader.ts';
import { currentSnapshot, findSpec } from '../../format/table-metadata.ts';
import { type LiveFile, liveFilesOf } from '../../operations/live-files.ts';
import { loadTable, type ProducerOptions, SnapshotProducer } from '../../operations/snapshot-producer.ts';
import { storeFile } from '../../operations/store-file.ts';
import { bronzeField, bronzeLayout, bronzeSchema, bronzeSpec } from './bronze-schema.ts';

interface EraseRowsOptions extends ProducerOptions {
  readonly encoder: DataFileEncoder;
  /** Whose records that could not be trusted are filed with those of everybody. */
  readonly systemOrg: string;
  readonly org: string;
  readonly isDryRun: boolean;
}

/**
 * Removes records of an organization that bronze filed as nobody's: rejected ones, and those of a time that cannot
 * be, told by their key. Their files are written anew, with their places alone. Returns how many there were.
 */
export async function eraseKeyedRows(options: EraseRowsOptions): Promise<number> {
  const { io, catalog, systemOrg, isDryRun } = options;
  const state = await loadTable(catalog);
  const snapshot = currentSnapshot(state.metadata);
  const specId = findSpec(state.metadata, bronzeSpec);
  if (snapshot === null || specId === null) return 0;
  const files: LiveFile[] = [];
  for await (const one of liveFilesOf(io, state.metadata, snapshot))
    if (one.specId === specId && one.file.partition[0] === systemOrg) files.push(one);
  let rows = 0;
  for (const { file } of files) {
    const columns = await readParquetColumns(await io.read(file.path), bronzeSchema.fields);
    const keys = columns.get(bronzeField.key) ?? [];
    const theirs = keys.flatMap((key, row) => (isKeyOf(key, options.org) ? [row] : []));
    if (theirs.length === 0) continue;
    rows += theirs.length;
    if (!isDryRun) await replace(file, columns, theirs, specId, state.metadata.location, options);
  }
  return rows;
}

/** What stands in a row whose record was erased, in the columns that told of it. */
const erasedCells: ReadonlyMap<number, CellValue> = new Map<number, CellValue>([
  [bronzeField.key, null],
  [bronzeField.schema_id, null],
  [bronzeField.kind, 'tick'],
  [bronzeField.value, erasedRecord],
]);

function isKeyOf(key: CellValue, org: string): boolean {
  return key instanceof Uint8Array && Buffer.from(key).toString('latin1') === org;
}

async function replace(
  file: DataFile,
  columns: ReadonlyMap<number, CellValue[]>,
  theirs: readonly number[],
  specId: number,
  location: string,
  options: EraseRowsOptions,
): Promise<void> {
  const { io, ids, encoder } = options;
  const left = bronzeSchema.fields.map((field): Column => {
    const values = (columns.get(field.id) ?? []).slice();
    const { repetitive, unbounded } = bronzeLayout;
    const erased = erasedCells.get(field.id);
    if (erased !== undefined) for (const row of theirs) values[row] = erased;
    return { field, values, hasBounds: !unbounded.has(field.id), isRepetitive: repetitive.has(field.id) };
  });
  const path = `${location}/data/merged/${ids.uuid()}.parquet`;
  const added = [await storeFile(io, { path, partition: file.partition }, encoder.encode(left))];
  const result = await new SnapshotProducer(options).commit({
    operation: 'overwrite',
    added,
    removed: [file],
    specId,
    marks: () => ({}),
    check: () => 'go',
  });
  // Somebody merged the file meanwhile: whoever proves absence finds its rows, and the next run takes them.
  if (result.outcome !== 'committed') await io.deleteAll(added.map(({ path }) => path));
}
