import { zstdDecompressSync } from 'node:zlib';
import { parquetReadObjects } from 'hyparquet';
import type { TableState } from '../../../src/lakehouse/catalog/catalog.ts';
import { entryStatus, readManifest, readManifestList } from '../../../src/lakehouse/format/manifest.ts';
import { currentSnapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';

/** Paths of the data files of the current snapshot, one for each manifest entry. */
export async function dataFilePaths(io: FileIO, state: TableState): Promise<string[]> {
  const snapshot = currentSnapshot(state.metadata);
  if (snapshot === null) return [];
  const paths: string[] = [];
  for (const manifest of readManifestList(await io.read(snapshot['manifest-list']))) {
    const entries = readManifest(await io.read(manifest.path), state.metadata['partition-specs'][0]);
    for (const { status, file } of entries) if (status !== entryStatus.deleted) paths.push(file.path);
  }
  return paths;
}

/** Every row of the current snapshot. */
export async function tableRows(io: FileIO, state: TableState): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for (const path of await dataFilePaths(io, state)) {
    const bytes = await io.read(path);
    const file = bytes.slice().buffer as ArrayBuffer;
    const compressors = { ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)) };
    rows.push(...(await parquetReadObjects({ file, utf8: false, compressors })));
  }
  return rows;
}
