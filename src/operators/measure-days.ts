import { costBases, type Detail, type EventBatch, flag } from '../events/event-batch.ts';
import { type KindNumber, kind } from '../events/kinds.ts';
import type { Campaign } from '../lane/campaign.ts';
import { CampaignReports } from '../lane/campaign-reports.ts';
import { type Amount, CampaignWeight, lightMax } from '../lane/campaign-weight.ts';
import { type Counter, clockSetRightAt, counterAt, type DayRow, dayAt, sumAt } from '../lane/day-row.ts';
import { hotAt, hotWidth } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { conversionTypesSection } from '../lane/sections/conversion-types.ts';
import { daysSection } from '../lane/sections/days.ts';
import { lagsSection } from '../lane/sections/lags.ts';
import { oldTotalsSection } from '../lane/sections/old-totals.ts';
import { quartersSection } from '../lane/sections/quarters.ts';
import { reportsSection } from '../lane/sections/reports.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { weightSection } from '../lane/sections/weight.ts';
import { assert } from '../model/errors.ts';
import { quickSum } from '../model/money.ts';
import { quarterMs } from '../model/time.ts';
import type { DayBooker } from './day-booker.ts';
import { DayRows } from './day-rows.ts';
import { instantOfDay } from './flight-dates.ts';
import { correctGoals } from './flight-goals.ts';
import { addToFlights, watchIfOutside } from './flight-totals.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import { noteLag } from './note-lag.ts';
import type { Operator } from './operator.ts';
import { amountsOf, isLight } from './record-amounts.ts';
import { ReportBooker, type Weigher } from './report-booker.ts';
import type { Segment } from './segment.ts';

/** About what a dirty day adds to delta and rows. */
const dirtyDayBytes = 300;

/** In place of the number of a spend source. */
const anySource = -1;
const severalSources = -2;

const videoCounters = [
  counterAt.video_starts,
  counterAt.video_first_quartiles,
  counterAt.video_midpoints,
  counterAt.video_third_quartiles,
  counterAt.video_completes,
];

/**
 * Books every counted record on its local day (docs/semantics.md §5), and says which spend item and
 * how many valid impressions it makes, for the operators behind.
 */
export class MeasureDays implements Operator, Weigher {
  readonly name = 'days';
  readonly does = "daily metrics in the campaign's zone";
  readonly state: OwnedSections;
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #booker: DayBooker;
  readonly #reports: ReportBooker;
  readonly #rows: DayRows;
  /** Campaigns with something in their quarter-hour at hand. */
  readonly #unsettled: Campaign[] = [];

  constructor(state: LaneState, outputs: LaneOutputs, booker: DayBooker) {
    this.#state = state;
    this.state = {
      campaigns: [
        daysSection(state),
        oldTotalsSection,
        reportsSection(state),
        quartersSection(state),
        weightSection,
        conversionTypesSection,
        lagsSection,
      ],
    };
    this.#outputs = outputs;
    this.#booker = booker;
    this.#reports = new ReportBooker(state, booker);
    this.#rows = new DayRows(state, outputs);
  }

