import { assert } from '../model/errors.ts';
import { floorTo, quarterMs } from '../model/time.ts';
import { floorShare, isSafe, minus, plus, times, type Whole } from '../model/whole.ts';
import { LongReportList, type Report, ReportList, type Reports, reportsTogetherMax } from './report-list.ts';

export type { Report } from './report-list.ts';

/** Told of every report that counts from now on (`sign` 1) or no more (−1). */
export type OnReport<Amount> = (from: number, to: number, amount: Amount, sign: 1 | -1) => void;

/** What a report would change: nothing, or it replaces totals [first, last); null = it contradicts one. */
export type Verdict =
  | { readonly counts: false }
  | { readonly counts: true; readonly first: number; readonly last: number };

const nothing: Verdict = { counts: false };
/** It replaces none. */
export const added: Verdict = { counts: true, first: 0, last: 0 };

/** The part of `amount` that lies in [from, to) when all of it is spread over [start, end) (docs/semantics.md §4.4). */
export function shareOf(amount: Whole, start: number, end: number, from: number, to: number): Whole {
  if (start === end) return start >= from && start < to ? amount : 0;
  const first = Math.max(from, start);
  const last = Math.min(to, end);
  if (last <= first) return 0;
  if (first === start && last === end) return amount;
  return minus(floorShare(amount, last - start, end - start), floorShare(amount, first - start, end - start));
}

/** Of feeds that have none of a sort, which nearly all are; never written to. */
const noReports = new ReportList<never>();

/** As `ReportFeed.sharesBetween`, of those from `first` on. Every evaluation asks: no object a report. */
function sharesOf<Amount>(
  list: Reports<Amount>,
  first: number,
  from: number,
  to: number,
  amountOf: (amount: Amount) => number,
  scale: number,
): Whole {
  let quick = 0;
  let exact: Whole = 0;
  for (let i = first; i < list.length && list.from(i) < to; i++) {
    const start = list.from(i);
    const end = list.to(i);
    const amount = amountOf(list.amount(i));
    const sum = quick + amount * scale;
    if (start >= from && end <= to && isSafe(amount * scale) && isSafe(sum)) quick = sum;
    else if (end > from) exact = plus(exact, shareOf(times(amount, scale), start, end, from, to));
    else if (start >= from) exact = plus(exact, times(amount, scale));
  }
  return plus(exact, quick);
}

/**
 * The reports of one feed of a campaign that count: totals, of which no two share an instant, and
 * additions. A newer total of a span replaces the older, a longer one what lies in it.
 */
export class ReportFeed<Amount> {
  readonly name: string;
  #totals: Reports<Amount> = noReports;
  #additions: Reports<Amount> = noReports;
  /** No addition is longer. */
  #longest = 0;
  /** No report has anything at or after this instant. */
  #until = Number.NEGATIVE_INFINITY;

  constructor(name = '') {
    this.name = name;
  }

  get until(): number {
    return this.#until;
  }

  /** What the report would change; null when a counting total shares instants with it and neither holds the other. */
  weigh({ from, to, order }: Report<Amount>): Verdict | null {
    return Number.isNaN(order) ? this.#weighAddition(from) : this.#weighTotal(from, to, order);
  }

