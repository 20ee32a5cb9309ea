import type { Detail, EventBatch } from '../events/event-batch.ts';
import { isMedia } from '../events/kind-facts.ts';
import { kind } from '../events/kinds.ts';
import { type Campaign, part, saidBy } from '../lane/campaign.ts';
import { sumAt } from '../lane/day-row.ts';
import { hotAt } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { DayBooker } from './day-booker.ts';

/** Says what a campaign's currency is, and takes money out that turns out to be in another (docs/semantics.md §2.9). */
export class NameCurrency {
  readonly #state: LaneState;
  readonly #days: DayBooker;

  constructor(state: LaneState, days: DayBooker) {
    this.#state = state;
    this.#days = days;
  }

  /** Whether the record would give the campaign another currency than it has. */
  wouldRename(batch: EventBatch, row: number, campaign: Campaign): boolean {
    const currency = this.#currencyOf(batch, row);
    return currency >= 0 && campaign.currency !== '' && this.#wordOf(batch, row) > campaign.currencySaidBy
      ? this.#state.books.hot.values[campaign.hot + hotAt.currency] !== currency
      : false;
  }

  /** The plan and the record say what they know; the currency that the record must not have, or -1 when all is well. */
  hear(batch: EventBatch, row: number, campaign: Campaign): number {
    const { values } = this.#state.books.hot;
    const offset = batch.offsets[row];
    if (campaign.currencySaidBy <= saidBy.plan) this.#hearPlan(campaign, offset);
    const currency = this.#currencyOf(batch, row);
    if (currency < 0) return -1;
    const word = this.#wordOf(batch, row);
    if (word > campaign.currencySaidBy) this.#name(campaign, currency, word, offset);
    const known = values[campaign.hot + hotAt.currency];
    return word === saidBy.conversion || known === currency ? -1 : currency;
  }

  #hearPlan(campaign: Campaign, offset: number): void {
    const planned = this.#state.currencyOfPlan(campaign);
    if (planned === undefined) return;
    this.#name(campaign, this.#state.books.currencies.number(planned), saidBy.plan, offset);
  }

  /** Whose word the record's currency is. */
  #wordOf(batch: EventBatch, row: number): number {
    const recordKind = batch.kinds[row];
    if (recordKind === kind.budget_changed) return saidBy.budget;
    if (isMedia[recordKind] === 1) return saidBy.media;
    if (recordKind !== kind.performance_report) return saidBy.conversion;
    const { hasSpend } = batch.details.get(row) as Detail & { kind: 'performance_report' };
    return hasSpend ? saidBy.media : saidBy.conversion;
  }

  /** Number of the currency that the record's money is in; -1 when there is none, whatever it names. */
  #currencyOf(batch: EventBatch, row: number): number {
    const id = batch.currencies[row];
    return id < 0 || isWithoutMoney(batch, row)
      ? -1
      : this.#state.books.currencies.numberOf(id, batch.dictionaries.currencies);
  }

  #name(campaign: Campaign, currency: number, word: number, offset: number): void {
    const { values } = this.#state.books.hot;
    const before = values[campaign.hot + hotAt.currency];
    if (campaign.currencySaidBy !== word) this.#state.touchParts(campaign, part.flights);
    campaign.currencySaidBy = word;
    if (before === currency) return;
    values[campaign.hot + hotAt.currency] = currency;
    values[campaign.hot + hotAt.currencySince] = offset;
    this.#state.touch(campaign);
    if (before >= 0) this.#takeMoneyOut(campaign, before, currency, offset);
  }

  #takeMoneyOut(campaign: Campaign, before: number, currency: number, offset: number): void {
    this.#days.settleQuarter(campaign);
    for (const number of [...campaign.oldDays.numbers]) this.#days.dayRow(campaign, number);
    for (const day of campaign.days.values()) {
      day.setSum(sumAt.spendNanos, 0n);
      day.setSum(sumAt.adjustmentNanos, 0n);
      day.turnRevenue(before, currency);
      this.#days.change(campaign, day, offset);
    }
    campaign.quarters?.forgetPlace(sumAt.spendNanos);
    campaign.reports?.forgetSpend();
    campaign.cells?.forgetSpend();
    if (campaign.hours !== null) {
      campaign.hours.forgetSpend();
      this.#state.touchParts(campaign, part.hours);
    }
    for (const flight of campaign.flights) flight.spentNanos = 0;
    campaign.putAway();
  }
}

function isWithoutMoney(batch: EventBatch, row: number): boolean {
  if (batch.kinds[row] !== kind.performance_report) return false;
  const { hasSpend, hasRevenue } = batch.details.get(row) as Detail & { kind: 'performance_report' };
  return !hasSpend && !hasRevenue;
}
