import type { Column, DataFileEncoder } from '../format/data-file-encoder.ts';
import type { DataFile } from '../format/manifest.ts';
import type { Field, PartitionValue } from '../format/schema.ts';
import type { FileIO } from '../storage/file-io.ts';

/** Writes one row as a file of its own: its bounds in the manifest tell the row, so nobody need read the file. */
export async function writeOneRow(
  fields: readonly Field[],
  values: Readonly<Record<string, string | number | bigint>>,
  { path, partition }: { readonly path: string; readonly partition: readonly PartitionValue[] },
  { io, encoder }: { readonly io: FileIO; readonly encoder: DataFileEncoder },
): Promise<DataFile> {
  const columns = fields.map((field): Column => {
    return { field, values: [values[field.name]], hasBounds: true, isRepetitive: false };
  });
  const { bytes, ...facts } = encoder.encode(columns);
  await io.create(path, bytes);
  return { path, partition, sizeBytes: bytes.length, ...facts };
}

/** A whole number of a one-row file. */
export function longOf({ lowerBounds }: DataFile, field: number): bigint {
  return Buffer.from(lowerBounds.get(field) ?? new Uint8Array(8)).readBigInt64LE();
}
