import { floorDivide, minute, quarter } from './whole-numbers.ts';

/** What a feed says of a span: additions add up, totals say all there was. */
export interface Report {
  readonly isTotal: boolean;
  readonly from: number;
  /** Exclusive; equal to `from` when all of it lies at one instant. */
  readonly to: number;
  /** Place in the source's own order. */
  readonly order: number;
  /** By measure: `spend` in nanos, counters by their column. */
  readonly amounts: ReadonlyMap<string, bigint>;
}

/** What a report that came changes: which ones count no more, and whether it counts itself. */
export interface Change {
  readonly left: readonly Report[];
  readonly joined: readonly Report[];
}

/** The part of a measure that lies in [from, to): the whole is spread evenly over the span (§4.4). */
export function share(report: Report, measure: string, from: number, to: number): bigint {
  const amount = amountOf(report, measure);
  if (report.to === report.from) return report.from >= from && report.from < to ? amount : 0n;
  return to <= from ? 0n : before(report, amount, to) - before(report, amount, from);
}

/** Conversions of all types together, in place of a measure. */
export const allConversions = 'all conversions';

function amountOf({ amounts }: Report, measure: string): bigint {
  if (measure !== allConversions) return amounts.get(measure) ?? 0n;
  let sum = 0n;
  for (const [name, amount] of amounts) if (name.startsWith('conversions_by_conversion')) sum += amount;
  return sum;
}

function before(report: Report, amount: bigint, instant: number): bigint {
  if (instant <= report.from) return 0n;
  if (instant >= report.to) return amount;
  return floorDivide(amount * BigInt(instant - report.from), BigInt(report.to - report.from));
}

/** Where a report ends that is about [start, end): where it was taken, to the minute after (§4.4). */
export function endOfReport(start: number, end: number, eventTime: number, asOf: number | null): number {
  const taken = asOf ?? (eventTime > start && eventTime < end ? eventTime : end);
  return Math.max(start, Math.min(end, Math.ceil(taken / minute) * minute));
}

/** The reports of one campaign by feed (source and basis), and which of them count. */
export class ReportBook {
  readonly #feeds = new Map<string, Report[]>();

  /** What the report would change; null when it shares instants with a total that it neither holds nor lies in. */
  weigh(feed: string, report: Report): Change | null {
    const counting = this.#feeds.get(feed) ?? [];
    const totals = counting.filter((each) => each.isTotal);
    if (!report.isTotal) {
      const place = Math.floor(report.from / quarter) * quarter;
      return totals.some((total) => covers(total, place)) ? nothing : { left: [], joined: [report] };
    }
    if (totals.some((total) => holds(total, report) && (!isSame(total, report) || total.order > report.order)))
      return nothing;
    if (totals.some((total) => overlaps(total, report) && !holds(report, total))) return null;
    const left = counting.filter((each) =>
      each.isTotal ? holds(report, each) : covers(report, Math.floor(each.from / quarter) * quarter),
    );
    return { left, joined: [report] };
  }

  apply(feed: string, { left, joined }: Change): void {
    const counting = this.#feeds.get(feed) ?? [];
    this.#feeds.set(feed, [...counting.filter((each) => !left.includes(each)), ...joined]);
  }

  sum(measure: string, from: number, to: number): bigint {
    let total = 0n;
    for (const counting of this.#feeds.values())
      for (const report of counting)
        if (report.from < to && (report.to > from || report.to === report.from))
          total += share(report, measure, from, to);
    return total;
  }

  all(): Report[] {
    return [...this.#feeds.values()].flat();
  }
}

const nothing: Change = { left: [], joined: [] };

function isSame(a: Report, b: Report): boolean {
  return a.from === b.from && a.to === b.to;
}

/** A total of no length covers nothing. */
function covers(total: Report, instant: number): boolean {
  return total.from <= instant && instant < total.to;
}

function holds(outer: Report, inner: Report): boolean {
  if (isSame(outer, inner)) return true;
  if (inner.from === inner.to) return covers(outer, inner.from);
  return outer.from <= inner.from && inner.to <= outer.to;
}

function overlaps(a: Report, b: Report): boolean {
  return a.from < b.to && b.from < a.to;
}
