/**
 * A cache that outside input may fill: at its bound the oldest entry makes room. Whoever uses it can
 * make an entry anew, so that forgetting one costs time and changes nothing.
 */
export class BoundedMap<Key, Value> {
  readonly max: number;
  readonly #entries = new Map<Key, Value>();

  constructor(max: number) {
    this.max = max;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: Key, value: Value): void {
    if (!this.#entries.has(key) && this.#entries.size >= this.max) this.#dropOldest();
    this.#entries.set(key, value);
  }

  delete(key: Key): void {
    this.#entries.delete(key);
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest);
  }
}
