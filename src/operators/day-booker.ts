import type { Campaign } from '../lane/campaign.ts';
import { currencyOfCode, isByTouch, typeOfCode } from '../lane/campaign-reports.ts';
import { plainConversion } from '../lane/conversion-types.ts';
import { DayRow, sumAt } from '../lane/day-row.ts';
import { hotAt } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { addRevenue, negated, type QuarterAmounts } from '../lane/provisional-quarters.ts';
import { quarterMs } from '../model/time.ts';
import { plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';

/** The days of campaigns as those see them who book: finds or makes rows, and knows which ones changed. */
export class DayBooker {
  readonly #state: LaneState;
  readonly dirtyRows: { campaign: Campaign; day: DayRow }[] = [];

  constructor(state: LaneState) {
    this.#state = state;
  }

  /** The row of a day, taken out of the old ones or made when there is none. */
  dayRow(campaign: Campaign, number: number): DayRow {
    let day = campaign.days.get(number);
    if (day === undefined) {
      day = campaign.oldDays.take(number, campaign.books) ?? new DayRow(number, campaign.books.days);
      campaign.days.set(number, day);
    }
    return day;
  }

  /** The record of `offset` books on the day. */
  change(campaign: Campaign, day: DayRow, offset: number): void {
    const hot = this.#state.books.hot.values;
    day.offset = offset;
    if (offset >= hot[campaign.hot + hotAt.currencySince]) day.currency = hot[campaign.hot + hotAt.currency];
    this.followPlanOn(campaign, day);
    if (!day.isDirty) this.markDirty(campaign, day);
  }

  followPlanOn(campaign: Campaign, day: DayRow): void {
    if (day.planEpoch === this.#state.planEpoch) return;
    day.planEpoch = this.#state.planEpoch;
    day.planNumber = this.#state.planOf(campaign.orgId).plan.number;
  }

  markDirty(campaign: Campaign, day: DayRow): void {
    this.#state.touch(campaign);
    day.isDirty = true;
    campaign.dirtyDays += 1;
    this.dirtyRows.push({ campaign, day });
  }

  /** Adds what a code of `Counts` means, as the record of `offset` has it. */
  add(campaign: Campaign, day: DayRow, code: number, amount: Whole, offset: number): void {
    const currency = currencyOfCode(code);
    const type = typeOfCode(code);
    if (type >= 0) {
      const [byTouch, byConversion] = isByTouch(code) ? [amount, 0] : [0, amount];
      this.addConversions(campaign, day, type, byTouch, byConversion, offset);
    } else if (code === sumAt.conversionsByTouch)
      this.addConversions(campaign, day, plainConversion, amount, 0, offset);
    else if (code === sumAt.conversionsByConversion)
      this.addConversions(campaign, day, plainConversion, 0, amount, offset);
    else if (currency < 0) day.addWhole(code, amount);
    else if (isByTouch(code)) this.addRevenue(campaign, day, currency, amount, 0);
    else this.addRevenue(campaign, day, currency, 0, amount);
  }

  /** Conversions of a code of the campaign's types, on its day and in all of the day. */
  addConversions(
    campaign: Campaign,
    day: DayRow,
    code: number,
    byTouch: Whole,
    byConversion: Whole,
    offset: number,
  ): void {
    if (byTouch !== 0) day.addWhole(sumAt.conversionsByTouch, byTouch);
    if (byConversion !== 0) day.addWhole(sumAt.conversionsByConversion, byConversion);
    const isInForce = day.planEpoch === this.#state.planEpoch;
    const planNumber = isInForce ? day.planNumber : this.#state.planOf(campaign.orgId).plan.number;
    day.addConversions(code, byTouch, byConversion, offset, planNumber);
  }

  /** Revenue shows in the row where it is in the campaign's currency, and is kept beside it where not. */
  addRevenue(campaign: Campaign, day: DayRow, currency: number, byTouch: Whole, byConversion: Whole): void {
    if (this.#state.books.hot.values[campaign.hot + hotAt.currency] === currency) {
      if (byTouch !== 0) day.addWhole(sumAt.revenueByTouch, byTouch);
      if (byConversion !== 0) day.addWhole(sumAt.revenueByConversion, byConversion);
    } else day.addOtherRevenue(currency, byTouch, byConversion);
  }

  /** What the quarter-hour at hand took goes to its day. */
  settleQuarter(campaign: Campaign): void {
    const { quarters } = campaign;
    if (quarters === null || !quarters.atHand.isDirty) return;
    const { atHand } = quarters;
    const day = this.dayRow(campaign, quarters.zone.localDay(atHand.day * quarterMs));
    const { offset, currency } = atHand;
    quarters.settle(day);
    atHand.currency = -1;
    // A later record of the segment may have been booked on the day itself.
    if (offset >= day.offset) {
      day.offset = offset;
      if (currency >= 0) day.currency = currency;
    }
    this.followPlanOn(campaign, day);
    if (!day.isDirty) this.markDirty(campaign, day);
  }

  /** An amount of an instant, for campaigns whose zone is not known: kept so that it may move. */
  keep(campaign: Campaign, at: number, place: number, amount: number): void {
    const kept = campaign.quarters?.amountsOf(Math.floor(at / quarterMs));
    if (kept !== undefined) kept.places.set(place, plus(kept.places.get(place) ?? 0, amount));
  }

  /** Revenue of an instant, for campaigns whose zone is not known: kept so that it may move. */
  keepRevenue(campaign: Campaign, at: number, currency: number, byTouch: Whole, byConversion: Whole): void {
    const kept = campaign.quarters?.amountsOf(Math.floor(at / quarterMs));
    if (kept !== undefined) addRevenue(kept.revenue, currency, byTouch, byConversion);
  }

  /** Conversions of an instant, for campaigns whose zone is not known: kept so that they may move. */
  keepConversions(campaign: Campaign, at: number, code: number, byTouch: number, byConversion: number): void {
    const kept = campaign.quarters?.amountsOf(Math.floor(at / quarterMs));
    if (kept !== undefined) addRevenue(kept.conversions, code, byTouch, byConversion);
  }

  /** Moves what was booked by instant to the days of another zone (docs/semantics.md §4.1). */
  moveQuarters(campaign: Campaign, zone: Zone, offset: number): void {
    const { quarters } = campaign;
    if (quarters === null) return;
    this.settleQuarter(campaign);
    campaign.putAway();
    const before = quarters.zone;
    quarters.zone = zone;
    for (const [quarter, amounts] of quarters.movable(this.#state.clock)) {
      const { places, revenue, conversions } = amounts;
      const from = before.localDay(quarter * quarterMs);
      const to = zone.localDay(quarter * quarterMs);
      if (from === to || holdsNothing(amounts)) continue;
      const [left, joined] = [this.dayRow(campaign, from), this.dayRow(campaign, to)];
      for (const [place, amount] of places) {
        left.addWhole(place, negated(amount));
        joined.addWhole(place, amount);
      }
      for (const [currency, { byTouch, byConversion }] of revenue) {
        this.addRevenue(campaign, left, currency, negated(byTouch), negated(byConversion));
        this.addRevenue(campaign, joined, currency, byTouch, byConversion);
      }
      for (const [code, { byTouch, byConversion }] of conversions) {
        this.addConversions(campaign, left, code, negated(byTouch), negated(byConversion), offset);
        this.addConversions(campaign, joined, code, byTouch, byConversion, offset);
      }
      this.change(campaign, left, offset);
      this.change(campaign, joined, offset);
    }
  }
}

function holdsNothing({ places, revenue, conversions }: QuarterAmounts): boolean {
  for (const amount of places.values()) if (amount !== 0) return false;
  for (const each of [...revenue.values(), ...conversions.values()]) {
    if (each.byTouch !== 0 || each.byConversion !== 0) return false;
  }
  return true;
}
