import { column } from './columns.ts';

const sinceGoals = { since: 3, fallback: null } as const;

/** How a flight stands in the unit of its goal, in `pacing_snapshots`. */
export const goalColumns = [
  column(
    'goal',
    'LowCardinality(String)',
    'What the flight is paced by, and what the `goal_` columns and all ratios count: MONEY, IMPRESSIONS, VIEWABLE_IMPRESSIONS, CLICKS, CONVERSIONS or COMPLETED_VIEWS. Where it is not MONEY, `budget_micros` is its limit (0 = none), `exhaustion_at` is when the goal is reached, and expectation, required rate, target and cap have no money.',
    { since: 3, fallback: 'MONEY' },
  ),
  column(
    'goal_total',
    'Nullable(Int64)',
    'What is to be reached at `as_of`: micros, millionths of conversions, or a count. Null, as all `goal_` columns, in rows written before there were any.',
    sinceGoals,
  ),
  column('goal_delivered', 'Nullable(Int64)', 'What was reached before `as_of`.', sinceGoals),
  column('goal_expected', 'Nullable(Int64)', 'What was expected by then; null when ASAP.', sinceGoals),
  column('goal_projected', 'Nullable(Int64)', 'What is reached at the end, at the current rate.', sinceGoals),
  column('goal_run_rate_per_day', 'Nullable(Int64)', 'Average per 24 h over the run-rate window.', sinceGoals),
  column('goal_required_per_day', 'Nullable(Int64)', 'What is missing per 24 h of remaining flight.', sinceGoals),
  column(
    'goal_day_target',
    'Nullable(Int64)',
    "Today's share of what was missing at local midnight, capped.",
    sinceGoals,
  ),
  column('goal_day_delivered', 'Nullable(Int64)', 'Since local midnight and before `as_of`.', sinceGoals),
  column('goal_daily_cap', 'Nullable(Int64)', 'Daily cap in force.', sinceGoals),
  column('goal_delivered_2h', 'Nullable(Int64)', 'In the window of `spend_2h_micros`.', sinceGoals),
  column('goal_expected_2h', 'Nullable(Int64)', 'Expected in the same window.', sinceGoals),
  column(
    'limit_micros',
    'Nullable(Int64)',
    'The most that a goal which is no money may cost; null = no limit.',
    sinceGoals,
  ),
  column(
    'limit_reached_at',
    'Nullable(DateTime64(3))',
    'When that is spent at the current rate, if before the end.',
    sinceGoals,
  ),
] as const;
