import { microsOf } from '../model/money.ts';
import { hourMs, type LogTimeMs, quarterMs } from '../model/time.ts';
import type { Whole } from '../model/whole.ts';
import type { Campaign } from './campaign.ts';
import { impressionsBetween, spendBetween } from './flight-books.ts';

/** Counters that are kept by the hour, as bits of `asked`. */
export const hourCounter = { spend: 1, impressions: 2 } as const;

/** Hours of a campaign that are kept, one behind the other in a ring: 26 days and a half, 8 KB with both counters and what holds them. */
export const hoursKept = 636;
/** So many hours are kept anew at a time, the oldest that can still be told by the quarter-hour first. */
const keptAtATime = 13;
/** What is kept is cut to what its place holds. */
const spendMax = Number.MAX_SAFE_INTEGER;
const impressionsMax = 2 ** 31 - 1;
/** Impressions of an hour that was not kept; of spend it is NaN. */
const unknown = -(2 ** 31);

/**
 * What a campaign spent and showed in hours of the clock (UTC) that its quarter-hours no longer tell, from when a rule
 * first asked: what windows of hours are compared with (docs/semantics.md §8.6).
 */
export class HourBooks {
  /** Bits of `hourCounter`. */
  readonly asked: number;
  /** The oldest hour that could be told when hours were kept last, since the epoch; none are kept again before it moved. */
  oldestTold: number;
  /** The newest hour that is kept, or none. */
  newest: number;
  /** Hours that were kept since the last harvest, first and last; nothing was when they are out of order. */
  changedFrom = Number.POSITIVE_INFINITY;
  changedTo = Number.NEGATIVE_INFINITY;
  readonly #spend: Float64Array | null;
  readonly #impressions: Int32Array | null;

  constructor(asked: number, oldestTold = Number.NEGATIVE_INFINITY, newest = Number.NEGATIVE_INFINITY) {
    this.asked = asked;
    this.oldestTold = oldestTold;
    this.newest = newest;
    this.#spend = (asked & hourCounter.spend) === 0 ? null : new Float64Array(hoursKept).fill(Number.NaN);
    this.#impressions = (asked & hourCounter.impressions) === 0 ? null : new Int32Array(hoursKept).fill(unknown);
  }

  /** Micros; null = the hour is not known. */
  spendOf(hour: number): number | null {
    if (this.#spend === null || hour > this.newest || hour <= this.newest - hoursKept) return null;
    const micros = this.#spend[placeOf(hour)];
    return Number.isNaN(micros) ? null : micros;
  }

  impressionsOf(hour: number): number | null {
    if (this.#impressions === null || hour > this.newest || hour <= this.newest - hoursKept) return null;
    const count = this.#impressions[placeOf(hour)];
    return count === unknown ? null : count;
  }

  keep(hour: number, micros: Whole | null, impressions: number | null): void {
    if (hour <= this.newest - hoursKept) return;
    // Hours between that nobody kept are those of a month ago no more.
    for (let at = Math.max(this.newest + 1, hour - hoursKept + 1); at <= hour; at++) this.#write(at, null, null);
    this.newest = Math.max(this.newest, hour);
    this.#write(hour, micros, impressions);
    this.changedFrom = Math.min(this.changedFrom, hour);
    this.changedTo = Math.max(this.changedTo, hour);
  }

  #write(hour: number, micros: Whole | null, impressions: number | null): void {
    const place = placeOf(hour);
    if (this.#spend !== null) this.#spend[place] = micros === null ? Number.NaN : cut(micros, spendMax);
    if (this.#impressions !== null)
      this.#impressions[place] = impressions === null ? unknown : cut(impressions, impressionsMax);
  }

  /** Money was in another currency. */
  forgetSpend(): void {
    this.#spend?.fill(Number.NaN);
    this.changedFrom = this.newest - hoursKept + 1;
    this.changedTo = this.newest;
  }

  settle(): void {
    this.changedFrom = Number.POSITIVE_INFINITY;
    this.changedTo = Number.NEGATIVE_INFINITY;
  }
}

function placeOf(hour: number): number {
  return ((hour % hoursKept) + hoursKept) % hoursKept;
}

function cut(value: Whole, max: number): number {
  const number = Number(value);
  return Math.min(max, Math.max(-max, number));
}

/** The oldest hour of which the campaign's quarter-hours tell all, by its number since the epoch. */
export function oldestHourTold({ books }: Campaign, clock: LogTimeMs): number {
  return Math.ceil(((Math.floor(clock / quarterMs) - books.quartersBehind) * quarterMs) / hourMs);
}

/** Keeps what is about to be told no more, once for every hour that goes by; true when anything changed. */
export function keepHours(campaign: Campaign, asked: number, clock: LogTimeMs): boolean {
  if (asked === 0) {
    if (campaign.hours === null) return false;
    campaign.hours = null;
    return true;
  }
  const oldest = oldestHourTold(campaign, clock);
  let { hours } = campaign;
  if (hours === null || hours.asked !== asked) {
    hours = askedAnew(hours, asked);
    campaign.hours = hours;
  }
  if (oldest <= hours.oldestTold) return false;
  hours.oldestTold = oldest;
  for (let hour = oldest; hour < oldest + keptAtATime; hour++) {
    const [from, to] = [hour * hourMs, (hour + 1) * hourMs];
    hours.keep(hour, microsOf(spendBetween(campaign, from, to, clock)), impressionsBetween(campaign, from, to, clock));
  }
  return true;
}

/** With what is known of counters that are asked for again. */
function askedAnew(before: HourBooks | null, asked: number): HourBooks {
  const hours = new HourBooks(asked);
  if (before === null) return hours;
  for (let hour = before.newest - hoursKept + 1; hour <= before.newest; hour++)
    hours.keep(hour, before.spendOf(hour), before.impressionsOf(hour));
  return hours;
}
