import type { TableState } from '../catalog/catalog.ts';
import { readManifestList } from '../format/manifest.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { IdSource } from '../storage/id-source.ts';
import { liveFilesOf } from './live-files.ts';

/**
 * A list of files that are to go, kept beside the table while it changes: whoever is killed between a commit and the
 * removal of what only the past reached would leave files that no snapshot names any more, for nobody to find.
 */
function folderOf({ metadata }: TableState): string {
  return `${metadata.location}/leaving`;
}

/** All that a table's metadata leads to but data, as it is now. */
export async function filesOfMetadata(io: FileIO, { metadata, metadataLocation }: TableState): Promise<Set<string>> {
  const files = new Set([metadataLocation, ...metadata['metadata-log'].map((entry) => entry['metadata-file'])]);
  for (const snapshot of metadata.snapshots) {
    files.add(snapshot['manifest-list']);
    for (const { path } of readManifestList(await io.read(snapshot['manifest-list']))) files.add(path);
  }
  return files;
}

export async function noteFiles(io: FileIO, ids: IdSource, state: TableState, files: Iterable<string>): Promise<void> {
  await io.create(`${folderOf(state)}/${ids.uuid()}.json`, Buffer.from(JSON.stringify([...files])));
}

/** What runs that did not come to their end noted. */
export async function notedFiles(io: FileIO, state: TableState): Promise<Set<string>> {
  const files = new Set<string>();
  for await (const { uri } of io.list(`${folderOf(state)}/`))
    for (const path of JSON.parse(Buffer.from(await io.read(uri)).toString('utf8')) as string[]) files.add(path);
  return files;
}

/** Removes what was noted and nothing leads to any more, and then the notes. */
export async function removeNoted(io: FileIO, state: TableState): Promise<void> {
  const notes: string[] = [];
  for await (const { uri } of io.list(`${folderOf(state)}/`)) notes.push(uri);
  const gone = await notedFiles(io, state);
  for (const path of await filesOfMetadata(io, state)) gone.delete(path);
  for (const snapshot of state.metadata.snapshots)
    for await (const { file } of liveFilesOf(io, state.metadata, snapshot)) gone.delete(file.path);
  await io.deleteAll([...gone]);
  await io.deleteAll(notes);
}
