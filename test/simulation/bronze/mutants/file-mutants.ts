import type { Column } from '../../../../src/lakehouse/format/data-file-encoder.ts';
import {
  readManifest,
  readManifestList,
  writeManifest,
  writeManifestList,
} from '../../../../src/lakehouse/format/manifest.ts';
import { bronzeField, bronzeSchema, bronzeSpec } from '../../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { EngineError } from '../../../../src/model/errors.ts';
import type { BronzeMutant } from '../bronze-mutant.ts';
import { sync } from './rewriting.ts';

/** What could go wrong with the files that a commit points at, and with what is read for them. */
export const fileMutants: readonly BronzeMutant[] = [
  {
    name: 'file_added_twice',
    bug: 'a manifest names each of its data files twice',
    seed: 1,
    io: (io) => ({
      ...io,
      async create(uri, bytes) {
        if (!uri.endsWith('-m0.avro')) return await io.create(uri, bytes);
        const entries = readManifest(bytes, bronzeSpec);
        await io.create(uri, writeManifest(bronzeSchema, bronzeSpec, [...entries, ...entries], sync));
      },
    }),
  },
  {
    name: 'earlier_files_forgotten',
    bug: 'a snapshot holds the files of its own commit alone',
    seed: 2,
    io: (io) => ({
      ...io,
      async create(uri, bytes) {
        if (!uri.includes('/metadata/snap-')) return await io.create(uri, bytes);
        const [own] = readManifestList(bytes);
        const { addedSnapshotId: id, sequenceNumber } = own;
        await io.create(uri, writeManifestList([own], { id, parentId: null, sequenceNumber }, sync));
      },
    }),
  },
  {
    name: 'stump_taken_for_a_file',
    bug: 'a file whose writing broke off counts as written',
    seed: 3,
    io: (io) => ({
      ...io,
      create: (uri, bytes) =>
        io.create(uri, bytes).catch((error: unknown) => {
          if (!(error instanceof EngineError)) throw error;
        }),
    }),
  },
  {
    name: 'rejected_records_left_out',
    bug: 'what could not be decoded is not kept',
    seed: 1,
    encoder: (encoder) => ({
      encode(columns) {
        const kinds = columnOf(columns, bronzeField.kind).values;
        const kept = (_: unknown, row: number) => kinds[row] !== 'rejected';
        return encoder.encode(columns.map((column) => ({ ...column, values: [...column.values].filter(kept) })));
      },
    }),
  },
  {
    name: 'event_time_for_log_time',
    bug: 'the log time of a row is the time that its producer wrote',
    seed: 1,
    encoder: (encoder) => ({
      encode(columns) {
        const { values } = columnOf(columns, bronzeField.event_time);
        return encoder.encode(
          columns.map((column) => (column.field.id === bronzeField.log_time ? { ...column, values } : column)),
        );
      },
    }),
  },
  {
    name: 'offsets_without_records_not_passed',
    bug: 'what aborted transactions leave at the end of the log is waited for',
    seed: 95,
    source: (source) => ({
      topic: source.topic,
      identity: () => source.identity(),
      seek: (...args) => source.seek(...args),
      readBack: (...args) => source.readBack(...args),
      bounds: (partition) => source.bounds(partition),
      append: (...args) => source.append(...args),
      waitForRecords: (...args) => source.waitForRecords(...args),
      close: () => source.close(),
      async poll(...args) {
        const run = await source.poll(...args);
        return run?.count === 0 ? null : run;
      },
    }),
  },
];

function columnOf(columns: readonly Column[], id: number): Column {
  return columns.find(({ field }) => field.id === id)!;
}
