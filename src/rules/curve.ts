import { z } from 'zod';
import { calendarMinutes, type LocalTime, localTimeSchema, readLocalTime } from './local-time.ts';

/** Pieces of a CUSTOM flight: which share of its goal lies from when on, to the next piece or the curve's end. */

/** What all shares of a curve may come to: then the weight of the smallest is still divided a thousand times. */
export const sharesMax = 1e12;
export const piecesMax = 366;

interface Curve {
  readonly pieces: readonly { readonly from: string; readonly share: number }[];
  /** The last day, inclusive; or, with a time, the instant at which it ends. */
  readonly until: string;
  readonly inside: 'even' | 'traffic';
}

export const curveSchema = z
  .strictObject({
    pieces: z
      .array(z.strictObject({ from: localTimeSchema, share: z.int().min(0).max(sharesMax) }))
      .min(1)
      .max(piecesMax),
    until: localTimeSchema,
    inside: z.enum(['even', 'traffic']),
  })
  .superRefine((curve, context) => {
    for (const { path, message } of curveProblems(curve)) context.addIssue({ code: 'custom', path, message });
  });

/** What is wrong with a curve as a whole: pieces that do not follow each other, or share nothing. */
function curveProblems({ pieces, until }: Curve): { readonly path: (string | number)[]; readonly message: string }[] {
  // What is no time has been said already.
  if ([until, ...pieces.map(({ from }) => from)].some((text) => readLocalTime(text) === null)) return [];
  const starts = pieces.map(({ from }) => calendarMinutes(timeOf(from)));
  const problems = starts.flatMap((start, at) => {
    if (at === 0 || start > starts[at - 1]) return [];
    const message = `begins at ${pieces[at].from}, which is not after ${pieces[at - 1].from}`;
    return [{ path: ['pieces', at, 'from'], message }];
  });
  const end = timeOf(until);
  if (calendarMinutes(end) + (end.minute === null ? 1_440 : 0) <= (starts.at(-1) ?? 0))
    problems.push({ path: ['until'], message: `is over before the last piece begins, at ${pieces.at(-1)?.from}` });
  const all = pieces.reduce((sum, { share }) => sum + share, 0);
  if (all === 0) problems.push({ path: ['pieces'], message: 'share out nothing' });
  if (all > sharesMax) problems.push({ path: ['pieces'], message: 'are shared out to more digits than twelve' });
  return problems;
}

interface CurveTimes {
  readonly pieces: readonly { readonly from: LocalTime; readonly share: number }[];
  readonly until: LocalTime;
}

const timesOf = new WeakMap<Curve, CurveTimes>();

/** The times of a curve of a plan, read once. */
export function curveTimes(curve: Curve): CurveTimes {
  let times = timesOf.get(curve);
  if (times === undefined) {
    const pieces = curve.pieces.map(({ from, share }) => ({ from: timeOf(from), share }));
    times = { pieces, until: timeOf(curve.until) };
    timesOf.set(curve, times);
  }
  return times;
}

function timeOf(text: string): LocalTime {
  return readLocalTime(text) as LocalTime;
}
