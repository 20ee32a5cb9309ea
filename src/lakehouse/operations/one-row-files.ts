import type { Column, DataFileEncoder } from '../format/data-file-encoder.ts';
import type { DataFile } from '../format/manifest.ts';
import type { Field, PartitionValue } from '../format/schema.ts';
import type { FileIO } from '../storage/file-io.ts';
import { storeFile } from './store-file.ts';

/** Writes one row as a file of its own: its bounds in the manifest tell the row, so nobody need read the file. */
export async function writeOneRow(
  fields: readonly Field[],
  values: Readonly<Record<string, string | number | bigint>>,
  place: { readonly path: string; readonly partition: readonly PartitionValue[] },
  { io, encoder }: { readonly io: FileIO; readonly encoder: DataFileEncoder },
): Promise<DataFile> {
  const columns = fields.map((field): Column => {
    return { field, values: [values[field.name]], hasBounds: true, isRepetitive: false };
  });
  return await storeFile(io, place, encoder.encode(columns));
}

/** A whole number of a one-row file. */
export function longOf({ lowerBounds }: DataFile, field: number): bigint {
  return Buffer.from(lowerBounds.get(field) ?? new Uint8Array(8)).readBigInt64LE();
}
