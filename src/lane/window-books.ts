import { microsOf } from '../model/money.ts';
import { dayMs, floorTo, hourMs, type LogTimeMs, quarterMs } from '../model/time.ts';
import { plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { dayJudged, type PacingValues } from '../pacing/pacing.ts';
import type { Span } from '../rules/baselines.ts';
import type { LagCurve } from '../rules/matured-values.ts';
import { type WindowCounter, windowCounters } from '../rules/measures.ts';
import type { Window, WindowBooks } from '../rules/window-values.ts';
import type { Campaign, FlightDates } from './campaign.ts';
import { counterAt, type DayRow, sumAt } from './day-row.ts';
import { impressionsBetween, spendBetween } from './flight-books.ts';
import { oldestHourTold } from './hour-books.ts';
import type { LaneState } from './lane-state.ts';
import { peersOf } from './peers.ts';

/** Place of each counter in a day's record. */
const placeOf: Readonly<Record<WindowCounter, number>> = {
  ...counterAt,
  spend: sumAt.spendNanos,
  adjustments: sumAt.adjustmentNanos,
  conversions: sumAt.conversionsByConversion,
  conversions_by_touch: sumAt.conversionsByTouch,
  revenue: sumAt.revenueByConversion,
  revenue_by_touch: sumAt.revenueByTouch,
};
const inNanos: ReadonlySet<WindowCounter> = new Set(['spend', 'adjustments']);

/** A campaign is taken to have run where it has a daily row so many days before a window, or on its first day. */
const wasThereDays = 7;

/** A judged evaluation, as far as windows hang on it. */
interface WindowMoment {
  readonly asOf: number;
  readonly clock: LogTimeMs;
  readonly values: PacingValues;
  readonly dates: FlightDates;
  /** Nobody says whether delivery comes at all, so that none counted is not zero. */
  readonly hasImpressions: boolean;
  /** How late conversions are, as the plan says. */
  readonly declaredLags: LagCurve | null;
  readonly state: LaneState;
}

/** The windows of a campaign at one evaluation of a flight (docs/semantics.md §8.6). */
export class CampaignWindows implements WindowBooks {
  readonly #campaign: Campaign;
  readonly #at: WindowMoment;
  /** The newest local day that is over. */
  readonly #lastDay: number;

  constructor(campaign: Campaign, at: WindowMoment) {
    this.#campaign = campaign;
    this.#at = at;
    this.#lastDay = at.dates.zone.localDay(at.asOf) - 1;
  }

  sum(counter: WindowCounter, window: Window, byDays: boolean): Whole | null {
    if (!this.#isTold(counter)) return null;
    if (window.of === 'days')
      return counterOfDays(this.#campaign, counter, this.#lastDay - window.count + 1, this.#lastDay);
    if (window.of === 'flight' && byDays) {
      const { startDay, endDay } = this.#at.dates;
      return counterOfDays(this.#campaign, counter, startDay, Math.min(endDay, this.#lastDay));
    }
    return this.#fine(counter, window);
  }

  now(counter: WindowCounter, { of, count }: Span): Whole | null {
    if (of === 'days') return this.sum(counter, { of, count }, true);
    if (!this.#isTold(counter) || this.#isByDays) return null;
    return this.#hours(counter, Math.floor(this.#at.asOf / hourMs) - count, count);
  }

  before(counter: WindowCounter, { of, count }: Span, days: number): Whole | null {
    if (!this.#isTold(counter)) return null;
    if (of === 'days') {
      const last = this.#lastDay - days;
      const first = last - count + 1;
      return wasThere(this.#campaign, first) ? counterOfDays(this.#campaign, counter, first, last) : null;
    }
    if (this.#isByDays) return null;
    const { zone } = this.#at.dates;
    const first = hourBefore(zone, floorTo(this.#at.asOf, hourMs), days) - count;
    return wasThere(this.#campaign, zone.localDay(first * hourMs)) ? this.#hours(counter, first, count) : null;
  }

  peers(label: string | null): number {
    return peersOf(this.#at.state, this.#campaign, label).length;
  }

  ofPeer(counter: WindowCounter, { count }: Span, label: string | null, place: number): Whole | null {
    const peer = peersOf(this.#at.state, this.#campaign, label)[place];
    if (peer.currency !== this.#campaign.currency) return null;
    const first = this.#lastDay - count + 1;
    return wasThere(peer, first) ? counterOfDays(peer, counter, first, this.#lastDay) : null;
  }

  lagCurve(): LagCurve | null {
    return this.#at.declaredLags ?? this.#campaign.lags?.curve() ?? null;
  }

  dayBack(counter: WindowCounter, back: number): Whole {
    return counterOfDays(this.#campaign, counter, this.#lastDay - back, this.#lastDay - back);
  }

  /** Whole hours of the clock; null where one of them is not known any more, or not yet. */
  #hours(counter: WindowCounter, first: number, count: number): Whole | null {
    const { clock } = this.#at;
    const campaign = this.#campaign;
    const told = oldestHourTold(campaign, clock);
    let sum: Whole = 0;
    for (let hour = first; hour < first + count; hour++) {
      const value = hour >= told ? this.#hourTold(counter, hour) : this.#hourKept(counter, hour);
      if (value === null) return null;
      sum = plus(sum, value);
    }
    return sum;
  }

  #hourTold(counter: WindowCounter, hour: number): Whole {
    const { clock } = this.#at;
    const [from, to] = [hour * hourMs, (hour + 1) * hourMs];
    if (counter === 'spend') return microsOf(spendBetween(this.#campaign, from, to, clock));
    return impressionsBetween(this.#campaign, from, to, clock);
  }

  #hourKept(counter: WindowCounter, hour: number): number | null {
    const { hours } = this.#campaign;
    if (hours === null) return null;
    return counter === 'spend' ? hours.spendOf(hour) : hours.impressionsOf(hour);
  }

  get #isByDays(): boolean {
    return this.#at.values.spend2h === null;
  }

  #isTold(counter: WindowCounter): boolean {
    return this.#at.hasImpressions || !windowCounters[counter].isDelivery;
  }

  /** Of spend and impressions, which are kept by the quarter-hour. */
  #fine(counter: WindowCounter, window: Exclude<Window, { of: 'days' }>): Whole | null {
    const { asOf, clock, values, dates } = this.#at;
    const isSpend = counter === 'spend';
    if (window.of === 'flight') return isSpend ? (values.money?.spend ?? values.spend) : values.impressionsFlight;
    const isByDays = this.#isByDays;
    if (window.of === 'today') {
      if (isSpend) return values.money?.daySpend ?? values.daySpend;
      const day = dayJudged(dates, asOf);
      const from = dates.zone.dayStart(day);
      // By days, as_of is the end of the judged day, or its beginning, where nothing has passed yet.
      if (isByDays) return asOf > from ? counterOfDays(this.#campaign, counter, day, day) : 0;
      return impressionsBetween(this.#campaign, from, asOf, clock);
    }
    if (isByDays) return null;
    const from = floorTo(asOf - window.count * hourMs, quarterMs);
    if (!isSpend) return impressionsBetween(this.#campaign, from, asOf, clock);
    return microsOf(spendBetween(this.#campaign, from, asOf, clock));
  }
}

function wasThere({ days, oldDays }: Campaign, first: number): boolean {
  for (let day = first; day >= first - wasThereDays; day--)
    if (days.has(day) || (!oldDays.isEmpty && oldDays.numbers.includes(day))) return true;
  return false;
}

/** The hour of the clock (UTC) in which the local time of an instant was so many days before. */
function hourBefore(zone: Zone, at: number, days: number): number {
  const then = at - days * dayMs;
  return Math.floor((then + zone.offsetAt(at) - zone.offsetAt(then)) / hourMs);
}

/** In whole units of the counter, over the rows from one local day to another. */
export function counterOfDays(campaign: Campaign, counter: WindowCounter, first: number, last: number): Whole {
  let sum: Whole = 0;
  for (let day = first; day <= last; day++) sum = plus(sum, ofDay(campaign, day, placeOf[counter]));
  return inNanos.has(counter) ? microsOf(sum) : sum;
}

/** Nanos that a campaign spent on a local day. */
export function spendOfDay(campaign: Campaign, day: number): Whole {
  return ofDay(campaign, day, sumAt.spendNanos);
}

/** Nanos that a campaign spent on local days, first and last included. */
export function spendOfDays(campaign: Campaign, first: number, last: number): Whole {
  let nanos: Whole = 0;
  for (const [day, row] of campaign.days)
    if (day >= first && day <= last) nanos = plus(nanos, row.compactSum(sumAt.spendNanos));
  for (const day of campaign.oldDays.numbers)
    if (day >= first && day <= last) nanos = plus(nanos, spendOfDay(campaign, day));
  return nanos;
}

function ofDay({ days, oldDays, books }: Campaign, day: number, place: number): Whole {
  const row = days.get(day);
  if (row !== undefined) return row.compactSum(place);
  if (oldDays.isEmpty || !oldDays.numbers.includes(day)) return 0;
  const copy = oldDays.read(day, books) as DayRow;
  const sum = copy.compactSum(place);
  copy.forget();
  return sum;
}
