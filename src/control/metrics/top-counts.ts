interface Counted {
  count: number;
  /** Where it was counted last. */
  place: string;
}

/** Names that are told apart; at the bound a quarter of them, the smallest, make room for those that come new. */
const keptMax = 512;
const droppedAtOnce = keptMax / 4;
const shownMax = 20;
export const otherNames = 'other';

/**
 * Who has the most of something, out of names without end in memory that has one: a name that comes new begins with
 * the largest count that was ever dropped, so that what is among the largest is never missed, and is counted too high
 * by at most that ("space saving", a quarter at a time).
 */
export class TopCounts {
  readonly #counts = new Map<string, Counted>();
  #total = 0;
  /** The largest count that a name had when it was dropped. */
  #dropped = 0;

  add(name: string, place: string, amount: number): void {
    this.#total += amount;
    const known = this.#counts.get(name);
    if (known !== undefined) {
      known.count += amount;
      known.place = place;
      return;
    }
    if (this.#counts.size >= keptMax) this.#makeRoom();
    this.#counts.set(name, { count: amount + this.#dropped, place });
  }

  /** Counts what has no name of its own. */
  addOther(amount: number): void {
    this.#total += amount;
  }

  /** The largest, and all others together. */
  top(): { readonly name: string; readonly place: string; readonly count: number }[] {
    const largest = [...this.#counts]
      .sort(([, a], [, b]) => b.count - a.count)
      .slice(0, shownMax)
      .map(([name, { count, place }]) => ({ name, place, count }));
    const shown = largest.reduce((sum, { count }) => sum + count, 0);
    return [...largest, { name: otherNames, place: '', count: Math.max(0, this.#total - shown) }];
  }

  #makeRoom(): void {
    const smallest = [...this.#counts].sort(([, a], [, b]) => a.count - b.count).slice(0, droppedAtOnce);
    for (const [name, { count }] of smallest) {
      this.#counts.delete(name);
      this.#dropped = Math.max(this.#dropped, count);
    }
  }
}
