import { systemOrg } from '../model/ids.ts';
import { floorTo, hourMs } from '../model/time.ts';

/**
 * How many dead letters each organization had since the hour of the clock began: the first ones are kept
 * whole, so that a producer who sends nothing else cannot fill the tables. A function of the log, saved with the lane.
 */
export class LetterAllowance {
  /** How many letters of an owner are kept whole. */
  readonly perHourOf: (owner: string) => number;
  readonly #isKnown: (orgId: string) => boolean;
  #hour = Number.NEGATIVE_INFINITY;
  readonly #letters = new Map<string, number>();
  readonly #changed = new Set<string>();

  constructor(perHourOf: (owner: string) => number, isKnown: (orgId: string) => boolean) {
    this.perHourOf = perHourOf;
    this.#isKnown = isKnown;
  }

  /** Of whose share a letter takes: names are free, so those that nobody knows have one share together. */
  ownerOf(orgId: string): string {
    return this.#isKnown(orgId) ? orgId : systemOrg;
  }

  /** Counts a letter of an owner; false = it had its share of the hour. */
  take(owner: string, clock: number): boolean {
    this.#turnTo(floorTo(clock, hourMs));
    const letters = this.#letters.get(owner) ?? 0;
    if (letters >= this.perHourOf(owner)) return false;
    this.#letters.set(owner, letters + 1);
    this.#changed.add(owner);
    return true;
  }

  get hour(): number {
    return this.#hour;
  }

  /** Organizations with their letters of the hour: those that changed since it was saved, or all. */
  entries(all: boolean): (readonly [orgId: string, letters: number])[] {
    const ids = all ? [...this.#letters.keys()] : [...this.#changed];
    return ids.map((id) => [id, this.#letters.get(id) ?? 0]);
  }

  restore(hour: number, entries: readonly (readonly [orgId: string, letters: number])[]): void {
    this.#turnTo(hour);
    for (const [orgId, letters] of entries) this.#letters.set(orgId, letters);
  }

  settle(): void {
    this.#changed.clear();
  }

  #turnTo(hour: number): void {
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#letters.clear();
    this.#changed.clear();
  }
}
