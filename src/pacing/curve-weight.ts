import type { PacingMode } from '../events/event-batch.ts';
import type { Weight } from './pacing-weight.ts';

/** Modes that run ahead of the clock at first: their weight of time depends on where it lies in the flight. */
const curves = { AHEAD: aheadOf, FRONT_LOADED: frontLoadedOf } as const;
export type CurveMode = keyof typeof curves;

export function isCurve(mode: PacingMode): mode is CurveMode {
  return Object.hasOwn(curves, mode);
}

/** What a whole flight weighs. With it a share of any budget is off by less than what is paid in. */
const flightWeight = 1e15;

/** The weight of a flight in [start, end) by docs/semantics.md §6.4: whole numbers that only grow, and end at 10^15. */
export function curveWeight(mode: CurveMode, start: number, end: number): Weight {
  const length = end - start;
  const curve = length > 0 ? curves[mode](length) : null;
  const before = (at: number) => {
    if (curve === null || at <= start) return 0;
    return at >= end ? flightWeight : curve.before(at - start);
  };
  return {
    between: (from, to) => (to <= from ? 0 : before(to) - before(from)),
    reach: (from, need) => {
      if (need <= 0) return from;
      const target = before(from) + need;
      const guess = start + Math.round(curve === null ? 0 : curve.guess(target / flightWeight));
      return leastReaching((at) => before(at) >= target, from, Math.max(from, guess));
    },
  };
}

interface Curve {
  /** Weight of the first `passed` ms. */
  before(passed: number): number;
  /** About when a share of the weight has passed, ms. */
  guess(share: number): number;
}

/** F(φ) = 1 − (1 − φ)^1.2: at each instant 1.2 times what is left over the time that is left. */
function aheadOf(length: number): Curve {
  const lengthPower = BigInt(length) ** 6n;
  const wholePower = BigInt(flightWeight) ** 5n;
  return {
    before: (passed) => {
      const left = length - passed;
      const needed = wholePower * BigInt(left) ** 6n;
      const holds = (rest: number) => BigInt(rest) ** 5n * lengthPower >= needed;
      // What doubles find is off by a few at most; whole numbers decide.
      let rest = Math.ceil(flightWeight * (left / length) ** 1.2);
      while (rest > 0 && holds(rest - 1)) rest -= 1;
      while (!holds(rest)) rest += 1;
      return flightWeight - rest;
    },
    guess: (share) => length * (1 - Math.max(0, 1 - share) ** (1 / 1.2)),
  };
}

/** F(φ) = φ + 0.4 · φ(1 − φ): starts 40 % above the even rate, and ends as far below it. */
function frontLoadedOf(length: number): Curve {
  const whole = BigInt(length);
  const divisor = 5n * whole * whole;
  return {
    before: (passed) => {
      const p = BigInt(passed);
      return Number((BigInt(flightWeight) * p * (7n * whole - 2n * p)) / divisor);
    },
    guess: (share) => (length * (7 - Math.sqrt(Math.max(0, 49 - 40 * share)))) / 4,
  };
}

/** The least whole number ≥ `from` that `reaches`, which all larger ones do; it is looked for around `guess`. */
function leastReaching(reaches: (at: number) => boolean, from: number, guess: number): number {
  let [low, high] = [guess - 1, guess];
  for (let step = 1; !reaches(high); step *= 2) [low, high] = [high, high + step];
  for (let step = 1; low >= from && reaches(low); step *= 2) [low, high] = [low - step, low];
  low = Math.max(low, from - 1);
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (reaches(middle)) high = middle;
    else low = middle;
  }
  return high;
}
