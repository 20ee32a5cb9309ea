/** Waits between attempts: doubling from `firstMs` up to `maxMs`; a success starts over. */
export class BackOff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #attempts = 0;

  constructor(firstMs = 100, maxMs = 5_000) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
  }

  /** Failed attempts since the last success. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Counts a failed attempt; returns how long to wait before the next, ms. */
  fail(): number {
    this.#attempts += 1;
    return Math.min(this.#maxMs, this.#firstMs * 2 ** Math.min(this.#attempts - 1, 16));
  }

  succeed(): void {
    this.#attempts = 0;
  }
}
