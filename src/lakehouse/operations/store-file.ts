import type { EncodedFile } from '../format/data-file-encoder.ts';
import type { DataFile } from '../format/manifest.ts';
import type { FileIO } from '../storage/file-io.ts';

/** Writes an encoded file where a table will have it; says of it what a manifest says. */
export async function storeFile(
  io: FileIO,
  place: Pick<DataFile, 'path' | 'partition'>,
  { bytes, ...facts }: EncodedFile,
): Promise<DataFile> {
  await io.create(place.path, bytes);
  return { ...place, sizeBytes: bytes.length, ...facts };
}
