import type { FileIO } from '../../../src/lakehouse/storage/file-io.ts';
import { EngineError } from '../../../src/model/errors.ts';
import type { SimulatedProcess } from '../simulated-process.ts';

/** The object store: whole objects alone are ever shown as whole; a write that broke off leaves a stump. */
export class ObjectServer {
  isDown = false;
  isSlow = false;
  /** Writes break off in the middle. */
  isCutting = false;
  readonly #objects = new Map<string, { readonly bytes: Uint8Array; readonly isWhole: boolean }>();

  put(uri: string, bytes: Uint8Array): void {
    if (this.isDown || this.#objects.has(uri)) throw unavailable(`cannot write ${uri}`);
    const isWhole = !this.isCutting;
    this.#objects.set(uri, { bytes: isWhole ? bytes : bytes.subarray(0, bytes.length >> 1), isWhole });
    if (!isWhole) throw unavailable(`the connection broke off while ${uri} was written`);
  }

  get(uri: string): Uint8Array {
    const object = this.#objects.get(uri);
    if (this.isDown || object === undefined) throw unavailable(`cannot read ${uri}`);
    return object.bytes;
  }

  delete(uri: string): void {
    if (this.isDown) throw unavailable(`cannot delete ${uri}`);
    this.#objects.delete(uri);
  }

  /** For whoever watches: the object's bytes; null when it is not there, or not whole. */
  whole(uri: string): Uint8Array | null {
    const object = this.#objects.get(uri);
    return object?.isWhole ? object.bytes : null;
  }

  uris(): string[] {
    return [...this.#objects.keys()];
  }
}

/** The store as a process reaches it. */
export function connectObjects(server: ObjectServer, process: SimulatedProcess): FileIO {
  const call = async <T>(work: () => T): Promise<T> => {
    if (server.isSlow) await process.clock.sleep(process.random.between(50, 600));
    return await process.call(work, () => unavailable('no answer'));
  };
  return {
    create: (uri, bytes) => call(() => server.put(uri, bytes)),
    read: (uri, range) =>
      call(() => {
        const bytes = server.get(uri);
        return range === undefined ? bytes : bytes.slice(range.start, range.start + range.length);
      }),
    delete: (uri) => call(() => server.delete(uri)),
    deleteAll: (uris) =>
      call(() => {
        for (const uri of uris) server.delete(uri);
      }),
    list: async function* (prefix) {
      const uris = await call(() => server.uris());
      for (const uri of uris) if (uri.startsWith(`${prefix}/`)) yield { uri, sizeBytes: 0, modifiedMs: 0 };
    },
  };
}

function unavailable(text: string): EngineError {
  return new EngineError('SINK_UNAVAILABLE', `simulated: ${text}`);
}
