import { plus, type Whole } from '../model/whole.ts';

/** One amount that a record adds to sums of its campaign. */
export interface Amount {
  /** Field of the record, for whoever sent it. */
  readonly field: string;
  /** `count`: a counter of a day. `exact`: money in micros, or conversions in millionths. */
  readonly of: 'count' | 'exact';
  readonly value: number;
}

/**
 * What all sums of a campaign stay within, whatever subset of its records they add up: counters within
 * the safe integers (2^53), exact sums within the 64 bits of their columns (2^63). Half of it is weighed;
 * the other half is for what is too light to be weighed, which no log is long enough to fill (2^42 and
 * 2^36 records of one campaign).
 */
export const weightMax = { count: 2 ** 52, exact: 2 ** 62 } as const;
/** What is no larger weighs nothing: so the plain event of a campaign costs nothing here. */
export const lightMax = { count: 2 ** 10, exact: 2 ** 26 } as const;

interface Side {
  count: number;
  exact: Whole;
}

/** What an exact amount weighs upwards. */
function weightOf(value: number): number {
  return value > lightMax.exact ? Math.ceil(value) : 0;
}

/** How much the sums of a campaign hold, upwards and downwards; campaigns of light records have none. */
export class CampaignWeight {
  readonly up: Side = { count: 0, exact: 0 };
  readonly down: Side = { count: 0, exact: 0 };
  /** Put something on since the last harvest. */
  isDirty = false;

  /**
   * Takes back what counts no more and puts the amounts on; or names the first that goes beyond what a campaign takes,
   * and changes nothing.
   */
  put(amounts: readonly Amount[], back: readonly Amount[] = []): Amount | null {
    const { up, down } = this;
    const before = [up.count, up.exact, down.count, down.exact] as const;
    for (const amount of back) this.#add(amount, -1);
    for (const amount of amounts) {
      if (this.#add(amount, 1) <= weightMax[amount.of]) continue;
      [up.count, up.exact, down.count, down.exact] = before;
      return amount;
    }
    this.isDirty = true;
    return null;
  }

  /** As `put` of two exact amounts that replace nothing, without an object; false = one of them goes beyond. */
  putExact(a: number, b: number): boolean {
    const upwards = plus(weightOf(a), weightOf(b));
    const downwards = plus(weightOf(-a), weightOf(-b));
    const [up, down] = [plus(this.up.exact, upwards), plus(this.down.exact, downwards)];
    if ((upwards > 0 && up > weightMax.exact) || (downwards > 0 && down > weightMax.exact)) return false;
    this.up.exact = up;
    this.down.exact = down;
    this.isDirty = true;
    return true;
  }

  /** The side on which the amount weighs, with it; 0 when it is too light. */
  #add({ of, value }: Amount, sign: 1 | -1): Whole {
    if (Math.abs(value) <= lightMax[of]) return 0;
    const side = value > 0 ? this.up : this.down;
    const weight = sign * Math.ceil(Math.abs(value));
    if (of === 'count') side.count += weight;
    else side.exact = plus(side.exact, weight);
    return side[of];
  }
}
