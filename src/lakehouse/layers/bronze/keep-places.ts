import type { DataFileEncoder } from '../../format/data-file-encoder.ts';
import type { DataFile } from '../../format/manifest.ts';
import { readParquetColumns } from '../../format/parquet-reader.ts';
import { findSpec } from '../../format/table-metadata.ts';
import { type LiveFile, liveFilesOf } from '../../operations/live-files.ts';
import { loadTable, type ProducerOptions, SnapshotProducer } from '../../operations/snapshot-producer.ts';
import { storeFile } from '../../operations/store-file.ts';
import { BronzeBuffer, erasedRow } from './bronze-buffer.ts';
import { bronzeField, bronzeSchema, bronzeSpec } from './bronze-schema.ts';

interface KeepPlacesOptions extends ProducerOptions {
  readonly encoder: DataFileEncoder;
  readonly systemOrg: string;
  readonly org: string;
}

/** Files whose rows are in memory at once. */
const filesPerSnapshot = 100;
const placeFields = [bronzeField.log_time, bronzeField.topic, bronzeField.partition, bronzeField.log_offset];

/**
 * Puts the places of an organization's records where its records were: each as a tick of nobody's, at its offset and
 * log time. Without them a lane that is played from bronze would have another clock, and the others other rows.
 * Each snapshot takes some files; a run that is killed is carried on by the next. Returns how many records went.
 */
export async function keepPlaces(options: KeepPlacesOptions): Promise<number> {
  const { io, catalog, org } = options;
  const state = await loadTable(catalog);
  const specId = findSpec(state.metadata, bronzeSpec);
  const files: LiveFile[] = [];
  for await (const one of liveFilesOf(io, state.metadata))
    if (one.specId === specId && one.file.partition[0] === org) files.push(one);
  let rows = 0;
  for (let from = 0; from < files.length; from += filesPerSnapshot) {
    const some = files.slice(from, from + filesPerSnapshot).map(({ file }) => file);
    if (await replace(some, files[from].specId, state.metadata.location, options))
      rows += some.reduce((sum, { recordCount }) => sum + recordCount, 0);
  }
  return rows;
}

/** False when one of the files went meanwhile: the next run looks again. */
async function replace(
  files: readonly DataFile[],
  specId: number,
  location: string,
  options: KeepPlacesOptions,
): Promise<boolean> {
  const { io, ids, encoder, systemOrg } = options;
  const buffer = new BronzeBuffer();
  for (const file of files) {
    const wanted = bronzeSchema.fields.filter(({ id }) => placeFields.some((each) => each === id));
    const cells = await readParquetColumns(await io.read(file.path), wanted);
    const [times, topics, partitions, offsets] = placeFields.map((id) => cells.get(id) ?? []);
    for (const [row, offset] of offsets.entries()) {
      const place = {
        topic: topics[row] as string,
        partition: partitions[row] as number,
        offset: offset as bigint,
        logTimeMicros: times[row] as bigint,
      };
      buffer.addRow(systemOrg, erasedRow(place));
    }
  }
  const added: DataFile[] = [];
  for (const group of buffer.groups()) {
    const path = `${location}/data/merged/${ids.uuid()}.parquet`;
    added.push(await storeFile(io, { path, partition: [group.org, group.day] }, encoder.encode(group.columns())));
  }
  const result = await new SnapshotProducer(options).commit({
    operation: 'overwrite',
    added,
    removed: files,
    specId,
    marks: () => ({}),
    check: () => 'go',
  });
  if (result.outcome === 'committed') return true;
  await io.deleteAll(added.map(({ path }) => path));
  return false;
}
