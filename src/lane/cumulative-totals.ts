interface PeriodTotal {
  /** For forgetting. */
  readonly periodStart: number;
  readonly amount: number;
}

/** Last totals of one campaign by (source, basis, period), for feeds that report totals. */
export class CumulativeTotals {
  readonly #totals = new Map<string, PeriodTotal>();
  /** Keys set since the last harvest. */
  readonly #fresh = new Set<string>();

  amount(key: string): number {
    return this.#totals.get(key)?.amount ?? 0;
  }

  /** A total that came with a record. */
  put(key: string, total: PeriodTotal): void {
    this.#totals.set(key, total);
    this.#fresh.add(key);
  }

  /** A total that was read back. */
  restore(key: string, total: PeriodTotal): void {
    this.#totals.set(key, total);
  }

  /** Those set since the last harvest, or all. */
  toHarvest(all: boolean): (readonly [key: string, total: PeriodTotal])[] {
    if (all) return [...this.#totals];
    return [...this.#fresh].flatMap((key) => {
      const total = this.#totals.get(key);
      return total === undefined ? [] : [[key, total] as const];
    });
  }

  settle(): void {
    this.#fresh.clear();
  }

  /** Forgets periods that started before `oldest`. */
  prune(oldest: number): void {
    for (const [key, { periodStart }] of this.#totals) if (periodStart < oldest) this.#totals.delete(key);
  }
}
