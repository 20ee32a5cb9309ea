import { dayMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';

/** What a campaign delivered in a part of an hour, as a feed will report it. */
export interface FeedPart {
  readonly from: number;
  readonly until: number;
  readonly micros: number;
  readonly impressions: number;
  readonly clicks: number;
}

/** No feed is further behind. */
const reachMs = 8 * dayMs;

/** The parts of a campaign that a feed may still have to report, oldest first. */
export class FeedBook {
  #parts: FeedPart[] = [];

  add(part: FeedPart): void {
    this.#parts = [...this.#parts.filter(({ from }) => from >= part.from - reachMs), part];
  }

  /** All that began on a local day. */
  ofDay(zone: Zone, day: number): FeedPart {
    return this.#sum(zone.dayStart(day), zone.dayStart(day + 1));
  }

  /** All that began in [from, until). */
  between(from: number, until: number): FeedPart {
    return this.#sum(from, until);
  }

  #sum(from: number, until: number): FeedPart {
    const within = this.#parts.filter((part) => part.from >= from && part.from < until);
    const add = (of: (part: FeedPart) => number) => within.reduce((sum, part) => sum + of(part), 0);
    return {
      from,
      until,
      micros: add(({ micros }) => micros),
      impressions: add(({ impressions }) => impressions),
      clicks: add(({ clicks }) => clicks),
    };
  }
}