  onSegment(segment: Segment): void {
    const { batch, counted, slots, itemMicros, impressions, from, to } = segment;
    for (let row = from; row < to; row++) {
      if (counted[row] === 0) continue;
      itemMicros[row] = Number.NaN;
      impressions[row] = 0;
      const slot = slots[row];
      if (slot < 0) continue;
      if (this.#hot[slot * hotWidth + hotAt.planEpoch] !== this.#state.planEpoch) this.#followPlan(slot);
      if (!isLight(batch, row) && !this.#weighs(segment, row, slot)) continue;
      if (batch.kinds[row] === kind.impression) this.#impression(segment, batch, row, slot);
      else this.#book(segment, batch, row, slot);
    }
    for (const campaign of this.#unsettled) this.#booker.settleQuarter(campaign);
    this.#unsettled.length = 0;
  }

  forgetIds(): void {
    this.#reports.forgetIds();
  }

  /** After a restore: what older releases kept becomes what this one keeps. */
  rearm(): void {
    for (const campaign of this.#state.campaigns) {
      if (campaign.oldTotals === null) continue;
      campaign.reports ??= new CampaignReports();
      campaign.reports.adoptOldTotals(campaign.oldTotals);
      campaign.oldTotals = null;
    }
  }

  /** Writes the rows that changed since the last harvest, as they stand now. */
  harvest(): void {
    this.#rows.write(this.#booker.dirtyRows);
    this.#booker.dirtyRows.length = 0;
  }

  /** Every day belongs to a campaign, or was forgotten while its last row waits for the commit. */
  verify(): void {
    const leaving = this.#booker.dirtyRows.filter(({ campaign, day }) => campaign.days.get(day.day) !== day);
    const days = this.#state.campaigns.flatMap((campaign) => [...campaign.days.values()]);
    const quarters = this.#state.campaigns.flatMap(({ quarters: each }) => (each === null ? [] : [each.atHand]));
    this.#state.books.days.verify(
      'days',
      [...days, ...quarters, ...leaving.map(({ day }) => day)].map(({ base }) => base),
    );
    const waiting = new Set(this.#booker.dirtyRows.map(({ day }) => day));
    assert(waiting.size === this.#booker.dirtyRows.length, 'a row waits once');
    for (const day of days) assert(day.isDirty === waiting.has(day), `the row of day ${day.day} waits when it changed`);
    for (const { id, days: own, dirtyDays } of this.#state.campaigns) {
      const dirty = [...own.values()].filter(({ isDirty }) => isDirty).length;
      assert(dirty === dirtyDays, `campaign ${id} knows how many of its days changed`);
    }
  }

  get dirtyBytes(): number {
    return this.#booker.dirtyRows.length * dirtyDayBytes;
  }

  #book(segment: Segment, batch: EventBatch, row: number, slot: number): void {
    const recordKind = batch.kinds[row] as KindNumber;
    switch (recordKind) {
      case kind.impression:
        return this.#impression(segment, batch, row, slot);
      case kind.click:
        return this.#click(segment, batch, row, slot);
      case kind.video_progress:
        return this.#video(batch, row, slot);
      case kind.conversion:
        return this.#conversion(batch, row, slot, segment.clocks[row]);
      case kind.spend:
      case kind.performance_report:
        return this.#report(segment, row, slot);
      case kind.spend_adjustment:
        return this.#adjustment(batch, row, this.#state.campaigns[slot], segment.clocks[row]);
      case kind.metric_correction:
        return this.#correction(batch, row, this.#state.campaigns[slot]);
      case kind.auction_stats:
        return this.#auction(batch, row, slot);
      case kind.budget_changed:
      case kind.flight_changed:
      case kind.status_changed:
      case kind.creative_status:
        return; // Decisions book nothing.
      case kind.rejected:
      case kind.tick:
      case kind.org_plan:
      case kind.source_heartbeat:
        return; // Of no campaign.
      default:
        recordKind satisfies never;
    }
  }

  /** False when the campaign takes no more of what the record adds: it is a dead letter then. */
  #weighs(segment: Segment, row: number, slot: number): boolean {
    const { batch } = segment;
    // Reports are weighed where the plan is asked what it takes.
    if (batch.kinds[row] === kind.spend || batch.kinds[row] === kind.performance_report) return true;
    const campaign = this.#state.campaigns[slot];
    if (batch.kinds[row] === kind.conversion) {
      const sign = (batch.flags[row] & flag.reversal) !== 0 ? -1 : 1;
      campaign.weight ??= new CampaignWeight();
      if (campaign.weight.putExact(sign * batch.amount2[row], sign * batch.amount[row])) return true;
    }
    return this.weighs(segment, row, campaign, amountsOf(batch, row));
  }

  /** Puts amounts on a campaign's weight in place of others; false = they are more than it takes, and the row a dead letter. */
  weighs(
    segment: Segment,
    row: number,
    campaign: Campaign,
    amounts: readonly Amount[],
    back: readonly Amount[] = [],
  ): boolean {
    if (campaign.weight === null && amounts.every(({ of, value }) => Math.abs(value) <= lightMax[of])) return true;
    campaign.weight ??= new CampaignWeight();
    const beyond = campaign.weight.put(amounts, back);
    if (beyond === null) return true;
    segment.counted[row] = 0;
    const detail = `${beyond.field} is ${beyond.value}: with what the campaign has, more than sums hold`;
    this.#outputs.deadLetter(segment, row, 'money_out_of_range', detail);
    return false;
  }

  #impression(segment: Segment, batch: EventBatch, row: number, slot: number): void {
    const day = this.#dayAt(slot, batch, row, batch.eventTimes);
    const days = this.#days;
    const count = batch.counts[row];
    const flags = batch.flags[row];
    if ((flags & flag.invalid) !== 0) {
      days[day + counterAt.invalid_impressions] += count;
      return;
    }
    days[day + counterAt.impressions] += count;
    if ((flags & flag.measurable) !== 0) days[day + counterAt.measurable_impressions] += count;
    if ((flags & flag.viewable) !== 0) days[day + counterAt.viewable_impressions] += count;
    segment.impressions[row] = count;
    segment.itemAt[row] = batch.eventTimes[row];
    if (batch.basis[row] !== this.#hot[slot * hotWidth + hotAt.impressionBasis]) return;
    if (this.#isOtherSource(slot, batch, row)) return;
    this.#item(segment, row, slot, batch.amount[row], batch.amount2[row] * count);
  }

  #click(segment: Segment, batch: EventBatch, row: number, slot: number): void {
    const day = this.#dayAt(slot, batch, row, batch.eventTimes);
    if ((batch.flags[row] & flag.invalid) !== 0) {
      this.#days[day + counterAt.invalid_clicks] += batch.counts[row];
      return;
    }
    this.#days[day + counterAt.clicks] += batch.counts[row];
    segment.itemAt[row] = batch.eventTimes[row];
    if (this.#hot[slot * hotWidth + hotAt.impressionBasis] < 0 || this.#isOtherSource(slot, batch, row)) return;
    this.#item(segment, row, slot, batch.amount[row], 0);
  }

  #video(batch: EventBatch, row: number, slot: number): void {
    const day = this.#dayAt(slot, batch, row, batch.eventTimes);
    this.#days[day + videoCounters[batch.code[row]]] += 1;
  }

  #conversion(batch: EventBatch, row: number, slot: number, clock: number): void {
    const campaign = this.#state.campaigns[slot];
    const sign = (batch.flags[row] & flag.reversal) !== 0 ? -1 : 1;
    const weight = sign * batch.amount2[row];
    const revenue = sign * batch.amount[row];
    const offset = batch.offsets[row];
    const { currencies } = this.#state.books;
    const currency = currencies.numberOf(batch.currencies[row], batch.dictionaries.currencies);
    const label = batch.counts[row] === 0 ? '' : batch.dictionaries.labels.text(~batch.counts[row]);
    const code = campaign.typesOfConversions().codeOf(label, batch.code[row]);
    const touchedAt = Number.isNaN(batch.t2[row]) ? batch.t1[row] : batch.t2[row];
    const converted = this.#rowAt(campaign, batch.t1[row], offset);
    this.#booker.addConversions(campaign, converted, code, 0, weight, offset);
    this.#booker.addRevenue(campaign, converted, currency, 0, revenue);
    if ((batch.flags[row] & flag.setRight) !== 0) this.#setRight(campaign, converted, batch.t1[row]);
    if (campaign.quarters !== null) {
      this.#booker.keepConversions(campaign, batch.t1[row], code, 0, weight);
      this.#booker.keepRevenue(campaign, batch.t1[row], currency, 0, revenue);
    }
    const isTouchBooked = touchedAt >= clock - this.#state.latenessOf(batch, row);
    noteLag(this.#state, campaign, batch.t1[row], isTouchBooked ? touchedAt : null, weight);
    if (!isTouchBooked) return;
    const touched = this.#rowAt(campaign, touchedAt, offset);
    this.#booker.addConversions(campaign, touched, code, weight, 0, offset);
    this.#booker.addRevenue(campaign, touched, currency, revenue, 0);
    if (campaign.quarters === null) return;
    this.#booker.keepConversions(campaign, touchedAt, code, weight, 0);
    this.#booker.keepRevenue(campaign, touchedAt, currency, revenue, 0);
  }

  /** An event of an instant that a clock ahead of the log told. */
  #setRight(campaign: Campaign, day: DayRow, at: number): void {
    day.addCount(clockSetRightAt, 1);
    this.#booker.keep(campaign, at, clockSetRightAt, 1);
  }

  /** The row of an instant's day, on which the record of `offset` books. */
  #rowAt(campaign: Campaign, at: number, offset: number): DayRow {
    const day = this.#atHand(campaign, at) ?? this.#findRow(campaign, at);
    this.#booker.change(campaign, day, offset);
    return day;
  }

