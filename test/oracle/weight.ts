import type { Plan } from '../../src/rules/plan.ts';
import { hourOfWeek, offsetAt } from './civil-time.ts';
import { floorTo, quarter } from './whole-numbers.ts';

/** How a flight's budget is meant to flow: W(a, b) of docs/semantics.md §6.4. */
export interface Weight {
  between(a: number, b: number): bigint;
  /** Least u with between(a, u) ≥ wanted, looking no further than `end`; null when there is none before it. */
  reach(a: number, wanted: bigint, end: number): number | null;
}

export const evenWeight: Weight = {
  between: (a, b) => (a < b ? BigInt(b - a) : 0n),
  reach: (a, wanted, end) => {
    const u = BigInt(a) + wanted;
    return u >= BigInt(end) ? null : Number(u);
  },
};

/**
 * A traffic profile in a zone. `#sums[i]` is the weight from `#base` to the start of quarter-hour i, a
 * table of the plain sum, because every evaluation asks for sums over the whole flight.
 */
export class TrafficWeight implements Weight {
  readonly #zone: string;
  readonly #profile: readonly number[];
  #base = 0;
  #sums: bigint[] = [];

  constructor(zone: string, profile: readonly number[]) {
    this.#zone = zone;
    this.#profile = profile;
  }

  between(a: number, b: number): bigint {
    return a < b ? this.#upTo(b, a) - this.#upTo(a, b) : 0n;
  }

  reach(a: number, wanted: bigint, end: number): number | null {
    if (a >= end || this.between(a, end - 1) < wanted) return null;
    let low = a;
    let high = end - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.between(a, middle) >= wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #upTo(instant: number, other: number): bigint {
    this.#cover(Math.min(instant, other), Math.max(instant, other));
    const start = floorTo(instant, quarter);
    const sum = this.#sums[(start - this.#base) / quarter];
    return sum + BigInt(this.#at(start)) * BigInt(instant - start);
  }

  #at(quarterStart: number): number {
    if (this.#profile.length === 168) return this.#profile[hourOfWeek(this.#zone, quarterStart)];
    const local = quarterStart + offsetAt(this.#zone, quarterStart);
    return this.#profile[4 * hourOfWeek(this.#zone, quarterStart) + Math.floor((local / quarter) % 4)];
  }

  #cover(from: number, to: number): void {
    if (this.#sums.length === 0 || from < this.#base) {
      this.#base = floorTo(from, quarter) - 96 * quarter;
      this.#sums = [0n];
    }
    for (let i = this.#sums.length - 1; this.#base + i * quarter <= to; i++) {
      this.#sums.push(this.#sums[i] + BigInt(this.#at(this.#base + i * quarter)) * BigInt(quarter));
    }
  }
}

/** Weights that took fifty halvings each: the same instants are asked for again and again. */
const halved = new Map<string, bigint>();
const halvedMax = 100_000;

/** A flight of [s, e) that runs ahead of the clock: the weight of [s, u) is a whole number up to 10^15. */
export class CurveWeight implements Weight {
  readonly #mode: 'AHEAD' | 'FRONT_LOADED';
  readonly #s: number;
  readonly #e: number;

  constructor(mode: 'AHEAD' | 'FRONT_LOADED', s: number, e: number) {
    this.#mode = mode;
    this.#s = s;
    this.#e = e;
  }

  between(a: number, b: number): bigint {
    return a < b ? this.#upTo(b) - this.#upTo(a) : 0n;
  }

  reach(a: number, wanted: bigint, end: number): number | null {
    if (a >= end || this.between(a, end - 1) < wanted) return null;
    let [low, high] = [a, end - 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.between(a, middle) >= wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #upTo(u: number): bigint {
    const whole = 10n ** 15n;
    if (this.#e <= this.#s || u <= this.#s) return 0n;
    if (u >= this.#e) return whole;
    const length = BigInt(this.#e - this.#s);
    const passed = BigInt(u - this.#s);
    if (this.#mode === 'FRONT_LOADED') return (whole * passed * (7n * length - 2n * passed)) / (5n * length * length);
    const key = `${this.#s} ${this.#e} ${u}`;
    const found = halved.get(key);
    if (found !== undefined) return found;
    if (halved.size >= halvedMax) halved.clear();
    // 10^15 · ((e − u) / (e − s))^(6/5), rounded up, by halving what is possible.
    const left = (length - passed) ** 6n * whole ** 5n;
    let [low, high] = [-1n, whole];
    while (high - low > 1n) {
      const middle = (low + high) / 2n;
      if (middle ** 5n * length ** 6n >= left) high = middle;
      else low = middle;
    }
    halved.set(key, whole - high);
    return whole - high;
  }
}

const known = new WeakMap<readonly number[], Map<string, TrafficWeight>>();

/** One table per profile and zone; profiles are parsed once per plan, so their identity is their content. */
export function trafficWeight(zone: string, profile: readonly number[]): TrafficWeight {
  const byZone = known.get(profile) ?? new Map<string, TrafficWeight>();
  known.set(profile, byZone);
  const weight = byZone.get(zone) ?? new TrafficWeight(zone, profile);
  byZone.set(zone, weight);
  return weight;
}

type Daypart = NonNullable<Plan['dayparts']>[string];
const ofDayparts = new WeakMap<Daypart, readonly number[]>();

/** 1 in each quarter-hour of the week that lies in one of the windows, else 0. */
export function daypartWeight(zone: string, daypart: Daypart): TrafficWeight {
  const isServed = (slot: number) =>
    daypart.active.some(({ days, from, to }) => {
      const minute = (15 * slot) % 1_440;
      return days.includes(Math.floor(slot / 96) + 1) && from <= minute && minute < to;
    });
  const weights = ofDayparts.get(daypart) ?? Array.from({ length: 672 }, (_, slot) => (isServed(slot) ? 1 : 0));
  ofDayparts.set(daypart, weights);
  return trafficWeight(daypart.zone ?? zone, weights);
}
