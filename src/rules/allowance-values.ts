import { floorShare, type Whole } from '../model/whole.ts';
import type { PacingValues } from '../pacing/pacing.ts';
import { type CampaignPlan, type PlanDefaults, planValues } from './plan.ts';

/**
 * What a platform may spend in a week and over a flight, beside the day and the month (docs/semantics.md §8.6), worked out where
 * a rule names it. Declared here once: conditions, docs/rules.md and what is worked out go by it. Pure.
 */
type Declared = readonly [type: 'double' | 'string', meaning: string, absentFor: string];

const oldWeek = 'weeks that began more than 33 days ago';
const noDay = 'ASAP flights without a daily cap, and after the end; goals that are no money';
const noMoney = 'goals that are no money and have no limit';

export const allowanceValues = {
  'p.week_spend': ['double', 'Spend of the campaign in the week of the judged day, currency units.', oldWeek],
  'p.week_allowed': [
    'double',
    '7 times the booked budget of a day, times the allowance of a week, currency units.',
    noDay,
  ],
  'p.week_spent_pct': [
    'double',
    'Spend of the week over 7 times the booked budget of a day, %.',
    `${oldWeek}; ${noDay}; budgets of 0`,
  ],
  'p.week_allowance_pct': [
    'double',
    'What the platform may spend in a week, % of 7 times the booked budget of a day.',
    '–',
  ],
  'p.flight_allowed': ['double', 'The budget times the allowance of a flight, currency units.', noMoney],
  'p.flight_allowance_pct': ['double', 'What the platform may spend over the flight, % of its budget.', '–'],
} as const satisfies Record<string, Declared>;
export type AllowanceName = keyof typeof allowanceValues;

/** What the platform may spend, basis points, and on which day its weeks begin: 0 = Monday. */
interface Allowances {
  readonly weekBp: number;
  readonly flightBp: number;
  readonly weekStarts: number;
}

type Named = Pick<CampaignPlan, 'week_allowance_bp' | 'flight_allowance_bp' | 'week_starts'>;

const weekDays = planValues.weekDay.options;

export function allowancesOf(own: Named, defaults: Named | PlanDefaults): Allowances {
  return {
    weekBp: own.week_allowance_bp ?? defaults.week_allowance_bp ?? 10_000,
    flightBp: own.flight_allowance_bp ?? defaults.flight_allowance_bp ?? 10_000,
    weekStarts: weekDays.indexOf(own.week_starts ?? defaults.week_starts ?? 'monday'),
  };
}

/** The first day of the week of `day`; day 0, 1970-01-01, was a Thursday. */
export function firstOfWeek(day: number, weekStarts: number): number {
  return day - ((((day + 3 - weekStarts) % 7) + 7) % 7);
}

/** `weekSpend` in micros, null where that week is not kept any more. */
export function allowanceValue(
  name: AllowanceName,
  { weekBp, flightBp }: Allowances,
  { budget, dayBudget, money, terms }: PacingValues,
  weekSpend: () => Whole | null,
): number | null {
  const day = money === null ? dayBudget : null;
  switch (name) {
    case 'p.week_spend':
      return inUnits(weekSpend());
    case 'p.week_allowed':
      return day === null ? null : inUnits(floorShare(day, 7 * weekBp, 10_000));
    case 'p.week_spent_pct': {
      const spend = day === null || day <= 0 ? null : weekSpend();
      return spend === null ? null : Number(floorShare(10_000, spend, 7 * Number(day))) / 100;
    }
    case 'p.week_allowance_pct':
      return weekBp / 100;
    case 'p.flight_allowance_pct':
      return flightBp / 100;
    case 'p.flight_allowed': {
      const all = money === null ? budget : terms.limit;
      return all === null ? null : inUnits(floorShare(all, flightBp, 10_000));
    }
  }
}

function inUnits(micros: Whole | null): number | null {
  return micros === null ? null : Number(micros) / 1e6;
}
