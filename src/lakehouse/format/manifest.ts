import type { AvroObject, AvroValue } from './avro-codec.ts';
import { damaged } from './avro-codec.ts';
import { readAvroFile, writeAvroFile } from './avro-container.ts';
import { avroName, manifestEntrySchema, manifestFileSchema } from './manifest-schema.ts';
import { type FieldType, type PartitionSpec, type PartitionValue, resultType, type Schema } from './schema.ts';
import { compareUtf8, serializeValue } from './values.ts';

/** A data file as manifests describe it. Maps go by field id. */
export interface DataFile {
  readonly path: string;
  readonly partition: readonly PartitionValue[];
  readonly recordCount: number;
  readonly sizeBytes: number;
  readonly columnSizes: ReadonlyMap<number, number>;
  readonly valueCounts: ReadonlyMap<number, number>;
  readonly nullCounts: ReadonlyMap<number, number>;
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>;
  readonly upperBounds: ReadonlyMap<number, Uint8Array>;
  readonly splitOffsets: readonly number[];
}

export const entryStatus = { existing: 0, added: 1, deleted: 2 } as const;

export interface ManifestEntry {
  readonly status: number;
  readonly snapshotId: bigint;
  /** Null while ADDED: inherited from the manifest list, so a manifest survives commit retries. */
  readonly sequenceNumber: number | null;
  readonly fileSequenceNumber: number | null;
  readonly file: DataFile;
}

interface PartitionSummary {
  readonly containsNull: boolean;
  readonly containsNan: boolean | null;
  readonly lower: Uint8Array | null;
  readonly upper: Uint8Array | null;
}

/** A manifest as the manifest list describes it. */
export interface ManifestFile {
  readonly path: string;
  readonly length: number;
  readonly specId: number;
  /** 0 = data, 1 = deletes. */
  readonly content: number;
  readonly sequenceNumber: number;
  readonly minSequenceNumber: number;
  readonly addedSnapshotId: bigint;
  readonly addedFiles: number;
  readonly existingFiles: number;
  readonly deletedFiles: number;
  readonly addedRows: number;
  readonly existingRows: number;
  readonly deletedRows: number;
  readonly partitions: readonly PartitionSummary[] | null;
}

export function writeManifest(
  schema: Schema,
  spec: PartitionSpec,
  entries: readonly ManifestEntry[],
  sync: Uint8Array,
): Uint8Array {
  const records = entries.map((entry) => ({
    status: entry.status,
    snapshot_id: entry.snapshotId,
    sequence_number: entry.sequenceNumber,
    file_sequence_number: entry.fileSequenceNumber,
    data_file: fileRecord(spec, entry.file),
  }));
  const metadata = {
    schema: JSON.stringify(schema),
    'schema-id': String(schema['schema-id']),
    // The header carries the fields alone; table metadata carries the whole spec object.
    'partition-spec': JSON.stringify(spec.fields),
    'partition-spec-id': String(spec['spec-id']),
    'format-version': '2',
    content: 'data',
  };
  return writeAvroFile(manifestEntrySchema(schema, spec), records, metadata, sync);
}

export function readManifest(bytes: Uint8Array, spec: PartitionSpec): ManifestEntry[] {
  return readAvroFile(bytes).records.map((record) => ({
    status: number(record.status),
    snapshotId: bigint(record.snapshot_id),
    sequenceNumber: record.sequence_number === null ? null : number(record.sequence_number),
    fileSequenceNumber: record.file_sequence_number === null ? null : number(record.file_sequence_number),
    file: fileOf(record.data_file as AvroObject, spec),
  }));
}

function fileRecord(spec: PartitionSpec, file: DataFile): AvroObject {
  const partition = Object.fromEntries(spec.fields.map((field, i) => [avroName(field.name), file.partition[i]]));
  return {
    content: 0,
    file_path: file.path,
    file_format: 'PARQUET',
    partition,
    record_count: file.recordCount,
    file_size_in_bytes: file.sizeBytes,
    column_sizes: entriesOf(file.columnSizes),
    value_counts: entriesOf(file.valueCounts),
    null_value_counts: entriesOf(file.nullCounts),
    nan_value_counts: null,
    lower_bounds: entriesOf(file.lowerBounds),
    upper_bounds: entriesOf(file.upperBounds),
    key_metadata: null,
    split_offsets: [...file.splitOffsets],
    equality_ids: null,
    sort_order_id: 0,
  };
}

