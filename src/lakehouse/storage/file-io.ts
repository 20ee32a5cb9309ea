import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EngineError } from '../../model/errors.ts';

/** Where a table's files lie. URIs are opaque and literal: nothing is decoded or normalised. */
export interface FileIO {
  /** Writes a new file, durable on return. Throws SINK_UNAVAILABLE, also when the file exists. */
  create(uri: string, bytes: Uint8Array): Promise<void>;
  read(uri: string): Promise<Uint8Array>;
  /** Deleting what is not there is fine. */
  delete(uri: string): Promise<void>;
}

const scheme = 'file://';

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

  async read(uri: string): Promise<Uint8Array> {
    return guarded(`read ${uri}`, () => readFile(localPath(uri)));
  }

  async delete(uri: string): Promise<void> {
    await guarded(`delete ${uri}`, () => rm(localPath(uri), { force: true }));
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
