import { z } from 'zod';
import { curveSchema, piecesMax, sharesMax } from '../rules/curve.ts';

/** A curve as people write it: pieces in per cent, or in whatever its goal counts, which must come to all of it. */

const amount = z.number().min(0).max(sharesMax);
const piece = z
  .strictObject({ from: z.string(), percent: amount.max(100).optional(), goal: amount.optional() })
  .refine(({ percent, goal }) => (percent === undefined) !== (goal === undefined), 'needs either percent or goal');
type WrittenPiece = z.infer<typeof piece>;

const digitsMax = 6;

export const curveSection = z
  .strictObject({
    /** What the pieces come to, where they say a goal. */
    goal: amount.optional(),
    until: z.string(),
    inside: z.enum(['even', 'traffic']).default('even'),
    pieces: z.array(piece).min(1).max(piecesMax),
  })
  .transform((written, context) => {
    const read = readShares(written.pieces, written.goal);
    if (Array.isArray(read)) {
      const pieces = written.pieces.map(({ from }, at) => ({ from, share: read[at] }));
      return { pieces, until: written.until, inside: written.inside };
    }
    context.issues.push({ code: 'custom', path: read.path, message: read.message, input: written });
    return z.NEVER;
  })
  .pipe(curveSchema);

interface Trouble {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Whole shares, or why there are none. */
function readShares(pieces: readonly WrittenPiece[], goal: number | undefined): number[] | Trouble {
  const unit = goal === undefined ? 'percent' : 'goal';
  const other = pieces.findIndex((each) => each[unit] === undefined);
  if (other >= 0) {
    const hint = goal === undefined ? 'percent, or the curve its goal' : 'a goal, as the curve does';
    return { path: ['pieces', other], message: `must say ${hint}` };
  }
  const amounts = pieces.map((each) => each[unit] ?? 0);
  const digits = Math.max(...[...amounts, goal ?? 100].map(digitsOf));
  if (digits > digitsMax) return { path: ['pieces'], message: `have more than ${digitsMax} digits after the point` };
  const shares = amounts.map((each) => Math.round(each * 10 ** digits));
  const sum = shares.reduce((all, share) => all + share, 0);
  if (sum === Math.round((goal ?? 100) * 10 ** digits)) return shares;
  const all = sum / 10 ** digits;
  const message =
    goal === undefined ? `come to ${all} percent, not 100` : `come to ${all}, and the goal of the curve is ${goal}`;
  return { path: ['pieces'], message };
}

/** Digits after the point, as the shortest text has them. */
function digitsOf(value: number): number {
  const text = String(value);
  return text.includes('e') ? digitsMax + 1 : (text.split('.')[1] ?? '').length;
}
