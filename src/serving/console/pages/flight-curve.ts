import { html } from 'htm/preact';
import { useMemo } from 'preact/hooks';
import { Chart, type Line } from './chart.ts';
import { isMoney } from './goals.ts';
import { toMs, units } from './words.ts';

interface Point {
  readonly as_of: string;
  readonly goal: string;
  readonly budget_micros: string;
  readonly spend_micros: string | null;
  readonly expected_micros: string | null;
  readonly projected_micros: string | null;
}

interface CurveProps {
  readonly known: readonly Point[];
  readonly label: string;
  /** When the flight ends, and when somebody changed it. */
  readonly end: number | null;
  readonly changes: readonly number[];
}

/** Spend of a flight, or what it reached, against its expectation, with where it is heading. */
export function FlightCurve({ known, label, end, changes }: CurveProps) {
  const drawn = useMemo(() => linesOf(known, end), [known, end]);
  return html`<${Chart} label=${label} times=${drawn.times} lines=${drawn.lines} marks=${changes.map((at) => at / 1_000)} format=${(value: number) => Math.round(value).toLocaleString('en')} />`;
}

function linesOf(known: readonly Point[], end: number | null): { times: number[]; lines: Line[] } {
  // Of what was judged twice at one instant, the later word counts.
  const points = [...new Map(known.map((each) => [toMs(each.as_of) / 1_000, each])).entries()].sort(
    ([a], [b]) => a - b,
  );
  const last = points.at(-1);
  const ahead =
    last !== undefined && end !== null && end / 1_000 > last[0] && last[1].projected_micros !== null
      ? [end / 1_000]
      : [];
  const valuesOf = (pick: (each: Point, at: number) => string | null, end: string | null = null) => [
    ...points.map(([, each], at) => units(pick(each, at))),
    ...ahead.map(() => units(end)),
  ];
  const newest = last?.[1];
  const isGoal = newest !== undefined && !isMoney(newest);
  return {
    times: [...points.map(([at]) => at), ...ahead],
    lines: [
      {
        label: isGoal ? 'Reached' : 'Spent',
        color: 'accent',
        isFilled: true,
        width: 2.5,
        values: valuesOf((each) => each.spend_micros),
      },
      { label: 'Expected', color: 'ink', dash: [6, 5], width: 1.5, values: valuesOf((each) => each.expected_micros) },
      {
        label: 'Projection',
        color: 'accent',
        dash: [2, 5],
        values: valuesOf((each, at) => (at === points.length - 1 ? each.spend_micros : null), newest?.projected_micros),
      },
      {
        label: isGoal ? 'Goal' : 'Budget',
        color: 'good',
        width: 1.5,
        values: valuesOf((each) => each.budget_micros, newest?.budget_micros),
      },
    ],
  };
}
