import { BoundedMap } from '../model/bounded-map.ts';
import { assert } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { dayMs, floorTo, hourMs, quarterMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';

/** How expectation is spread over a flight: W(a, b) of docs/semantics.md §6.4. All weights are safe integers. */
export interface Weight {
  between(from: number, to: number): number;
  /** Least whole millisecond u with W(from, u) ≥ need. Ask only for what W(from, end) holds. */
  reach(from: number, need: number): number;
  /** Stretches that each have a whole number of units; absent = there are none. */
  readonly pieces?: readonly { readonly from: number; readonly to: number }[];
}

export const evenWeight: Weight = {
  between: (from, to) => Math.max(0, to - from),
  reach: (from, need) => from + need,
};

const weekMs = 7 * dayMs;
/** Monday 1970-01-05 is day 4. */
const mondayOffsetMs = 4 * dayMs;
/** Weights by the hour, or by the quarter-hour. */
const profileLengths = [weekMs / hourMs, weekMs / quarterMs];
const blockQuarters = 2_688; // Four weeks.

/** Weight by the local hour or quarter-hour of the week; prefix sums over quarter-hours, grown where asked. */
class TrafficWeight implements Weight {
  readonly #zone: Zone;
  readonly #profile: readonly number[];
  #firstQuarter = 0;
  /** `#sums[i]` = weight of all quarters before `#firstQuarter + i`. */
  #sums = new Float64Array(1);
  #weights = new Float64Array(0);

  constructor(zone: Zone, profile: readonly number[]) {
    assert(profileLengths.includes(profile.length), 'a profile has 168 or 672 weights');
    this.#zone = zone;
    this.#profile = profile;
  }

  between(from: number, to: number): number {
    return to <= from ? 0 : this.#before(to, from) - this.#before(from, to);
  }

  reach(from: number, need: number): number {
    const target = this.#before(from, from) + need;
    let low = Math.floor(from / quarterMs);
    let step = 4;
    while (this.#before((low + step) * quarterMs, from) < target) step *= 2;
    let high = low + step;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#before(middle * quarterMs, from) < target) low = middle;
      else high = middle;
    }
    const rest = target - this.#before(low * quarterMs, from);
    const weight = this.#weights[low - this.#firstQuarter];
    return Math.max(from, low * quarterMs + (weight === 0 ? 0 : Math.ceil(rest / weight)));
  }

  /** Weight before `at`, from an origin that only moves when an earlier instant is asked for. */
  #before(at: number, partner: number): number {
    this.#cover(Math.floor(Math.min(at, partner) / quarterMs), Math.floor(Math.max(at, partner) / quarterMs) + 1);
    const start = floorTo(at, quarterMs);
    const i = start / quarterMs - this.#firstQuarter;
    return this.#sums[i] + this.#weights[i] * (at - start);
  }

  #cover(first: number, last: number): void {
    const count = this.#weights.length;
    if (count > 0 && first >= this.#firstQuarter && last <= this.#firstQuarter + count) return;
    const from = floorTo(count === 0 ? first : Math.min(first, this.#firstQuarter), blockQuarters);
    const to = floorTo(Math.max(last, this.#firstQuarter + count), blockQuarters) + blockQuarters;
    const weights = new Float64Array(to - from);
    const sums = new Float64Array(to - from + 1);
    for (let i = 0; i < weights.length; i++) {
      weights[i] = this.#profile[localSlotOfWeek(this.#zone, (from + i) * quarterMs, weekMs / this.#profile.length)];
      sums[i + 1] = sums[i] + weights[i] * quarterMs;
    }
    this.#firstQuarter = from;
    this.#weights = weights;
    this.#sums = sums;
  }
}

/** Monday 00:00 local = 0. */
function localSlotOfWeek(zone: Zone, at: number, slotMs: number): number {
  const since = (at + zone.offsetAt(at) - mondayOffsetMs) % weekMs;
  return Math.floor((since < 0 ? since + weekMs : since) / slotMs);
}

type ByZone = BoundedMap<string, Weight>;

/** Weights are shared: many organizations follow one profile, and its sums take a while to make. */
const weightsByText = new BoundedMap<string, ByZone>(limits.profilesKeptMax);
/** The same by the plan's own array, to find them without making its text again. */
const weightsByProfile = new WeakMap<readonly number[], ByZone>();

export function trafficWeight(zone: Zone, profile: readonly number[]): Weight {
  let byZone = weightsByProfile.get(profile);
  if (byZone === undefined) {
    byZone = weightsOfText(profile.join());
    weightsByProfile.set(profile, byZone);
  }
  let weight = byZone.get(zone.id);
  if (weight === undefined) {
    weight = new TrafficWeight(zone, profile);
    byZone.set(zone.id, weight);
  }
  return weight;
}

function weightsOfText(text: string): ByZone {
  let byZone = weightsByText.get(text);
  if (byZone === undefined) {
    byZone = new BoundedMap(limits.profilesKeptMax);
    weightsByText.set(text, byZone);
  }
  return byZone;
}
