/** What an entry costs beside its value: names, the map, the list. */
const entryOverheadBytes = 256;

interface Held<Value> {
  readonly value: Value;
  readonly cost: number;
}

/** Values in memory, the longest unused first to go; bounded in bytes, as whoever keeps them says. */
export class Kept<Value> {
  readonly #bytesMax: number;
  readonly #held = new Map<string, Held<Value>>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get(name: string): Value | null {
    const found = this.#held.get(name);
    if (found === undefined) return null;
    this.#held.delete(name);
    this.#held.set(name, found);
    return found.value;
  }

  /** Keeps nothing that is larger than all that may be kept. */
  keep(name: string, value: Value, bytes: number): void {
    const cost = bytes + entryOverheadBytes;
    if (cost > this.#bytesMax) return;
    this.#drop(name);
    this.#held.set(name, { value, cost });
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
    this.#bytes -= held.cost;
  }
}
