import { hourMs } from '../model/time.ts';
import { floorShare, minus, positive, type Whole } from '../model/whole.ts';
import { goalScale } from '../pacing/goal.ts';
import type { PacingValues } from '../pacing/pacing.ts';

/**
 * Values in the unit of a flight's goal, and of the money beside one that is none: `p.goal…` and `p.limit…`
 * (docs/semantics.md §8.6). Declared here once: conditions, docs/rules.md and what is worked out go by it. Pure.
 */
type Declared = readonly [type: 'double' | 'string', meaning: string, absentFor: string];

const asap = 'flights paced ASAP';
const noCap = 'flights without a daily cap';
const noLimit = 'goals of money; goals without a limit';

export const goalValues = {
  'p.goal': [
    'string',
    'What the flight is paced by: `money`, `impressions`, `viewable_impressions`, `clicks`, `conversions`, `completed_views`.',
    '–',
  ],
  'p.goal_total': ['double', 'What is to be reached: currency units, or a count.', '–'],
  'p.goal_delivered': ['double', 'What was reached.', '–'],
  'p.goal_left': ['double', 'What is missing, 0 where nothing is.', '–'],
  'p.goal_expected': ['double', 'What was expected by now.', asap],
  'p.goal_projected': ['double', 'What is reached at the end, at the current rate.', 'the first quarter-hour'],
  'p.goal_required_daily': ['double', 'What is missing per 24 h of remaining flight.', 'flights that are over'],
  'p.goal_run_rate_daily': ['double', 'Current rate per 24 h.', 'the first quarter-hour'],
  'p.goal_day_delivered': ['double', 'Reached on the judged day.', '–'],
  'p.goal_day_target': ['double', "The day's share of what was missing when it began.", `${asap} without a daily cap`],
  'p.goal_day_budget': ['double', 'What is booked for the day.', `${asap} without a daily cap`],
  'p.goal_daily_cap': ['double', 'Daily cap.', noCap],
  'p.goal_daily_cap_allowed': ['double', 'Daily cap times the day allowance.', noCap],
  'p.goal_2h': ['double', 'Reached in the last two hours.', 'flights judged by days'],
  'p.goal_expected_2h': ['double', 'Expected in the last two hours.', `flights judged by days; ${asap}`],
  'p.limit': ['double', 'The most that a goal which is no money may cost, currency units.', noLimit],
  'p.limit_spent_pct': ['double', 'Spend over that limit, %.', noLimit],
  'p.limit_lead_hours': [
    'double',
    'Hours before the end at which the limit is spent at the current rate; 0 when it lasts.',
    `${noLimit}; the first quarter-hour`,
  ],
} as const satisfies Record<string, Declared>;
export type GoalName = keyof typeof goalValues;

export function goalValue(name: GoalName, values: PacingValues, end: number): number | string | null {
  switch (name) {
    case 'p.goal':
      return values.unit.toLowerCase();
    case 'p.limit':
    case 'p.limit_spent_pct':
    case 'p.limit_lead_hours':
      return ofLimit(name, values, end);
    default: {
      const amount = amountOf(name, values);
      return amount === null ? null : Number(amount) / goalScale(values.unit);
    }
  }
}

type LimitName = 'p.limit' | 'p.limit_spent_pct' | 'p.limit_lead_hours';

function ofLimit(name: LimitName, { money, terms }: PacingValues, end: number): number | null {
  if (money === null || terms.limit === null) return null;
  if (name === 'p.limit') return terms.limit / 1e6;
  if (name === 'p.limit_spent_pct') return Number(floorShare(10_000, money.spend, terms.limit)) / 100;
  if (money.limitReachedAt !== null) return (end - money.limitReachedAt) / hourMs;
  return money.projected === null ? null : 0;
}

function amountOf(name: Exclude<GoalName, LimitName | 'p.goal'>, values: PacingValues): Whole | null {
  switch (name) {
    case 'p.goal_total':
      return values.budget;
    case 'p.goal_delivered':
      return values.spend;
    case 'p.goal_left':
      return positive(minus(values.budget, values.spend));
    case 'p.goal_expected':
      return values.expected;
    case 'p.goal_projected':
      return values.projected;
    case 'p.goal_required_daily':
      return values.requiredPerDay;
    case 'p.goal_run_rate_daily':
      return values.runRatePerDay;
    case 'p.goal_day_delivered':
      return values.daySpend;
    case 'p.goal_day_target':
      return values.dayTarget;
    case 'p.goal_day_budget':
      return values.dayBudget;
    case 'p.goal_daily_cap':
      return values.terms.cap;
    case 'p.goal_daily_cap_allowed':
      return values.capAllowed;
    case 'p.goal_2h':
      return values.spend2h;
    case 'p.goal_expected_2h':
      return values.expected2h;
  }
}
