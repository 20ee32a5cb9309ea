import { assert } from '../model/errors.ts';
import { floorTo, quarterMs } from '../model/time.ts';
import { floorShare, minus, type Whole } from '../model/whole.ts';

/** What a feed says of a span, [from, to); `order` NaN = an addition, else the place of a total in the source's own order. */
export interface Report<Amount> {
  readonly from: number;
  readonly to: number;
  readonly order: number;
  readonly amount: Amount;
}

/** Told of every report that counts from now on (`sign` 1) or no more (−1). */
export type OnReport<Amount> = (from: number, to: number, amount: Amount, sign: 1 | -1) => void;

/** What a report would change: nothing, or it replaces totals [first, last); null = it contradicts one. */
export type Verdict =
  | { readonly counts: false }
  | { readonly counts: true; readonly first: number; readonly last: number };

const nothing: Verdict = { counts: false };

/** The part of `amount` that lies in [from, to) when all of it is spread over [start, end) (docs/semantics.md §4.4). */
export function shareOf(amount: Whole, start: number, end: number, from: number, to: number): Whole {
  if (start === end) return start >= from && start < to ? amount : 0;
  const first = Math.max(from, start);
  const last = Math.min(to, end);
  if (last <= first) return 0;
  if (first === start && last === end) return amount;
  return minus(floorShare(amount, last - start, end - start), floorShare(amount, first - start, end - start));
}

/** Reports side by side, in the order of their spans: four numbers each, no object. */
class ReportList<Amount> {
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly order: number[] = [];
  readonly amounts: Amount[] = [];

  get length(): number {
    return this.from.length;
  }

  /** Index of the first that begins at or after `instant`. */
  firstFrom(instant: number): number {
    let low = 0;
    let high = this.from.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.from[middle] < instant) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(at: number, { from, to, order, amount }: Report<Amount>): void {
    this.from.splice(at, 0, from);
    this.to.splice(at, 0, to);
    this.order.splice(at, 0, order);
    this.amounts.splice(at, 0, amount);
  }

  remove(first: number, last: number): void {
    for (const column of [this.from, this.to, this.order, this.amounts]) column.splice(first, last - first);
  }
}

/**
 * The reports of one feed of a campaign that count: totals, of which no two share an instant, and
 * additions. A newer total of a span replaces the older, a longer one what lies in it.
 */
export class ReportFeed<Amount> {
  readonly #totals = new ReportList<Amount>();
  readonly #additions = new ReportList<Amount>();
  /** No addition is longer. */
  #longest = 0;

  /** What the report would change; null when a counting total shares instants with it and neither holds the other. */
  weigh({ from, to, order }: Report<Amount>): Verdict | null {
    return Number.isNaN(order) ? this.#weighAddition(from) : this.#weighTotal(from, to, order);
  }

  #weighAddition(from: number): Verdict {
    const place = floorTo(from, quarterMs);
    const totals = this.#totals;
    const before = totals.firstFrom(place + 1) - 1;
    return before >= 0 && place < totals.to[before] ? nothing : { counts: true, first: 0, last: 0 };
  }

  #weighTotal(from: number, to: number, order: number): Verdict | null {
    const totals = this.#totals;
    const next = totals.firstFrom(from + 1);
    const before = next - 1;
    let first = next;
    if (before >= 0) {
      const [start, end] = [totals.from[before], totals.to[before]];
      if (start === from && end === to) {
        return totals.order[before] > order ? nothing : { counts: true, first: before, last: next };
      }
      if (from === to ? from < end : to <= end && start < end) return nothing;
      if (start === from) first = before;
      else if (end > from) return null;
    }
    let last = first;
    for (; last < totals.length && totals.from[last] < to; last++) if (totals.to[last] > to) return null;
    return { counts: true, first, last };
  }

  /** Has the report count, as `weigh` said. */
  put(report: Report<Amount>, verdict: Verdict, on: OnReport<Amount>): void {
    if (!verdict.counts) return;
    const { from, to, order, amount } = report;
    if (Number.isNaN(order)) {
      this.#additions.insert(this.#additions.firstFrom(from + 1), report);
      this.#longest = Math.max(this.#longest, to - from);
    } else {
      this.#remove(this.#totals, verdict.first, verdict.last, on);
      this.#totals.insert(verdict.first, report);
      const additions = this.#additions;
      this.#remove(additions, additions.firstFrom(ceilTo(from)), additions.firstFrom(ceilTo(to)), on);
    }
    on(from, to, amount, 1);
  }

  #remove(list: ReportList<Amount>, first: number, last: number, on: OnReport<Amount>): void {
    for (let i = first; i < last; i++) on(list.from[i], list.to[i], list.amounts[i], -1);
    if (last > first) list.remove(first, last);
  }

  /** Visits all that have an instant in [from, to). */
  visit(from: number, to: number, on: OnReport<Amount>): void {
    this.#visitList(this.#totals, Math.max(0, this.#totals.firstFrom(from) - 1), from, to, on);
    this.#visitList(this.#additions, this.#additions.firstFrom(from - this.#longest), from, to, on);
  }

  #visitList(list: ReportList<Amount>, first: number, from: number, to: number, on: OnReport<Amount>): void {
    for (let i = first; i < list.length && list.from[i] < to; i++) {
      if (list.to[i] > from || list.from[i] >= from) on(list.from[i], list.to[i], list.amounts[i], 1);
    }
  }

  /** Forgets what ended before `instant`. */
  forgetBefore(instant: number): void {
    for (const list of [this.#totals, this.#additions]) {
      for (let i = list.length - 1; i >= 0; i--) if (list.to[i] < instant) list.remove(i, i + 1);
    }
  }

  get length(): number {
    return this.#totals.length + this.#additions.length;
  }

  /** All that count, totals first. */
  *all(): Generator<Report<Amount>> {
    for (const list of [this.#totals, this.#additions]) {
      for (let i = 0; i < list.length; i++) {
        yield { from: list.from[i], to: list.to[i], order: list.order[i], amount: list.amounts[i] };
      }
    }
  }

  /** A report that was read back, which counted when it was written. */
  restore(report: Report<Amount>): void {
    const verdict = this.weigh(report);
    assert(verdict !== null, 'a report that counted contradicts none');
    this.put(report, verdict, ignore);
  }
}

function ignore(): void {}

function ceilTo(instant: number): number {
  return -floorTo(-instant, quarterMs);
}
