import type { DeliveredUnit } from '../events/event-batch.ts';
import type { Campaign, Flight } from '../lane/campaign.ts';
import { amountIn, type Counts } from '../lane/campaign-reports.ts';
import { GoalCells, goalPlace } from '../lane/goal-cells.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { shareOf } from '../lane/report-feed.ts';
import { plus, times, type Whole } from '../model/whole.ts';
import { shareOfFlight } from './flight-dates.ts';
import { restate } from './flight-totals.ts';

/** What flights reach of goals that are no money and no impressions, which have books of their own (docs/semantics.md §6.3). */

/** Gives a flight that has no budget yet its goal. What was noted of its money before says nothing of it. */
export function setGoal(state: LaneState, campaign: Campaign, flight: Flight, unit: DeliveredUnit): void {
  flight.goal = { unit, total: 0, persisted: null };
  flight.changes.forEach((change, at) => {
    if (change.kind === 'flight') flight.changes[at] = { ...change, actual: 0 };
  });
  if (unit === 'IMPRESSIONS') return;
  campaign.goals ??= new Map();
  if (!campaign.goals.has(unit)) campaign.goals.set(unit, new GoalCells(state.clock, state.limits.quartersBehind));
  state.books.followsGoals = true;
  flight.goal.total = shareOfFlight(campaign, flight, unit, state.clock);
}

/** Counts something that happened at an instant. */
export function addItemToGoals(
  state: LaneState,
  campaign: Campaign,
  unit: DeliveredUnit,
  at: number,
  amount: Whole,
  clock: number,
): void {
  const cells = campaign.goals?.get(unit);
  if (cells === undefined || amount === 0) return;
  cells.add(at, amount, clock);
  state.touch(campaign);
  addToGoals(state, campaign, unit, at, amount);
}

/** Adds to what flights reached, without saying when: what is corrected is no delivery. */
function addToGoals(state: LaneState, campaign: Campaign, unit: DeliveredUnit, at: number, amount: Whole): void {
  for (const flight of campaign.flights) {
    const { goal, dates } = flight;
    if (goal?.unit !== unit || dates === null || at < dates.start || at >= dates.end) continue;
    goal.total = plus(goal.total, amount);
    if (flight.isDone) restate(state, campaign, flight);
  }
}

/** What a correction adds to counters, at the instant at which it lies. */
export function correctGoals(
  state: LaneState,
  campaign: Campaign,
  at: number,
  deltas: ReadonlyMap<string, number>,
): void {
  if (campaign.goals === null) return;
  for (const unit of campaign.goals.keys()) {
    const delta = deltas.get(counterOf[unit]) ?? 0;
    if (delta !== 0) addToGoals(state, campaign, unit, at, delta);
  }
}

/** Names of the counters that corrections may change; conversions are corrected by reversals. */
const counterOf: Readonly<Record<DeliveredUnit, string>> = {
  IMPRESSIONS: 'impressions',
  VIEWABLE_IMPRESSIONS: 'viewable_impressions',
  CLICKS: 'clicks',
  CONVERSIONS: '',
  COMPLETED_VIEWS: 'video_completes',
};

/** What a report of [start, end) says, that counts from now on (`sign` 1) or no more (−1). */
export function addReportToGoals(
  state: LaneState,
  campaign: Campaign,
  counts: Counts,
  { start, end }: { readonly start: number; readonly end: number },
  sign: 1 | -1,
): void {
  if (campaign.goals === null) return;
  for (const flight of campaign.flights) {
    const { goal, dates } = flight;
    if (goal === null || goal.unit === 'IMPRESSIONS' || dates === null) continue;
    const share = shareOf(amountIn(counts, goalPlace[goal.unit]), start, end, dates.start, dates.end);
    if (share === 0) continue;
    goal.total = plus(goal.total, times(sign, share));
    if (flight.isDone) restate(state, campaign, flight);
  }
}
