interface Counted {
  count: number;
  /** Where it was counted last. */
  place: string;
}

/** Names that are told apart; a name that comes new at the bound takes the place, and the count, of the smallest. */
const keptMax = 512;
const shownMax = 20;
export const otherNames = 'other';

/**
 * Who has the most of something, out of names without end in memory that has one ("space saving": what is
 * among the largest is never missed, and is counted too high by at most the smallest).
 */
export class TopCounts {
  readonly #counts = new Map<string, Counted>();
  #total = 0;

  add(name: string, place: string, amount: number): void {
    this.#total += amount;
    const known = this.#counts.get(name);
    if (known !== undefined) {
      known.count += amount;
      known.place = place;
    } else this.#counts.set(name, { count: amount + this.#roomFor(), place });
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

  /** What the name that has to go had been counted; 0 where there is room. */
  #roomFor(): number {
    if (this.#counts.size < keptMax) return 0;
    let [smallest, least] = ['', Number.POSITIVE_INFINITY];
    for (const [name, { count }] of this.#counts) if (count < least) [smallest, least] = [name, count];
    this.#counts.delete(smallest);
    return least;
  }
}