function fileOf(record: AvroObject, spec: PartitionSpec): DataFile {
  const partition = record.partition as AvroObject;
  return {
    path: String(record.file_path),
    partition: spec.fields.map((field) => (partition[avroName(field.name)] ?? null) as PartitionValue),
    recordCount: number(record.record_count),
    sizeBytes: number(record.file_size_in_bytes),
    columnSizes: mapOf(record.column_sizes, number),
    valueCounts: mapOf(record.value_counts, number),
    nullCounts: mapOf(record.null_value_counts, number),
    lowerBounds: mapOf(record.lower_bounds, (value) => value as Uint8Array),
    upperBounds: mapOf(record.upper_bounds, (value) => value as Uint8Array),
    splitOffsets: ((record.split_offsets ?? []) as AvroValue[]).map(number),
  };
}

/** What a manifest list says about each partition field over all files of a manifest. */
export function summarizePartitions(
  schema: Schema,
  spec: PartitionSpec,
  files: readonly DataFile[],
): PartitionSummary[] {
  return spec.fields.map((field, at) => {
    const type = resultType(schema, field);
    const values = files.map((file) => file.partition[at]).filter((value) => value !== null);
    const sorted = values.toSorted(comparePartitionValues);
    return {
      containsNull: values.length < files.length,
      containsNan: null,
      lower: sorted.length > 0 ? partitionBytes(type, sorted[0]) : null,
      upper: sorted.length > 0 ? partitionBytes(type, sorted[sorted.length - 1]) : null,
    };
  });
}

function comparePartitionValues(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : compareUtf8(String(a), String(b));
}

function partitionBytes(type: FieldType, value: string | number): Uint8Array {
  return serializeValue(type, type === 'long' || type === 'timestamptz' ? BigInt(value) : value);
}

export function writeManifestList(
  manifests: readonly ManifestFile[],
  snapshot: { id: bigint; parentId: bigint | null; sequenceNumber: number },
  sync: Uint8Array,
): Uint8Array {
  const metadata = {
    'snapshot-id': String(snapshot.id),
    'parent-snapshot-id': String(snapshot.parentId),
    'sequence-number': String(snapshot.sequenceNumber),
    'format-version': '2',
  };
  return writeAvroFile(manifestFileSchema, manifests.map(manifestRecord), metadata, sync);
}

function manifestRecord(manifest: ManifestFile): AvroObject {
  return {
    manifest_path: manifest.path,
    manifest_length: manifest.length,
    partition_spec_id: manifest.specId,
    content: manifest.content,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFiles,
    existing_files_count: manifest.existingFiles,
    deleted_files_count: manifest.deletedFiles,
    added_rows_count: manifest.addedRows,
    existing_rows_count: manifest.existingRows,
    deleted_rows_count: manifest.deletedRows,
    partitions:
      manifest.partitions?.map((summary) => ({
        contains_null: summary.containsNull,
        contains_nan: summary.containsNan,
        lower_bound: summary.lower,
        upper_bound: summary.upper,
      })) ?? null,
    key_metadata: null,
  };
}

export function readManifestList(bytes: Uint8Array): ManifestFile[] {
  return readAvroFile(bytes).records.map((record) => ({
    path: String(record.manifest_path),
    length: number(record.manifest_length),
    specId: number(record.partition_spec_id),
    content: number(record.content),
    sequenceNumber: number(record.sequence_number),
    minSequenceNumber: number(record.min_sequence_number),
    addedSnapshotId: bigint(record.added_snapshot_id),
    addedFiles: number(record.added_files_count),
    existingFiles: number(record.existing_files_count),
    deletedFiles: number(record.deleted_files_count),
    addedRows: number(record.added_rows_count),
    existingRows: number(record.existing_rows_count),
    deletedRows: number(record.deleted_rows_count),
    partitions:
      (record.partitions as AvroObject[] | null)?.map((summary) => ({
        containsNull: summary.contains_null === true,
        containsNan: (summary.contains_nan ?? null) as boolean | null,
        lower: (summary.lower_bound ?? null) as Uint8Array | null,
        upper: (summary.upper_bound ?? null) as Uint8Array | null,
      })) ?? null,
  }));
}

function entriesOf(map: ReadonlyMap<number, number | Uint8Array>): AvroValue[] {
  return [...map].map(([key, value]) => ({ key, value }));
}

function mapOf<T>(value: AvroValue | undefined, read: (value: AvroValue | undefined) => T): Map<number, T> {
  const entries = (value ?? []) as AvroObject[];
  return new Map(entries.map((entry) => [number(entry.key), read(entry.value)]));
}

function number(value: AvroValue | undefined): number {
  if (typeof value !== 'number') throw damaged('a number is missing or too large');
  return value;
}

function bigint(value: AvroValue | undefined): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw damaged('a snapshot id is missing');
  return BigInt(value);
}
