/**
 * Writes, or removals, under way, at most so many. Trouble of one is told when all that were started have ended, so
 * that nothing goes on behind the back of whoever tries again.
 */
export class Writing {
  readonly #atOnceMax: number;
  readonly #underWay = new Set<Promise<void>>();
  #trouble: { readonly error: unknown } | null = null;

  constructor(atOnceMax: number) {
    this.#atOnceMax = atOnceMax;
  }

  /** Starts a write as soon as there is room for it; throws the trouble of an earlier one instead. */
  async start(write: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#atOnceMax) await Promise.race(this.#underWay);
    if (this.#trouble !== null) return this.end();
    const one = write()
      .catch((error: unknown) => {
        this.#trouble ??= { error };
      })
      .finally(() => this.#underWay.delete(one));
    this.#underWay.add(one);
  }

  /** Resolves when all have ended; throws the first trouble. */
  async end(): Promise<void> {
    await Promise.all(this.#underWay);
    if (this.#trouble !== null) throw this.#trouble.error;
  }
}
