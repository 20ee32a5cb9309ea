import type { Whole } from '../model/whole.ts';
import type { Terms } from '../pacing/flight-ledger.ts';
import type { PacingValues } from '../pacing/pacing.ts';

/** The judged columns; all null (unknown, not zero) when the flight is stale. Of a goal that is no money, what it costs. */
export function numbers(values: PacingValues | null) {
  const money = values?.money ?? null;
  return {
    spend_micros: shown((money ?? values)?.spend),
    expected_micros: ofMoney(values, values?.expected),
    delivery_bp: shown(values?.deliveryBp),
    elapsed_bp: shown(values?.elapsedBp),
    osi_bp: shown(values?.osiBp),
    projected_micros: shown((money ?? values)?.projected),
    run_rate_micros_per_day: shown((money ?? values)?.runRatePerDay),
    required_micros_per_day: ofMoney(values, values?.requiredPerDay),
    lift_bp: shown(values?.liftBp),
    exhaustion_at: values?.exhaustionAt ?? null,
    day_target_micros: ofMoney(values, values?.dayTarget),
    day_spend_micros: shown((money ?? values)?.daySpend),
    day_pacing_bp: shown(values?.dayPacingBp),
    impressions_2h: shown(values?.impressions2h),
    spend_2h_micros: shown((money ?? values)?.spend2h),
    expected_2h_micros: ofMoney(values, values?.expected2h),
  };
}

/** The same in the unit of the goal, and what is known of its limit. */
export function goalNumbers(terms: Terms, values: PacingValues | null) {
  return {
    goal_total: terms.budget ?? 0,
    goal_delivered: shown(values?.spend),
    goal_expected: shown(values?.expected),
    goal_projected: shown(values?.projected),
    goal_run_rate_per_day: shown(values?.runRatePerDay),
    goal_required_per_day: shown(values?.requiredPerDay),
    goal_day_target: shown(values?.dayTarget),
    goal_day_delivered: shown(values?.daySpend),
    goal_daily_cap: values === null ? null : terms.cap,
    goal_delivered_2h: shown(values?.spend2h),
    goal_expected_2h: shown(values?.expected2h),
    limit_micros: terms.limit,
    limit_reached_at: values?.money?.limitReachedAt ?? null,
  };
}

/** What only a goal of money has in micros. */
function ofMoney(values: PacingValues | null, value: Whole | null | undefined): Whole | null {
  return values === null || values.money !== null ? null : shown(value);
}

/** What a column of 64 bits can show: a value beyond is unknown to its readers, never another one. */
export function shown(value: Whole | null | undefined): Whole | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'number' || BigInt.asIntN(64, value) === value ? value : null;
}
