import type { RulePlan, SourcePlan } from '../../src/rules/plan.ts';
import { localHour, startOfDay } from './civil-time.ts';
import { unitOfGoal } from './goals.ts';
import { judgedDay, type Pacing } from './pacing.ts';
import { ask, failed, type Known, namesIn, type Values } from './three-valued.ts';
import { floorDivide, hour, larger } from './whole-numbers.ts';

export type Outcome = 'critical' | 'warning' | 'false' | 'insufficient' | 'outside' | 'unknown' | 'error';

/** Values of a flight's evaluation by the names that conditions use (§8.2). */
/** What the plan says of a campaign, as far as values depend on it. */
export interface ValueTerms {
  readonly allowanceBp: number;
  /** A source of impressions is named. */
  readonly expectsImpressions: boolean;
}

export function flightValues(pacing: Pacing, status: string, { allowanceBp, expectsImpressions }: ValueTerms): Values {
  const { a, s, e, budget, projected, dayBudget, cap, capAllowed } = pacing;
  const hasImpressions = expectsImpressions || pacing.impressions > 0n;
  const over = (value: bigint | null, by: number) => (value === null ? null : Number(value) / by);
  const share = (part: bigint | null, whole: bigint | null) =>
    part === null || whole === null || whole === 0n ? null : Number(floorDivide(10_000n * part, whole)) / 100;
  const lead = leadOf(pacing);
  const { cost } = pacing;
  const ofMoney = <T>(value: T) => (cost === null ? value : null);
  return {
    'p.status': status,
    'p.mode': pacing.mode.toLowerCase(),
    'p.osi_pct': over(pacing.osi, 100),
    'p.delivery_pct': over(pacing.delivery, 100),
    'p.elapsed_pct': over(pacing.elapsed, 100),
    'p.elapsed_hours': (a - s) / hour,
    'p.hours_left': (e - a) / hour,
    'p.days_left': (e - a) / 86_400_000,
    'p.projected_pct': share(projected, budget),
    'p.lift_needed': over(pacing.lift, 10_000),
    'p.required_daily': ofMoney(over(pacing.required, 1e6)),
    'p.run_rate_daily': over((cost ?? pacing).runRate, 1e6),
    'p.exhaust_lead_hours': lead === null ? null : lead / hour,
    'p.exhaust_lead_pct': lead === null ? null : Number(floorDivide(10_000n * BigInt(lead), BigInt(e - s))) / 100,
    'p.day_pct': share(pacing.daySpend, dayBudget),
    'p.day_allowance_pct': allowanceBp / 100,
    'p.day_capped': capAllowed !== null && pacing.daySpend >= capAllowed,
    'p.daily_cap_allowed': ofMoney(over(capAllowed, 1e6)),
    'p.daily_cap': ofMoney(over(cap, 1e6)),
    'p.day_spend': over((cost ?? pacing).daySpend, 1e6),
    'p.day_target': ofMoney(over(pacing.dayTarget, 1e6)),
    'p.day_budget': ofMoney(over(dayBudget, 1e6)),
    'p.month_spend': over(pacing.monthSpend, 1e6),
    'p.month_allowed': dayBudget === null ? null : ofMoney(over(floorDivide(304n * dayBudget, 10n), 1e6)),
    'p.expected': ofMoney(over(pacing.expected, 1e6)),
    'p.projected': over((cost ?? pacing).projected, 1e6),
    'p.budget': over(cost === null ? budget : cost.limit, 1e6),
    'p.spend': over((cost ?? pacing).spend, 1e6),
    'm.impressions_2h': hasImpressions ? over(pacing.impressions2h, 1) : null,
    'm.spend_2h': over((cost ?? pacing).spend2h, 1e6),
    'm.expected_spend_2h': ofMoney(over(pacing.expected2h, 1e6)),
    'm.impressions_flight': hasImpressions ? Number(pacing.impressions) : null,
    't.local_hour': a === startOfDay(pacing.zone, judgedDay(pacing, a) + 1) ? 24 : localHour(pacing.zone, a),
  };
}

/** What a platform may spend in a week and over the flight (§8.6). */
export function allowanceValues({ cost, dayBudget, budget, weekSpend }: Pacing, weekBp = 10_000, flightBp = 10_000) {
  const day = cost === null ? dayBudget : null;
  const all = cost === null ? budget : cost.limit;
  const units = (micros: bigint | null) => (micros === null ? null : Number(micros) / 1e6);
  return {
    'p.week_spend': units(weekSpend),
    'p.week_allowed': day === null ? null : units(floorDivide(day * 7n * BigInt(weekBp), 10_000n)),
    'p.week_spent_pct':
      day === null || day <= 0n || weekSpend === null ? null : Number(floorDivide(10_000n * weekSpend, 7n * day)) / 100,
    'p.week_allowance_pct': weekBp / 100,
    'p.flight_allowed': all === null ? null : units(floorDivide(all * BigInt(flightBp), 10_000n)),
    'p.flight_allowance_pct': flightBp / 100,
  };
}

