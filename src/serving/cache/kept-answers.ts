/** What an entry costs beside its bytes: names, the map, the list. */
const entryOverheadBytes = 256;

/** Answers in memory, the longest unused first to go; bounded in bytes. */
export class KeptAnswers {
  readonly #bytesMax: number;
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(name: string): Uint8Array | null {
    const found = this.#held.get(name);
    if (found === undefined) return null;
    this.#held.delete(name);
    this.#held.set(name, found);
    return found;
  }

  keep(name: string, bytes: Uint8Array): void {
    const cost = bytes.length + entryOverheadBytes;
    if (cost > this.#bytesMax) return;
    this.#drop(name);
    // A view of a larger buffer would keep all of it.
    this.#held.set(name, bytes.buffer.byteLength > 2 * bytes.length ? bytes.slice() : bytes);
    this.#bytes += cost;
    while (this.#bytes > this.#bytesMax) this.#drop(this.#held.keys().next().value!);
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  #drop(name: string): void {
    const held = this.#held.get(name);
    if (held === undefined) return;
    this.#held.delete(name);
    this.#bytes -= held.length + entryOverheadBytes;
  }
}
