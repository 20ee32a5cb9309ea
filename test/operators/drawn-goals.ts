import { type DeliveredUnit, goalUnits, type UnitGoal } from '../../src/events/event-batch.ts';

/**
 * What flights of drawn worlds are paced by: of a campaign's number, so that no other draw changes. Some have money; now
 * and then a budget names another goal than the flight has.
 */
export function drawnGoal(campaign: number, ledger: number): UnitGoal | null {
  const unit = goalUnits[(campaign + (ledger % 29 === 0 ? 1 : 0)) % (goalUnits.length + 2)];
  if (unit === undefined || unit === 'MONEY') return null;
  const total = ledger % 17 === 0 ? 0 : least[unit] * (1 + (ledger % 5));
  return { unit, total, dailyCap: ledger % 3 === 0 ? Math.ceil(total / 3) : null };
}

const least: Readonly<Record<DeliveredUnit, number>> = {
  IMPRESSIONS: 60,
  VIEWABLE_IMPRESSIONS: 20,
  CLICKS: 4,
  CONVERSIONS: 3,
  COMPLETED_VIEWS: 2,
};

/** The same as a producer says it: no cap of money, and half of them with a limit of it. */
export function drawnGoalFields(campaign: number, ledger: number, micros: number): Record<string, unknown> {
  const goal = drawnGoal(campaign, ledger);
  if (goal === null) return {};
  const { unit, total, dailyCap } = goal;
  const amounts = { goal: unit, goal_units: total, goal_daily_cap: dailyCap };
  return { ...amounts, budget_micros: ledger % 2 === 0 ? 0 : micros, daily_cap_micros: null };
}