/** What rules may name of a flight's goal, and of the money beside it (§8.6). */
export function goalValues(pacing: Pacing): Values {
  const { goal, cost, e, budget, spend } = pacing;
  const inUnits = (value: bigint | null) => (value === null ? null : Number(value) / unitOfGoal(goal));
  const limit = cost?.limit ?? null;
  const lasts = cost === null || limit === null || cost.projected === null ? null : 0;
  return {
    'p.goal': goal.toLowerCase(),
    'p.goal_total': inUnits(budget),
    'p.goal_delivered': inUnits(spend),
    'p.goal_left': inUnits(larger(0n, budget - spend)),
    'p.goal_expected': inUnits(pacing.expected),
    'p.goal_projected': inUnits(pacing.projected),
    'p.goal_required_daily': inUnits(pacing.required),
    'p.goal_run_rate_daily': inUnits(pacing.runRate),
    'p.goal_day_delivered': inUnits(pacing.daySpend),
    'p.goal_day_target': inUnits(pacing.dayTarget),
    'p.goal_day_budget': inUnits(pacing.dayBudget),
    'p.goal_daily_cap': inUnits(pacing.cap),
    'p.goal_daily_cap_allowed': inUnits(pacing.capAllowed),
    'p.goal_2h': inUnits(pacing.spend2h),
    'p.goal_expected_2h': inUnits(pacing.expected2h),
    'p.limit': limit === null ? null : Number(limit) / 1e6,
    'p.limit_spent_pct':
      cost === null || limit === null ? null : Number(floorDivide(10_000n * cost.spend, limit)) / 100,
    'p.limit_lead_hours': cost?.limitReachedAt == null ? lasts : (e - cost.limitReachedAt) / hour,
  };
}

/** How long before its end the flight runs dry, ms; 0 when it lasts, null when nobody can say. */
function leadOf({ exhaustionAt, projected, e }: Pacing): number | null {
  if (exhaustionAt !== null) return e - exhaustionAt;
  return projected === null ? null : 0;
}

export function sourceValues(name: string, t: number, frontier: number | null, source: SourcePlan): Values {
  return {
    's.name': name,
    's.lag_s': frontier === null ? null : (t - frontier) / 1000,
    's.expected_interval_s': source.expected_interval_ms / 1000,
    's.stale_after_s': source.stale_after_ms / 1000,
  };
}

/** Values of a rule at one evaluation, or null where everything is unknown because the flight is stale. */
export type MaybeValues = Values | null;

/** True, false, null = unknown, or failed. */
export type Truth = boolean | null | typeof failed;

export function truthOf(condition: string | undefined, values: Values): Truth {
  return condition === undefined ? false : (ask(condition, values) as Truth);
}

export function outcomeOf(rule: RulePlan, values: MaybeValues): Outcome {
  if (values === null) return 'unknown';
  // Of a flight everything is complete: what has no value does not hold.
  const asked = (condition: string | undefined) => {
    const truth = truthOf(condition, values);
    return truth === null && rule.scope !== 'source' ? false : truth;
  };
  const guard = rule.guard === null ? true : asked(rule.guard);
  if (guard === failed) return 'error';
  if (guard === null) return 'unknown';
  if (guard === false) return 'insufficient';
  const critical = asked(rule.critical?.when);
  const warning = asked(rule.warning?.when);
  if (critical === true) return 'critical';
  if (warning === true) return 'warning';
  if (critical === failed || warning === failed) return 'error';
  return critical === null || warning === null ? 'unknown' : 'false';
}

const namesOfRule = new WeakMap<RulePlan, string[]>();

/** The values that guard, when and clear of a rule name, as JSON with sorted keys. */
export function namedValues(rule: RulePlan, values: MaybeValues): string {
  let names = namesOfRule.get(rule);
  if (names === undefined) {
    const { guard, warning, critical } = rule;
    const conditions = [guard, warning?.when, warning?.clear, critical?.when, critical?.clear];
    names = [...new Set(conditions.flatMap((each) => (each ? namesIn(each) : [])))].sort();
    namesOfRule.set(rule, names);
  }
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, values === null ? null : values[name]])));
}

/** Fills the places of a summary. A place that is no value's name stays as written. */
export function summaryOf(
  template: string,
  allNames: readonly string[],
  values: Readonly<Record<string, Known | null>>,
): string {
  return template.replace(/\{\{\s*([^{}]*?)\s*\}\}/g, (place, name: string) => {
    if (!Object.hasOwn(values, name)) return allNames.includes(name) ? 'unknown' : place;
    const value = values[name];
    if (value === null) return 'unknown';
    return typeof value === 'number' ? String(Math.round(value * 100) / 100) : String(value);
  });
}
