import { assert } from '../model/errors.ts';

/** What a feed says of a span, [from, to); `order` NaN = an addition, else the place of a total in the source's own order. */
export interface Report<Amount> {
  readonly from: number;
  readonly to: number;
  readonly order: number;
  readonly amount: Amount;
}

/** Reports in the order of their spans, by their place in it. */
export interface Reports<Amount> {
  readonly length: number;
  from(at: number): number;
  to(at: number): number;
  order(at: number): number;
  amount(at: number): Amount;
  /** Place of the first that begins at or after `instant`. */
  firstFrom(instant: number): number;
  insert(at: number, report: Report<Amount>): void;
  remove(first: number, last: number): void;
}

/** Places in a report's part of `ReportList.spans`. */
const spanAt = { from: 0, to: 1, order: 2 } as const;
const spanWidth = 3;
/** Nearly all campaigns have no more: their arrays are as long as they must be, and grow by themselves beyond. */
const tightMax = 6;

/**
 * Reports side by side: numbers in two arrays, no object. There is a list for every
 * campaign, and an array that holds something has room for sixteen more: so there are two and not four.
 */
export class ReportList<Amount> implements Reports<Amount> {
  spans: number[] = [];
  amounts: Amount[] = [];

  get length(): number {
    return this.amounts.length;
  }

  from(at: number): number {
    return this.spans[at * spanWidth + spanAt.from];
  }
  to(at: number): number {
    return this.spans[at * spanWidth + spanAt.to];
  }
  order(at: number): number {
    return this.spans[at * spanWidth + spanAt.order];
  }
  amount(at: number): Amount {
    return this.amounts[at];
  }

  firstFrom(instant: number): number {
    // Spelled out: a function for the question would be an object, and every evaluation asks several times.
    const { spans } = this;
    let low = 0;
    let high = this.amounts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (spans[middle * spanWidth + spanAt.from] >= instant) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  insert(at: number, { from, to, order, amount }: Report<Amount>): void {
    // Nearly every report is the newest of its feed.
    if (at === this.length && at < tightMax) {
      this.spans = [...this.spans, from, to, order];
      this.amounts = [...this.amounts, amount];
      return;
    }
    if (at === this.length) {
      this.spans.push(from, to, order);
      this.amounts.push(amount);
      return;
    }
    this.spans.splice(at * spanWidth, 0, from, to, order);
    this.amounts.splice(at, 0, amount);
  }

  remove(first: number, last: number): void {
    this.spans.splice(first * spanWidth, (last - first) * spanWidth);
    this.amounts.splice(first, last - first);
  }

  /** Takes away what stands from `at` on, as a list of its own. */
  splitAt(at: number): ReportList<Amount> {
    const rest = new ReportList<Amount>();
    rest.spans.push(...this.spans.splice(at * spanWidth));
    rest.amounts.push(...this.amounts.splice(at));
    return rest;
  }
}

/** A list that grows beyond this is cut in two. */
export const reportsTogetherMax = 1_024;

/**
 * Very many reports: short lists one behind the other, so that one that comes between others moves a thousand of
 * them at most, in whatever order a feed tells its periods.
 */
export class LongReportList<Amount> implements Reports<Amount> {
  readonly #lists: ReportList<Amount>[];
  /** Place of the first report of each list. */
  readonly #starts: number[] = [];
  #length = 0;
  /** The list that was asked last: places are asked one after the other. */
  #recent = 0;

  constructor(first: ReportList<Amount>) {
    this.#lists = [first];
    this.#count(0);
  }

  get length(): number {
    return this.#length;
  }

  from(at: number): number {
    return this.#listOf(at).from(at - this.#starts[this.#recent]);
  }
  to(at: number): number {
    return this.#listOf(at).to(at - this.#starts[this.#recent]);
  }
  order(at: number): number {
    return this.#listOf(at).order(at - this.#starts[this.#recent]);
  }
  amount(at: number): Amount {
    return this.#listOf(at).amount(at - this.#starts[this.#recent]);
  }

  firstFrom(instant: number): number {
    // Lists are never empty, but for an only one.
    if (this.#length === 0) return 0;
    const list = Math.max(0, firstWhere(this.#lists.length, (at) => this.#lists[at].from(0) >= instant) - 1);
    return this.#starts[list] + this.#lists[list].firstFrom(instant);
  }

  insert(at: number, report: Report<Amount>): void {
    const last = this.#lists.length - 1;
    if (at === this.#length) this.#recent = last;
    else this.#listOf(at);
    const here = this.#recent;
    const list = this.#lists[here];
    list.insert(at - this.#starts[here], report);
    if (list.length > reportsTogetherMax) {
      // A feed that tells its periods in order fills one list after the other.
      const isNewest = here === last && at === this.#length;
      this.#lists.splice(here + 1, 0, list.splitAt(isNewest ? list.length - 1 : list.length >> 1));
    }
    this.#count(here);
  }

  remove(first: number, last: number): void {
    if (last <= first) return;
    this.#listOf(first);
    const here = this.#recent;
    for (let left = last - first, at = here; left > 0; at++) {
      const from = at === here ? first - this.#starts[here] : 0;
      const to = Math.min(this.#lists[at].length, from + left);
      left -= to - from;
      this.#lists[at].remove(from, to);
    }
    const kept = this.#lists.filter(({ length }) => length > 0);
    this.#lists.splice(0, this.#lists.length, ...(kept.length === 0 ? [new ReportList<Amount>()] : kept));
    this.#count(0);
  }

  /** Places of the lists from `list` on have changed. */
  #count(list: number): void {
    let start = list === 0 ? 0 : this.#starts[list - 1] + this.#lists[list - 1].length;
    this.#starts.length = this.#lists.length;
    for (let at = list; at < this.#lists.length; at++) {
      this.#starts[at] = start;
      start += this.#lists[at].length;
    }
    this.#length = start;
    this.#recent = 0;
  }

  #listOf(at: number): ReportList<Amount> {
    assert(at >= 0 && at < this.#length, 'a report is asked for that is there');
    const within = at - this.#starts[this.#recent];
    if (within < 0 || within >= this.#lists[this.#recent].length)
      this.#recent = firstWhere(this.#lists.length, (list) => this.#starts[list] > at) - 1;
    return this.#lists[this.#recent];
  }
}

/** The first place below `count` from which on it is so; `count` when there is none. */
function firstWhere(count: number, isSo: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isSo(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
