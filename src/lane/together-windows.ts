import { microsOf } from '../model/money.ts';
import { floorTo, hourMs, type LogTimeMs, quarterMs } from '../model/time.ts';
import { plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { moneyCounters, type WindowCounter, windowCounters } from '../rules/measures.ts';
import type { Window, WindowBooks } from '../rules/window-values.ts';
import type { Campaign } from './campaign.ts';
import type { Standpoint } from './completeness.ts';
import { impressionsBetween, spendBetween } from './flight-books.ts';
import { counterOfDays } from './window-books.ts';

/** Where campaigns stand together, as far as windows hang on it. */
interface TogetherMoment {
  /** As far as the sources of all of them are complete; null = nobody can say. */
  readonly at: Standpoint | null;
  readonly zone: Zone;
  readonly clock: LogTimeMs;
  /** Some of them say that delivery comes, so that none counted is zero. */
  readonly expectsDelivery: boolean;
  /** Their money adds up. */
  readonly isOneCurrency: boolean;
}

/** The windows of campaigns together: sums of their own, all up to one instant (docs/semantics.md §8.8). */
export class TogetherWindows implements Pick<WindowBooks, 'sum'> {
  readonly #campaigns: readonly Campaign[];
  readonly #moment: TogetherMoment;

  constructor(campaigns: readonly Campaign[], moment: TogetherMoment) {
    this.#campaigns = campaigns;
    this.#moment = moment;
  }

  sum(counter: WindowCounter, window: Window): Whole | null {
    const { at, expectsDelivery, isOneCurrency } = this.#moment;
    if (at === null || (moneyCounters.has(counter) && !isOneCurrency)) return null;
    const ofOne = this.#ofOne(counter, window, at);
    if (ofOne === null) return null;
    let sum: Whole = 0;
    for (const campaign of this.#campaigns) sum = plus(sum, ofOne(campaign));
    return windowCounters[counter].isDelivery && !expectsDelivery && sum === 0 ? null : sum;
  }

  #ofOne(counter: WindowCounter, window: Window, { asOf, isDaily }: Standpoint): ((of: Campaign) => Whole) | null {
    const { zone } = this.#moment;
    if (window.of === 'days') {
      const last = zone.localDay(asOf) - 1;
      return (campaign) => counterOfDays(campaign, counter, last - window.count + 1, last);
    }
    // At a midnight it is the day that ends there.
    const today = zone.localDay(asOf - 1);
    if (window.of === 'today') {
      if (isDaily) return (campaign) => counterOfDays(campaign, counter, today, today);
      return this.#fineSince(counter, zone.dayStart(today), asOf);
    }
    if (isDaily || window.of !== 'hours') return null;
    return this.#fineSince(counter, floorTo(asOf - window.count * hourMs, quarterMs), asOf);
  }

  #fineSince(counter: WindowCounter, from: number, asOf: number): (of: Campaign) => Whole {
    const { clock } = this.#moment;
    if (counter === 'spend') return (campaign) => microsOf(spendBetween(campaign, from, asOf, clock));
    return (campaign) => impressionsBetween(campaign, from, asOf, clock);
  }
}
