import type { FileIO, FileRange, ListedFile } from '../../../src/lakehouse/storage/file-io.ts';
import { EngineError } from '../../../src/model/errors.ts';

/** Files in memory; a file is written once, as on an object store. */
export class MemoryIO implements FileIO {
  readonly files = new Map<string, Uint8Array>();

  async create(uri: string, bytes: Uint8Array): Promise<void> {
    if (this.files.has(uri)) throw new EngineError('SINK_UNAVAILABLE', `${uri} exists`);
    this.files.set(uri, bytes.slice());
  }

  async read(uri: string, range?: FileRange): Promise<Uint8Array> {
    const bytes = this.files.get(uri);
    if (bytes === undefined) throw new EngineError('SINK_UNAVAILABLE', `${uri} is missing`);
    return range === undefined ? bytes : bytes.slice(range.start, range.start + range.length);
  }

  async delete(uri: string): Promise<void> {
    this.files.delete(uri);
  }

  async deleteAll(uris: readonly string[]): Promise<void> {
    for (const uri of uris) this.files.delete(uri);
  }

  async *list(prefix: string): AsyncGenerator<ListedFile> {
    const folder = `${prefix.replace(/\/+$/, '')}/`;
    for (const [uri, bytes] of this.files) {
      if (uri.startsWith(folder)) yield { uri, sizeBytes: bytes.length, modifiedMs: 0 };
    }
  }
}
