import { costBases, type Detail, type EventBatch, flag } from '../events/event-batch.ts';
import type { Campaign } from '../lane/campaign.ts';
import {
  CampaignReports,
  type Counts,
  impressionsIn,
  isByTouch,
  revenueCode,
  typedCode,
} from '../lane/campaign-reports.ts';
import type { Amount } from '../lane/campaign-weight.ts';
import { plainConversion } from '../lane/conversion-types.ts';
import { type Counter, counterAt, counterPlaces, sumAt } from '../lane/day-row.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { type OnReport, type Report, type ReportFeed, shareOf, type Verdict } from '../lane/report-feed.ts';
import { nanosPerMicro } from '../model/money.ts';
import { floorTo, quarterMs } from '../model/time.ts';
import { times, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import type { DayBooker } from './day-booker.ts';
import { addReportToGoals } from './flight-goals.ts';
import { addSharesToFlights, addSpendToFlights } from './flight-totals.ts';
import { amountsOf, isLight } from './record-amounts.ts';
import type { Segment } from './segment.ts';

type SpendDetail = Detail & { kind: 'spend' };
type PerformanceDetail = Detail & { kind: 'performance_report' };

/** Who knows whether a campaign takes the amounts of a row in place of those that count no more. */
export interface Weigher {
  weighs(
    segment: Segment,
    row: number,
    campaign: Campaign,
    amounts: readonly Amount[],
    back: readonly Amount[],
  ): boolean;
}

/** What became of a report; one that counts nothing is booked too. */
type BookedReport = 'booked' | 'overlaps' | 'too heavy';

/** Books what feeds say of periods, spread over them (docs/semantics.md §4.4). */
export class ReportBooker {
  readonly #state: LaneState;
  readonly #days: DayBooker;
  /** Whose spend is booked now, and the offset of the record that says it. */
  #campaign: Campaign | null = null;
  #offset = 0;
  /** One for all reports. */
  readonly #onSpend: OnReport<number> = (from, to, amount, sign) =>
    this.#bookSpend(this.#campaign as Campaign, from, to, amount, sign, this.#offset);
  /** Names of feeds by source and basis, made once: they are asked for at every report. */
  readonly #feedNames: string[] = [];

  constructor(state: LaneState, days: DayBooker) {
    this.#state = state;
    this.#days = days;
  }

  /** A spend record that the plan wants; `weigher` is asked whether the campaign takes what it changes. */
  spend(segment: Segment, row: number, campaign: Campaign, weigher: Weigher): BookedReport {
    const { batch } = segment;
    const { to, order } = batch.details.get(row) as SpendDetail;
    const isTotal = (batch.flags[row] & flag.cumulative) !== 0;
    const report = { from: batch.t1[row], to, order: isTotal ? order : Number.NaN, amount: batch.amount[row] };
    const feed = this.#feedName(batch, row);
    const reports = this.#reports(campaign).spendFeed(feed);
    const verdict = reports.weigh(report);
    if (verdict === null) return 'overlaps';
    const isWeighed = verdict.counts && (campaign.weight !== null || !isLight(batch, row));
    // An addition replaces nothing, and nearly none is too heavy.
    const isTaken = isWeighed && !isTotal && campaign.weight?.putExact(report.amount, 0) === true;
    if (isWeighed && !isTaken) {
      const back = reports.replacedBy(report, verdict).map((value) => spendAmount('amount_micros', value));
      if (!weigher.weighs(segment, row, campaign, [spendAmount('amount_micros', report.amount)], back))
        return 'too heavy';
    }
    this.#putSpend(campaign, feed, report, verdict, batch.offsets[row]);
    return 'booked';
  }

  /** A performance_report; `isSpend` = the plan takes its spend. */
  performance(segment: Segment, row: number, campaign: Campaign, isSpend: boolean, weigher: Weigher): BookedReport {
    const { batch } = segment;
    const detail = batch.details.get(row) as PerformanceDetail;
    const span = { from: batch.t1[row], to: detail.to, order: detail.order };
    const source = batch.dictionaries.sources.text(batch.sources[row]);
    const feed = this.#feedName(batch, row);
    const reports = this.#reports(campaign);
    const verdict = reports.countsFeed(source).weigh({ ...span, amount: [] });
    const withSpend = isSpend && detail.hasSpend;
    const spendVerdict = withSpend ? reports.spendFeed(feed).weigh({ ...span, amount: 0 }) : undefined;
    if (verdict === null || spendVerdict === null) return 'overlaps';
    const offset = batch.offsets[row];
    const { currencies } = this.#state.books;
    // A report without money names no currency.
    const currency = detail.hasRevenue ? currencies.numberOf(batch.currencies[row], batch.dictionaries.currencies) : -1;
    const types = campaign.conversionTypes?.names.length ?? 0;
    const counts = verdict.counts ? countsOf(detail, currency, campaign) : [];
    if (campaign.weight !== null || !isLight(batch, row)) {
      const all = amountsOf(batch, row);
      const said = all.filter(({ field }) =>
        field === 'spend_micros' ? spendVerdict?.counts === true : verdict.counts,
      );
      const told = [...said, ...counts.filter(isOfConversions).map(amountOfConversions)];
      const back = reports
        .countsFeed(source)
        .replacedBy({ ...span, amount: [] }, verdict)
        .flatMap(amountsOfCounts);
      const spendBack =
        spendVerdict === undefined ? [] : reports.spendFeed(feed).replacedBy({ ...span, amount: 0 }, spendVerdict);
      const allBack = [...back, ...spendBack.map((value) => spendAmount('spend_micros', value))];
      if (!weigher.weighs(segment, row, campaign, told, allBack)) {
        campaign.conversionTypes?.cut(types);
        return 'too heavy';
      }
    }
    reports.putCounts(source, { ...span, amount: counts }, verdict, (from, to, amount, sign) =>
      this.#bookCounts(campaign, from, to, amount, sign, offset),
    );
    if (spendVerdict !== undefined) {
      const report = { ...span, amount: batch.amount[row] };
      this.#putSpend(campaign, feed, report, spendVerdict, offset);
    }
    return 'booked';
  }

  /** Ids of sources mean others from now on. */
  forgetIds(): void {
    this.#feedNames.length = 0;
  }

  #feedName(batch: EventBatch, row: number): string {
    const place = batch.sources[row] * costBases.length + batch.basis[row];
    this.#feedNames[place] ??= `${batch.dictionaries.sources.text(batch.sources[row])}|${batch.basis[row]}`;
    return this.#feedNames[place];
  }

  #reports(campaign: Campaign): CampaignReports {
    campaign.reports ??= new CampaignReports();
    return campaign.reports;
  }

  #putSpend(campaign: Campaign, feed: string, report: Report<number>, verdict: Verdict, offset: number): void {
    this.#campaign = campaign;
    this.#offset = offset;
    this.#reports(campaign).putSpend(feed, report, verdict, this.#onSpend);
    this.#campaign = null;
  }

  #bookSpend(campaign: Campaign, start: number, end: number, micros: number, sign: 1 | -1, offset: number): void {
    const nanos = times(micros, nanosPerMicro);
    const zone = this.#zoneOf(campaign);
    const first = zone.localDay(start);
    // Nearly all are of hours of one day.
    if (Math.max(end, start + 1) <= zone.dayStart(first + 1))
      this.#addSpend(campaign, first, times(sign, nanos), offset);
    else
      forEachDay(zone, start, end, start, (day, from, to) =>
        this.#addSpend(campaign, day, times(sign, shareOf(nanos, start, end, from, to)), offset),
      );
    addSpendToFlights(this.#state, campaign, sign, nanos, start, end);
  }

  #addSpend(campaign: Campaign, number: number, nanos: Whole, offset: number): void {
    const day = this.#days.dayRow(campaign, number);
    day.addWhole(sumAt.spendNanos, nanos);
    this.#days.change(campaign, day, offset);
  }

  #bookCounts(campaign: Campaign, start: number, end: number, counts: Counts, sign: 1 | -1, offset: number): void {
    forEachDay(this.#zoneOf(campaign), start, end, start, (number, from, to) => {
      const day = this.#days.dayRow(campaign, number);
      for (const [code, amount] of counts) {
        this.#days.add(campaign, day, code, times(sign, shareOf(amount, start, end, from, to)), offset);
      }
      this.#days.change(campaign, day, offset);
    });
    addSharesToFlights(this.#state, campaign, sign, (from, to) => ({
      nanos: 0,
      impressions: impressionsIn(counts, start, end, from, to),
    }));
    addReportToGoals(this.#state, campaign, counts, { start, end }, sign);
  }

  /** Moves the shares of what is not too old to the days of another zone (docs/semantics.md §4.1). */
  move(campaign: Campaign, before: Zone, after: Zone, offset: number): void {
    if (campaign.reports === null) return;
    const oldest = floorTo(this.#state.clock, quarterMs) - this.#state.limits.quartersBehind * quarterMs;
    const { reports } = campaign;
    this.#state.touch(campaign);
    reports.moveAdjustments((at) => after.dayStart(before.localDay(at)));
    const all = <A>(feeds: ReadonlyMap<string, ReportFeed<A>>) =>
      [...feeds].flatMap(([name, feed]) => (reports.isByDate(name) ? [] : feed.all()));
    for (const { from, to, amount } of all(reports.spend)) {
      const code = sumAt.spendNanos;
      this.#moveOne(
        campaign,
        { from, to, code, amount: times(amount, nanosPerMicro) },
        [before, after],
        oldest,
        offset,
      );
    }
    for (const { from, to, amount: counts } of all(reports.counts)) {
      for (const [code, amount] of counts) {
        this.#moveOne(campaign, { from, to, code, amount }, [before, after], oldest, offset);
      }
    }
  }

  #moveOne(
    campaign: Campaign,
    told: { readonly from: number; readonly to: number; readonly code: number; readonly amount: Whole },
    [before, after]: readonly [Zone, Zone],
    oldest: number,
    offset: number,
  ): void {
    const moved = new Map<number, Whole>();
    const note = (zone: Zone, sign: 1 | -1) =>
      forEachDay(zone, told.from, told.to, oldest, (number, from, to) => {
        const share = times(sign, shareOf(told.amount, told.from, told.to, from, to));
        moved.set(number, BigInt(moved.get(number) ?? 0) + BigInt(share));
      });
    note(before, -1);
    note(after, 1);
    for (const [number, amount] of moved) {
      if (BigInt(amount) === 0n) continue;
      const day = this.#days.dayRow(campaign, number);
      this.#days.add(campaign, day, told.code, times(amount, 1), offset);
      this.#days.change(campaign, day, offset);
    }
  }

  #zoneOf(campaign: Campaign): Zone {
    return campaign.quarters?.zone ?? this.#state.zoneOf(campaign);
  }
}