  #weighAddition(from: number): Verdict {
    const place = floorTo(from, quarterMs);
    const totals = this.#totals;
    const before = totals.firstFrom(place + 1) - 1;
    return before >= 0 && place < totals.to(before) ? nothing : added;
  }

  #weighTotal(from: number, to: number, order: number): Verdict | null {
    const totals = this.#totals;
    const next = totals.firstFrom(from + 1);
    const before = next - 1;
    let first = next;
    if (before >= 0) {
      const [start, end] = [totals.from(before), totals.to(before)];
      if (start === from && end === to) {
        return totals.order(before) > order ? nothing : { counts: true, first: before, last: next };
      }
      if (from === to ? from < end : to <= end && start < end) return nothing;
      if (start === from) first = before;
      else if (end > from) return null;
    }
    let last = first;
    for (; last < totals.length && totals.from(last) < to; last++) if (totals.to(last) > to) return null;
    return { counts: true, first, last };
  }

  /** Amounts of what counts no more when the report counts, as `weigh` said. */
  replacedBy({ from, to, order }: Report<Amount>, verdict: Verdict): readonly Amount[] {
    if (!verdict.counts || Number.isNaN(order)) return [];
    const [totals, additions] = [this.#totals, this.#additions];
    const replaced: Amount[] = [];
    for (let at = verdict.first; at < verdict.last; at++) replaced.push(totals.amount(at));
    const end = additions.firstFrom(ceilTo(to));
    for (let at = additions.firstFrom(ceilTo(from)); at < end; at++) replaced.push(additions.amount(at));
    return replaced;
  }

  /** Has the report count, as `weigh` said. */
  put(report: Report<Amount>, verdict: Verdict, on: OnReport<Amount>): void {
    if (!verdict.counts) return;
    const { from, to, order, amount } = report;
    if (Number.isNaN(order)) {
      this.#additions = withRoom(this.#additions);
      this.#additions.insert(this.#additions.firstFrom(from + 1), report);
      this.#longest = Math.max(this.#longest, to - from);
    } else {
      this.#remove(this.#totals, verdict.first, verdict.last, on);
      this.#totals = withRoom(this.#totals);
      this.#totals.insert(verdict.first, report);
      const additions = this.#additions;
      this.#remove(additions, additions.firstFrom(ceilTo(from)), additions.firstFrom(ceilTo(to)), on);
    }
    // One of no length has its instant.
    this.#until = Math.max(this.#until, to, from + 1);
    on(from, to, amount, 1);
  }

  #remove(list: Reports<Amount>, first: number, last: number, on: OnReport<Amount>): void {
    for (let i = first; i < last; i++) on(list.from(i), list.to(i), list.amount(i), -1);
    if (last > first) list.remove(first, last);
  }

  /** Σ of the shares in [from, to) of `amountOf` each, times `scale`. */
  sharesBetween(from: number, to: number, amountOf: (amount: Amount) => number, scale: number): Whole {
    if (from >= this.#until) return 0;
    const { length } = this.#totals;
    const first = length === 0 ? 0 : Math.max(0, this.#totals.firstFrom(from) - 1);
    const totals = length === 0 ? 0 : sharesOf(this.#totals, first, from, to, amountOf, scale);
    if (this.#additions.length === 0) return totals;
    const additions = this.#additions.firstFrom(from - this.#longest);
    return plus(totals, sharesOf(this.#additions, additions, from, to, amountOf, scale));
  }

  /** Forgets what ended before `instant`. */
  forgetBefore(instant: number): void {
    for (const list of [this.#totals, this.#additions]) {
      for (let last = list.length; last > 0; ) {
        let first = last;
        while (first > 0 && list.to(first - 1) < instant) first -= 1;
        if (first < last) list.remove(first, last);
        last = first - 1;
      }
    }
  }

  get length(): number {
    return this.#totals.length + this.#additions.length;
  }

  /** All that count, totals first. */
  visit(visit: (report: Report<Amount>) => void): void {
    for (const list of [this.#totals, this.#additions]) {
      for (let i = 0; i < list.length; i++) {
        visit({ from: list.from(i), to: list.to(i), order: list.order(i), amount: list.amount(i) });
      }
    }
  }

  all(): Report<Amount>[] {
    const reports: Report<Amount>[] = [];
    this.visit((report) => reports.push(report));
    return reports;
  }

  /** A report that was read back, which counted when it was written. */
  restore(report: Report<Amount>): void {
    const verdict = this.weigh(report);
    assert(verdict !== null, 'a report that counted contradicts none');
    this.put(report, verdict, ignore);
  }
}

/** The list, where one more may be put. */
function withRoom<Amount>(list: Reports<Amount>): Reports<Amount> {
  if (list === noReports) return new ReportList();
  return list instanceof ReportList && list.length >= reportsTogetherMax ? new LongReportList(list) : list;
}

function ignore(): void {}

function ceilTo(instant: number): number {
  return -floorTo(-instant, quarterMs);
}
