import { floorTo, hour, minute } from './whole-numbers.ts';

/**
 * All items of a campaign, kept for ever: each an instant and an amount. Buckets of a minute and of an
 * hour only save adding the same numbers again; what a sum means is every item in [from, to).
 */
export class ItemBook {
  readonly #minutes = new Map<number, { total: bigint; items: [number, bigint][] }>();
  readonly #hours = new Map<number, bigint>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  add(instant: number, amount: bigint): void {
    const slot = Math.floor(instant / minute);
    const bucket = this.#minutes.get(slot) ?? { total: 0n, items: [] };
    bucket.total += amount;
    bucket.items.push([instant, amount]);
    this.#minutes.set(slot, bucket);
    const hourSlot = Math.floor(instant / hour);
    this.#hours.set(hourSlot, (this.#hours.get(hourSlot) ?? 0n) + amount);
    this.#first = Math.min(this.#first, instant);
    this.#last = Math.max(this.#last, instant);
  }

  /** Σ of the items with instant in [from, to). */
  sum(from: number, to: number): bigint {
    let at = Math.max(from, floorTo(this.#first, hour));
    const end = Math.min(to, this.#last + 1);
    let total = 0n;
    while (at < end) {
      if (at % hour === 0 && at + hour <= end) {
        total += this.#hours.get(at / hour) ?? 0n;
        at += hour;
      } else {
        const next = Math.min(floorTo(at, minute) + minute, end);
        total += this.#insideMinute(at, next);
        at = next;
      }
    }
    return total;
  }

  #insideMinute(from: number, to: number): bigint {
    const bucket = this.#minutes.get(Math.floor(from / minute));
    if (bucket === undefined) return 0n;
    if (to - from === minute) return bucket.total;
    let total = 0n;
    for (const [instant, amount] of bucket.items) if (instant >= from && instant < to) total += amount;
    return total;
  }
}