/** The local days with instants of [start, end) at or after `oldest`; a span of no length has that of its instant. */
function forEachDay(
  zone: Zone,
  start: number,
  end: number,
  oldest: number,
  visit: (day: number, from: number, to: number) => void,
): void {
  const last = end === start ? start + 1 : end;
  let from = Math.max(start, oldest);
  if (from >= last) return;
  for (let day = zone.localDay(from); from < last; day++) {
    const to = Math.min(zone.dayStart(day + 1), last);
    if (to <= from) continue;
    visit(day, from, to);
    from = to;
  }
}

function countsOf(detail: PerformanceDetail, currency: number, campaign: Campaign): Counts {
  const counts: [code: number, amount: number][] = [];
  for (const [name, amount] of detail.counts) counts.push([counterAt[name as Counter], amount]);
  const say = (code: number, amount: number) => {
    if (amount !== 0) counts.push([code, amount]);
  };
  for (const [code, amount] of conversionsOf(detail, campaign)) say(code, amount);
  say(revenueCode(currency, true), detail.revenueByTouch);
  say(revenueCode(currency, false), detail.revenueByConversion);
  return counts;
}

/** Conversions by code; those of types that are not told apart are one. */
function conversionsOf(detail: PerformanceDetail, campaign: Campaign): ReadonlyMap<number, number> {
  const sums = new Map<number, number>([
    [sumAt.conversionsByTouch, detail.conversionsByTouch],
    [sumAt.conversionsByConversion, detail.conversionsByConversion],
  ]);
  for (const { type, attribution, isByTouch, amount } of detail.typed) {
    if (amount === 0) continue;
    const kind = campaign.typesOfConversions().codeOf(type, attribution);
    const plain = isByTouch ? sumAt.conversionsByTouch : sumAt.conversionsByConversion;
    const code = kind === plainConversion ? plain : typedCode(kind, isByTouch);
    sums.set(code, (sums.get(code) ?? 0) + amount);
  }
  return sums;
}

function isOfConversions([code]: Counts[number]): boolean {
  return code < 0 || code === sumAt.conversionsByTouch || code === sumAt.conversionsByConversion;
}

function amountOfConversions([code, value]: Counts[number]): Amount {
  const isTouch = code === sumAt.conversionsByTouch || (code < 0 && isByTouch(code));
  return { field: isTouch ? 'conversions_by_touch' : 'conversions_by_conversion', of: 'exact', value };
}

function spendAmount(field: string, value: number): Amount {
  return { field, of: 'exact', value };
}

function amountsOfCounts(counts: Counts): readonly Amount[] {
  return counts.map(([code, value]) => ({ field: '', of: counterPlaces.includes(code) ? 'count' : 'exact', value }));
}