  /** The day at hand, if it is that of the instant. */
  #atHand(campaign: Campaign, at: number): DayRow | null {
    const hot = this.#hot;
    const base = campaign.hot;
    const isAtHand = campaign.quarters === null && at >= hot[base + hotAt.dayStart] && at < hot[base + hotAt.dayEnd];
    return isAtHand ? campaign.day : null;
  }

  #findRow(campaign: Campaign, at: number): DayRow {
    const zone = campaign.quarters?.zone ?? this.#state.zoneOf(campaign);
    return this.#booker.dayRow(campaign, zone.localDay(at));
  }

  #report(segment: Segment, row: number, slot: number): void {
    const { batch } = segment;
    const campaign = this.#state.campaigns[slot];
    const isSpend =
      batch.basis[row] === this.#hot[slot * hotWidth + hotAt.feedBasis] && !this.#isOtherSource(slot, batch, row);
    const isPerformance = batch.kinds[row] === kind.performance_report;
    if (!isPerformance && !isSpend) return;
    const outcome = isPerformance
      ? this.#reports.performance(segment, row, campaign, isSpend, this)
      : this.#reports.spend(segment, row, campaign, this);
    if (outcome === 'too heavy') return;
    if (outcome === 'booked') {
      const detail = batch.details.get(row) as Detail & { kind: 'spend' | 'performance_report' };
      const { to } = detail;
      if (isSpend && (detail.kind === 'spend' || detail.hasSpend))
        watchIfOutside(this.#state, campaign, batch.t1[row], to, segment.clocks[row]);
      return;
    }
    const source = batch.dictionaries.sources.text(batch.sources[row]);
    const detail = `the period shares time with another total of source "${source}", and neither holds the other`;
    this.#outputs.deadLetter(segment, row, 'overlapping_report', detail);
  }

  #adjustment(batch: EventBatch, row: number, campaign: Campaign, clock: number): void {
    const day = this.#booker.dayRow(campaign, batch.t1[row]);
    this.#booker.change(campaign, day, batch.offsets[row]);
    const micros = batch.amount[row];
    day.addMicros(sumAt.adjustmentNanos, micros, 0);
    day.addMicros(sumAt.spendNanos, micros, 0);
    const at = instantOfDay(campaign, batch.t1[row], this.#state.zoneOf(campaign).dayStart(batch.t1[row]));
    campaign.reports ??= new CampaignReports();
    campaign.reports.adjust(at, micros);
    watchIfOutside(this.#state, campaign, at, at, clock);
    addToFlights(this.#state, campaign, at, micros, 0, 0);
    campaign.putAway();
  }

  #correction(batch: EventBatch, row: number, campaign: Campaign): void {
    const { deltas } = batch.details.get(row) as Detail & { kind: 'metric_correction' };
    const day = this.#booker.dayRow(campaign, batch.t1[row]);
    for (const [name, delta] of deltas) day.addCount(counterAt[name as Counter], delta);
    this.#booker.change(campaign, day, batch.offsets[row]);
    const impressions = deltas.get('impressions') ?? 0;
    if (impressions === 0 && campaign.goals === null) return;
    const at = instantOfDay(campaign, batch.t1[row], this.#state.zoneOf(campaign).dayStart(batch.t1[row]));
    correctGoals(this.#state, campaign, at, deltas);
    if (impressions === 0) return;
    addToFlights(this.#state, campaign, at, 0, 0, impressions);
    campaign.putAway();
  }

  #auction(batch: EventBatch, row: number, slot: number): void {
    const day = this.#dayAt(slot, batch, row, batch.t1);
    const days = this.#days;
    days[day + counterAt.auction_requests] += batch.amount[row];
    days[day + counterAt.auction_bids] += batch.amount2[row];
    days[day + counterAt.auction_wins] += batch.counts[row];
  }

  /** A spend item on the day at hand. */
  #item(segment: Segment, row: number, slot: number, micros: number, nanos: number): void {
    segment.itemMicros[row] = micros;
    segment.itemNanos[row] = nanos;
    const days = this.#days;
    const place = this.#hot[slot * hotWidth + hotAt.day] + sumAt.spendNanos;
    const sum = quickSum(days[place], micros, nanos);
    if (!Number.isNaN(sum)) days[place] = sum;
    else (this.#state.campaigns[slot].day as DayRow).addMicros(sumAt.spendNanos, micros, nanos);
  }

  // Slabs are replaced when they grow: to be asked for after whatever may make a record.
  get #hot(): Float64Array {
    return this.#state.books.hot.values;
  }
  get #days(): Float64Array {
    return this.#state.books.days.values;
  }

  /**
   * Changes the day of the row's instant in `times` and has it at hand; returns its record in the slab.
   * The instant is read here, not handed over: as an argument it would be an object.
   */
  #dayAt(slot: number, batch: EventBatch, row: number, times: Float64Array): number {
    const at = times[row];
    const offset = batch.offsets[row];
    const hot = this.#hot;
    const base = slot * hotWidth;
    if (!(at >= hot[base + hotAt.dayStart] && at < hot[base + hotAt.dayEnd])) this.#bringDay(slot, at);
    const day = hot[base + hotAt.day];
    // A place that is none would be that of another day's numbers.
    assert(day >= 0, 'a campaign has the day at hand on which is booked');
    const days = this.#days;
    days[day + dayAt.offset] = offset;
    // Checks see a whole segment first: the currency may be that of a later record.
    if (offset >= hot[base + hotAt.currencySince]) days[day + dayAt.currency] = hot[base + hotAt.currency];
    if (days[day + dayAt.isDirty] === 0) this.#markDirty(this.#state.campaigns[slot]);
    if ((batch.flags[row] & flag.setRight) !== 0) days[day + clockSetRightAt] += 1;
    return day;
  }

  #bringDay(slot: number, at: number): void {
    const campaign = this.#state.campaigns[slot];
    const hot = this.#hot;
    const base = slot * hotWidth;
    if (campaign.quarters !== null) {
      this.#booker.settleQuarter(campaign);
      const quarter = Math.floor(at / quarterMs);
      campaign.day = campaign.quarters.bring(quarter);
      hot[base + hotAt.dayStart] = quarter * quarterMs;
      hot[base + hotAt.dayEnd] = (quarter + 1) * quarterMs;
    } else {
      const zone = this.#state.zoneOf(campaign);
      const number = zone.localDay(at);
      campaign.day = this.#booker.dayRow(campaign, number);
      this.#booker.followPlanOn(campaign, campaign.day);
      hot[base + hotAt.dayStart] = zone.dayStart(number);
      hot[base + hotAt.dayEnd] = zone.dayStart(number + 1);
    }
    hot[base + hotAt.day] = campaign.day.base;
    const isIts = at >= hot[base + hotAt.dayStart] && at < hot[base + hotAt.dayEnd];
    assert(isIts, 'the day at hand has the instant for which it was brought');
  }

  #markDirty(campaign: Campaign): void {
    const day = campaign.day as DayRow;
    if (campaign.quarters === null) return this.#booker.markDirty(campaign, day);
    day.isDirty = true;
    this.#unsettled.push(campaign);
  }

  /** Plans changed: the zone may be another, and what makes spend items too. */
  #followPlan(slot: number): void {
    const campaign = this.#state.campaigns[slot];
    campaign.putAway();
    const spend = this.#state.spendPlan(campaign);
    const basis = costBases.indexOf(spend.cost_basis);
    const isFromImpressions = spend.from === 'impressions';
    const hot = this.#hot;
    hot[campaign.hot + hotAt.impressionBasis] = isFromImpressions ? basis : -1;
    hot[campaign.hot + hotAt.feedBasis] = isFromImpressions ? -1 : basis;
    const sources = this.#state.books.sources;
    if (spend.sources !== undefined) hot[campaign.hot + hotAt.spendSource] = severalSources;
    else hot[campaign.hot + hotAt.spendSource] = spend.source === '' ? anySource : sources.number(spend.source);
    hot[campaign.hot + hotAt.planEpoch] = this.#state.planEpoch;
  }

  #isOtherSource(slot: number, batch: EventBatch, row: number): boolean {
    const wanted = this.#hot[slot * hotWidth + hotAt.spendSource];
    if (wanted === anySource) return false;
    if (wanted >= 0)
      return this.#state.books.sources.numberOf(batch.sources[row], batch.dictionaries.sources) !== wanted;
    const { sources = [] } = this.#state.spendPlan(this.#state.campaigns[slot]);
    return !sources.includes(batch.dictionaries.sources.text(batch.sources[row]));
  }
}
