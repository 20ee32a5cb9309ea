import { Kept } from './kept.ts';

/** Answers in memory, the longest unused first to go; bounded in bytes. */
export class KeptAnswers {
  readonly #kept: Kept<Uint8Array>;

  constructor(bytesMax: number) {
    this.#kept = new Kept(bytesMax);
  }

  get(name: string): Uint8Array | null {
    return this.#kept.get(name);
  }

  keep(name: string, bytes: Uint8Array): void {
    // A view of a larger buffer would keep all of it.
    const own = bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes;
    this.#kept.keep(name, own, own.length);
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#kept.bytes;
  }
}
