import { nanosPerMicro } from '../model/money.ts';
import { dayMs } from '../model/time.ts';
import { plus, type Whole } from '../model/whole.ts';
import { counterAt, sumAt } from './day-row.ts';
import { added, type OnReport, type Report, ReportFeed, shareOf, type Verdict } from './report-feed.ts';

/** What a performance_report says: a place in a day's record, a revenue (`revenueCode`) or conversions of a type (`typedCode`), and how much. */
export type Counts = readonly (readonly [code: number, amount: number])[];

/** Codes from here on are revenue: by touch (even) or by conversion (odd), in the currency of half of it. */
const firstRevenueCode = 100;

export function revenueCode(currency: number, isByTouch: boolean): number {
  return firstRevenueCode + 2 * currency + (isByTouch ? 0 : 1);
}

/** Codes below zero are conversions with a type: by touch (odd) or by conversion (even). */
export function typedCode(code: number, isByTouch: boolean): number {
  return -1 - 2 * code - (isByTouch ? 0 : 1);
}

/** The code of the campaign's types that a code means; -1 = it means something else. */
export function typeOfCode(code: number): number {
  return code < 0 ? (-1 - code) >> 1 : -1;
}

/** The currency of a code of revenue; -1 = it is a place in a day's record. */
export function currencyOfCode(code: number): number {
  return code < firstRevenueCode ? -1 : (code - firstRevenueCode) >> 1;
}

/** Of a code of revenue, or of conversions with a type. */
export function isByTouch(code: number): boolean {
  return code < 0 ? (code & 1) !== 0 : (code & 1) === 0;
}

type FreshReport =
  | { readonly of: 'spend'; readonly feed: string; readonly report: Report<number> }
  | { readonly of: 'counts'; readonly feed: string; readonly report: Report<Counts> };

/** Reports are kept so long at least: windows of an evaluation reach seven days back to `as_of`, a day before it, and one to spare. */
export const reportsKeptMs = 9 * dayMs;

/** Feed of adjustments: additions of no length, which no total replaces. */
const adjustments = '';
/** Feed of what takes back items in cells that older releases made of totals (see `adoptOldTotals`). */
const itemsTakenBack = '-';

const noCounts: ReadonlyMap<string, ReportFeed<Counts>> = new Map();

/** A total as older releases kept it, by `source|basis|period start|period end`. */
export interface OldTotal {
  readonly periodStart: number;
  readonly amount: number;
}

/** The reports of a campaign that count, by feed: spend in micros by source and basis, counters by source. */
export class CampaignReports {
  readonly #spend = new Map<string, ReportFeed<number>>();
  /** The same, for who walks them at every evaluation: a map would make an object a step. Null = to be made again. */
  #spendList: readonly ReportFeed<number>[] | null = null;
  /** The feed of spend that was asked for last, which is nearly always the next too. */
  #recentName = '';
  #recent: ReportFeed<number> | null = null;
  /** Of nobody, for campaigns that only ever hear of spend. */
  counts: ReadonlyMap<string, ReportFeed<Counts>> = noCounts;
  /** Since the last harvest, in their order; null = none, since every campaign has a list of its own. */
  fresh: FreshReport[] | null = null;
  /** Spend was forgotten since the last harvest, before what is fresh. */
  wasSpendForgotten = false;

  get spend(): ReadonlyMap<string, ReportFeed<number>> {
    return this.#spend;
  }

  spendFeed(name: string): ReportFeed<number> {
    if (name === this.#recentName && this.#recent !== null) return this.#recent;
    let feed = this.#spend.get(name);
    if (feed === undefined) {
      feed = new ReportFeed(name);
      this.#spend.set(name, feed);
      this.#spendList = null;
    }
    this.#recentName = name;
    this.#recent = feed;
    return feed;
  }

  countsFeed(name: string): ReportFeed<Counts> {
    let feed = this.counts.get(name);
    if (feed === undefined) {
      feed = new ReportFeed(name);
      this.counts = new Map(this.counts).set(name, feed);
    }
    return feed;
  }

  putSpend(feed: string, report: Report<number>, verdict: Verdict, on: OnReport<number>): void {
    if (!verdict.counts) return;
    this.spendFeed(feed).put(report, verdict, on);
    this.#note({ of: 'spend', feed, report });
  }

  putCounts(feed: string, report: Report<Counts>, verdict: Verdict, on: OnReport<Counts>): void {
    if (!verdict.counts) return;
    this.countsFeed(feed).put(report, verdict, on);
    this.#note({ of: 'counts', feed, report });
  }

  #note(fresh: FreshReport): void {
    this.fresh ??= [];
    // A feed that is asked every minute says the same period again and again, of spend and counters in turn.
    for (let at = this.fresh.length - 1; at >= Math.max(0, this.fresh.length - replacedAmong); at--) {
      if (isReplaced(this.fresh[at], fresh)) this.fresh.splice(at, 1);
    }
    this.fresh.push(fresh);
  }

  /** An adjustment of a day that starts at `at`. */
  adjust(at: number, micros: number): void {
    const report = { from: at, to: at, order: Number.NaN, amount: micros };
    this.putSpend(adjustments, report, added, ignore);
  }

  /** Adjustments are of local days: their instants follow the zone, all that is known of spend is written anew. Those that moved. */
  moveAdjustments(
    to: (at: number) => number,
  ): { readonly from: number; readonly to: number; readonly micros: number }[] {
    const before = this.spend.get(adjustments);
    const moving = (before?.all() ?? []).filter(({ from }) => to(from) !== from);
    if (moving.length === 0) return [];
    const kept = [...this.spend].flatMap(([feed, reports]) => reports.all().map((report) => ({ feed, report })));
    this.forgetSpend();
    for (const { feed, report } of kept) {
      const at = feed === adjustments ? to(report.from) : report.from;
      const moved = feed === adjustments ? { ...report, from: at, to: at } : report;
      this.spendFeed(feed).restore(moved);
      this.#note({ of: 'spend', feed, report: moved });
    }
    return moving.map(({ from, amount }) => ({ from, to: to(from), micros: amount }));
  }

