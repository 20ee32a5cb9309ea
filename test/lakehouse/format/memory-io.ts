import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';
import { EngineError } from '../../../src/model/errors.ts';

/** Files in memory; a file is written once, as on an object store. */
export class MemoryIO implements FileIO {
  readonly files = new Map<string, Uint8Array>();

  async create(uri: string, bytes: Uint8Array): Promise<void> {
    if (this.files.has(uri)) throw new EngineError('SINK_UNAVAILABLE', `${uri} exists`);
    this.files.set(uri, bytes.slice());
  }

  async read(uri: string): Promise<Uint8Array> {
    const bytes = this.files.get(uri);
    if (bytes === undefined) throw new EngineError('SINK_UNAVAILABLE', `${uri} is missing`);
    return bytes;
  }

  async delete(uri: string): Promise<void> {
    this.files.delete(uri);
  }
}
