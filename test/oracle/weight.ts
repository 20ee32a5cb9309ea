import type { Plan } from '../../src/rules/plan.ts';
import { hourOfWeek, offsetAt, startOfDay } from './civil-time.ts';
import { floorDivide, floorTo, quarter } from './whole-numbers.ts';

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

type Curve = NonNullable<Plan['curves']>[string];

interface Piece {
  readonly from: number;
  readonly to: number;
  readonly share: bigint;
}

/** The instant that a local text means: the day's first, or the first quarter-hour from it whose clock shows the time or more. */
export function instantOfText(zone: string, text: string, isEnd = false): number {
  const [date, time] = text.split('T');
  const localDate = Date.parse(`${date}T00:00:00Z`) / 86_400_000;
  if (time === undefined) return startOfDay(zone, isEnd ? localDate + 1 : localDate);
  const wanted = Date.parse(`${text}:00Z`);
  let at = startOfDay(zone, localDate);
  const over = startOfDay(zone, localDate + 1);
  while (at < over && at + offsetAt(zone, at) < wanted) at += quarter;
  return Math.min(at, over);
}

export function piecesWithin({ pieces, until }: Curve, zone: string, s: number, e: number): Piece[] {
  const times = [...pieces.map(({ from }) => instantOfText(zone, from)), instantOfText(zone, until, true)];
  const cut = times.map((at) => Math.max(s, Math.min(at, e)));
  const all = pieces.map(({ share }, k) => ({ from: cut[k], to: cut[k + 1], share: BigInt(share) }));
  return all.filter(({ from, to }) => to > from);
}

/** A flight in pieces; null = none of its time has a share. */
export class PiecesWeight implements Weight {
  readonly pieces: readonly Piece[];
  readonly #inside: Weight;
  readonly #unit: bigint;

  constructor(pieces: readonly Piece[], inside: Weight) {
    this.pieces = pieces;
    this.#inside = inside;
    this.#unit = 10n ** 15n / pieces.reduce((sum, { share }) => sum + share, 0n);
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

  /** Of `amount`, which lies over what is left from `c` on, what lies before `at`. */
  spread(amount: bigint, c: number, at: number): bigint {
    const left = this.pieces
      .map(({ from, to }) => ({ since: Math.max(from, c), to }))
      .map((piece) => ({ ...piece, weight: this.between(piece.since, piece.to) }))
      .filter(({ weight }) => weight > 0n);
    const whole = left.reduce((sum, { weight }) => sum + weight, 0n);
    const goals = left.map(({ weight }) => floorDivide(amount * weight, whole));
    const rests = left.map(({ weight }, k) => amount * weight - goals[k] * whole);
    for (let missing = amount - goals.reduce((sum, goal) => sum + goal, 0n); missing > 0n; missing--) {
      const next = rests.reduce((best, rest, k) => (rest > rests[best] ? k : best), 0);
      goals[next] += 1n;
      rests[next] = -1n;
    }
    return left.reduce((sum, { since, to, weight }, k) => {
      if (at >= to) return sum + goals[k];
      return at <= since ? sum : sum + floorDivide(goals[k] * this.between(since, at), weight);
    }, 0n);
  }

  #upTo(u: number): bigint {
    return this.pieces.reduce((sum, { from, to, share }) => {
      const all = this.#unit * share;
      if (u >= to) return sum + all;
      if (u <= from) return sum;
      const shape = this.#inside.between(from, to) > 0n ? this.#inside : evenWeight;
      return sum + (all * shape.between(from, u)) / shape.between(from, to);
    }, 0n);
  }
}