  /** Feeds whose reports are of no day by instant. */
  isByDate(feed: string): boolean {
    return feed === adjustments || feed === itemsTakenBack;
  }

  /**
   * Older releases booked a total as an item where its period started. It becomes a total of no length there,
   * to be replaced by the first report that holds the instant; the item in the cells is taken back.
   */
  adoptOldTotals(totals: ReadonlyMap<string, OldTotal>): void {
    const sums = new Map<string, { feed: string; at: number; amount: number }>();
    for (const [key, { periodStart: at, amount }] of totals) {
      const feed = key.split('|').slice(0, 2).join('|');
      const known = sums.get(`${feed}|${at}`);
      sums.set(`${feed}|${at}`, { feed, at, amount: amount + (known?.amount ?? 0) });
    }
    for (const { feed, at, amount } of sums.values()) {
      const total = { from: at, to: at, order: Number.NEGATIVE_INFINITY, amount };
      const verdict = this.spendFeed(feed).weigh(total);
      if (verdict !== null) this.spendFeed(feed).put(total, verdict, ignore);
      const back = { from: at, to: at, order: Number.NaN, amount: -amount };
      this.spendFeed(itemsTakenBack).put(back, added, ignore);
    }
  }

  /** As if no feed had ever spoken of spend. */
  clearSpend(): void {
    this.#spend.clear();
    this.#spendList = null;
    this.#recent = null;
  }

  forgetSpend(): void {
    this.clearSpend();
    this.fresh = this.fresh?.filter(({ of }) => of !== 'spend') ?? null;
    this.wasSpendForgotten = true;
  }

  /** Σ nanos of the shares of spend in [from, to); `itemsFrom` = cells hold no items before it. */
  spendBetween(from: number, to: number, itemsFrom: number): Whole {
    this.#spendList ??= [...this.#spend.values()];
    const feeds = this.#spendList;
    let sum: Whole = 0;
    for (let i = 0; i < feeds.length; i++) {
      const feed = feeds[i];
      if (from >= feed.until) continue;
      const since = feed.name === itemsTakenBack ? Math.max(from, itemsFrom) : from;
      const share = feed.sharesBetween(since, to, same, nanosPerMicro);
      if (share !== 0) sum = plus(sum, share);
    }
    return sum;
  }

  /** The same of adjustments and reports alone, where cells reach no more. */
  spendToldBetween(from: number, to: number): Whole {
    return this.spendBetween(from, to, Number.POSITIVE_INFINITY);
  }

  /** What feeds say of spend, each report by itself. */
  visitSpend(visit: (report: Report<number>) => void): void {
    for (const [name, feed] of this.#spend) if (!this.isByDate(name)) feed.visit(visit);
  }

  /** Σ of the shares of impressions in [from, to). */
  impressionsBetween(from: number, to: number): number {
    if (this.counts === noCounts) return 0;
    let sum: Whole = 0;
    for (const feed of this.counts.values()) sum = plus(sum, feed.sharesBetween(from, to, impressionsOf, 1));
    return Number(sum);
  }

  /** Σ of the shares of any counter in [from, to), by its place in a day's record. */
  countedBetween(place: number, from: number, to: number): Whole {
    let sum: Whole = 0;
    const amountOf = (counts: Counts) => amountIn(counts, place);
    for (const feed of this.counts.values()) sum = plus(sum, feed.sharesBetween(from, to, amountOf, 1));
    return sum;
  }

  /** Forgets what ended before `instant`. */
  forgetBefore(instant: number): void {
    for (const [name, feed] of this.#spend) {
      feed.forgetBefore(instant);
      if (feed.length > 0) continue;
      this.#spend.delete(name);
      this.#spendList = null;
      this.#recent = null;
    }
    for (const feed of this.counts.values()) feed.forgetBefore(instant);
    if (this.counts.size > 0) this.counts = new Map([...this.counts].filter(([, feed]) => feed.length > 0));
  }

  settle(): void {
    this.fresh = null;
    this.wasSpendForgotten = false;
  }
}

/** So many of the newest fresh reports are looked at. */
const replacedAmong = 4;

/** Whether nothing is left of a report that the state would have to be told: the later total holds all of it. */
function isReplaced(before: FreshReport, { of, feed, report }: FreshReport): boolean {
  if (before.of !== of || before.feed !== feed || Number.isNaN(report.order) || report.from === report.to) return false;
  return !Number.isNaN(before.report.order) && before.report.from >= report.from && before.report.to <= report.to;
}

function ignore(): void {}

function same(micros: number): number {
  return micros;
}

function impressionsOf(counts: Counts): number {
  return amountIn(counts, counterAt.impressions);
}

/** What is said under a code; of conversions those with a type too. */
export function amountIn(counts: Counts, code: number): number {
  const { conversionsByConversion } = sumAt;
  if (code !== conversionsByConversion) return counts.find(([each]) => each === code)?.[1] ?? 0;
  let sum = 0;
  for (const [each, amount] of counts) if (each === code || (each < 0 && !isByTouch(each))) sum += amount;
  return sum;
}

export function impressionsIn(counts: Counts, start: number, end: number, from: number, to: number): number {
  return Number(shareOf(impressionsOf(counts), start, end, from, to));
}
