import { dayMs } from '../../src/model/time.ts';
import type { Plan } from '../../src/rules/plan.ts';

type Curves = NonNullable<Plan['curves']>;
type Curve = Curves[string];

const dateOf = (day: number) => new Date(day * dayMs).toISOString().slice(0, 10);

/** The curve that a drawn plan has for a flight of these local days, if it has one. */
export function curveName(first: number, last: number): string {
  return `${dateOf(first)}.${dateOf(last)}`;
}

/** Days on which drawn flights begin: clocks change on some, and 02:30 is no time there. */
const firstDays = [
  [2, 6],
  [2, 7],
  [2, 28],
  [5, 13],
].map(([month, day]) => Date.UTC(2026, month, day) / dayMs);

/** Curves for flights of two to four days that begin then. */
export const drawnCurves: Curves = Object.fromEntries(
  firstDays.flatMap((first) =>
    [1, 2, 3].map((more): [string, Curve] => [curveName(first, first + more), curveOf(first, first + more)]),
  ),
);

function curveOf(first: number, last: number): Curve {
  const dark = { from: `${dateOf(last)}T02:30`, share: last % 2 === 0 ? 0 : 7 };
  return {
    pieces: [
      { from: dateOf(first), share: 3 },
      { from: `${dateOf(first)}T17:15`, share: 10 + (first % 7) },
      dark,
      { from: `${dateOf(last)}T06:45`, share: 4 },
    ],
    until: dateOf(last),
    inside: last % 3 === 0 ? 'traffic' : 'even',
  };
}
