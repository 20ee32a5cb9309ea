import { mkdir, open, opendir, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EngineError } from '../../model/errors.ts';
import type { FileIO, FileRange, ListedFile } from './file-io.ts';
import { Writing } from './writing.ts';

const scheme = 'file://';
/** Each call waits for a thread of Node's pool; with more of them under way the pool is never idle between two. */
const callsAtOnceMax = 64;

/** Files on this machine, under `file:///...` URIs. */
export class LocalFileIO implements FileIO {
  readonly #made = new Map<string, Promise<void>>();

  async create(uri: string, bytes: Uint8Array): Promise<void> {
    const path = localPath(uri);
    await guarded(`write ${uri}`, async () => {
      await this.#makeFolder(dirname(path));
      const file = await open(path, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await syncFolder(dirname(path));
    });
  }

  async read(uri: string, range?: FileRange): Promise<Uint8Array> {
    return guarded(`read ${uri}`, () =>
      range === undefined ? readFile(localPath(uri)) : readRange(localPath(uri), range),
    );
  }

  async delete(uri: string): Promise<void> {
    await guarded(`delete ${uri}`, () => unlinkIfThere(localPath(uri)));
  }

  async deleteAll(uris: readonly string[]): Promise<void> {
    const removals = new Writing(callsAtOnceMax);
    for (const uri of uris) await removals.start(() => this.delete(uri));
    await removals.end();
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    yield* listFolder(localPath(prefix), prefix);
  }

  /** Files are written side by side: all that go into a new folder wait for the one making of it. */
  #makeFolder(folder: string): Promise<void> {
    let made = this.#made.get(folder);
    if (made === undefined) {
      made = makeDurably(folder);
      this.#made.set(folder, made);
      made.catch(() => this.#made.delete(folder));
    }
    return made;
  }
}

/** A new folder's name must survive a power cut as well; mkdir says which one was the first made. */
async function makeDurably(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

/**
 * `file:///path`, `file:/path` (Hadoop's, so Spark's) and a plain path are one place, and so is a URI that
 * names this machine. Nothing else is decoded: Iceberg's locations are literal text.
 */
export function localPath(uri: string): string {
  const path = /^file:(?:\/\/(?:localhost)?(?=\/)|(?!\/\/))(\/.*)$/s.exec(uri)?.[1];
  if (path !== undefined) return path;
  if (/^[a-z][a-z0-9+.-]*:/i.test(uri)) throw new EngineError('SINK_REJECTED', `${uri} is not a place on this machine`);
  return uri;
}

/** Absolute whatever `path` is: other engines open the table from another folder. */
export function localUri(path: string): string {
  return scheme + resolve(path);
}

async function readRange(path: string, { start, length }: FileRange): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const bytes = new Uint8Array(length);
    let got = 0;
    while (got < length) {
      const { bytesRead } = await file.read(bytes, got, length - got, start + got);
      if (bytesRead === 0) break;
      got += bytesRead;
    }
    return bytes.subarray(0, got);
  } finally {
    await file.close();
  }
}

/** `uri` is what was asked for: what is listed is said in its way of saying this machine. */
async function* listFolder(path: string, uri: string): AsyncGenerator<ListedFile> {
  const folder = await guarded(`list ${uri}`, () => openFolder(path));
  if (folder === null) return;
  const base = uri.replace(/\/+$/, '');
  let some: string[] = [];
  for await (const entry of folder) {
    if (entry.isDirectory()) yield* listFolder(join(path, entry.name), `${base}/${entry.name}`);
    if (entry.isFile()) some.push(entry.name);
    if (some.length < callsAtOnceMax) continue;
    yield* await lookAt(path, base, some);
    some = [];
  }
  yield* await lookAt(path, base, some);
}

/** Some files of a folder, as far as they are still there. */
async function lookAt(path: string, uri: string, names: readonly string[]): Promise<ListedFile[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const facts = await guarded(`look at ${uri}/${name}`, () => statOrNull(join(path, name)));
      return facts === null ? [] : [{ uri: `${uri}/${name}`, sizeBytes: facts.size, modifiedMs: facts.mtimeMs }];
    }),
  );
  return found.flat();
}

/** What goes away while it is listed is not there. */
function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

async function openFolder(path: string) {
  try {
    return await opendir(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function statOrNull(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function guarded<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw new EngineError('SINK_UNAVAILABLE', `cannot ${action}: ${String(cause)}`, { cause });
  }
}
