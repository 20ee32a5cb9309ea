import { ceilShare, floorShare, minus, plus, times, type Whole } from '../model/whole.ts';
import { evenWeight, type Weight } from './pacing-weight.ts';

/** A stretch of a flight that has its own share of the goal. */
export interface Piece {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** What a whole curve weighs at most; a share of it is exact, as it is a whole multiple. */
const curveWeightMax = 1e15;

/**
 * The weight of a flight that is booked in pieces (docs/semantics.md §6.4): each has its share, which lies inside of it as
 * `inside` says. The pieces follow each other without a gap, and share out something.
 */
export function customWeight(pieces: readonly Piece[], inside: Weight): Weight {
  const shares = pieces.reduce((sum, { share }) => sum + share, 0);
  const scale = Math.floor(curveWeightMax / shares);
  let sum = 0;
  const parts = pieces.map(({ from, to, share }) => {
    const shape = inside.between(from, to) > 0 ? inside : evenWeight;
    const part = { from, to, shape, before: sum, weight: scale * share, whole: shape.between(from, to) };
    sum += part.weight;
    return part;
  });
  const whole = sum;
  const before = (at: number): number => {
    const part = parts.find(({ to }) => at < to);
    if (part === undefined) return whole;
    if (at <= part.from) return part.before;
    return part.before + Number(floorShare(part.weight, part.shape.between(part.from, at), part.whole));
  };
  return {
    pieces,
    between: (from, to) => (to <= from ? 0 : before(to) - before(from)),
    reach: (from, need) => {
      if (need <= 0) return from;
      const target = before(from) + need;
      const part = parts.find((each) => each.before + each.weight >= target) ?? parts[parts.length - 1];
      const within = Number(ceilShare(target - part.before, part.whole, part.weight));
      return Math.max(from, part.shape.reach(part.from, within));
    },
  };
}

/**
 * How much of `amount`, which lies over all pieces that end after `from`, lies before `to`: each piece has a whole number, the
 * largest remainders those units that rounding leaves, so that they come to the amount exactly.
 */
export function shareOfPieces(weight: Weight, amount: Whole, from: number, to: number): Whole {
  const left = (weight.pieces ?? []).flatMap((piece) => {
    const since = Math.max(from, piece.from);
    const weighs = weight.between(since, piece.to);
    return weighs > 0 ? [{ since, to: piece.to, weighs }] : [];
  });
  const goals = largestRemainders(
    amount,
    left.map(({ weighs }) => weighs),
  );
  let sum: Whole = 0;
  for (const [at, piece] of left.entries()) {
    if (to >= piece.to) sum = plus(sum, goals[at]);
    else if (to > piece.since) sum = plus(sum, floorShare(goals[at], weight.between(piece.since, to), piece.weighs));
  }
  return sum;
}

/** Whole numbers that come to `amount`, as near to their weights as can be; of equal remainders the first has the unit. */
export function largestRemainders(amount: Whole, weights: readonly number[]): Whole[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  const goals = weights.map((weight) => floorShare(amount, weight, all));
  const remainders = weights.map((weight, at) => minus(times(amount, weight), times(goals[at], all)));
  const missing = Number(goals.reduce<Whole>((rest, goal) => minus(rest, goal), amount));
  const order = weights.map((_, at) => at).sort((a, b) => compare(remainders[b], remainders[a]) || a - b);
  for (const at of order.slice(0, missing)) goals[at] = plus(goals[at], 1);
  return goals;
}

function compare(a: Whole, b: Whole): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
