import type { Campaign } from './campaign.ts';
import type { Flight } from './flight.ts';
import { floorDivide } from './whole-numbers.ts';

/** What goals that are no money count, as a column of campaign_metrics_daily (docs/semantics.md §6.3). */
const columns: Readonly<Record<string, string>> = {
  IMPRESSIONS: 'impressions',
  VIEWABLE_IMPRESSIONS: 'viewable_impressions',
  CLICKS: 'clicks',
  CONVERSIONS: 'conversions_by_conversion',
  COMPLETED_VIEWS: 'video_completes',
};

export function goalColumn(flight: Flight): string | null {
  return columns[flight.goal] ?? null;
}

/** What one unit of a goal is in what it is counted in. */
export function unitOfGoal(goal: string): number {
  return goal === 'MONEY' || goal === 'CONVERSIONS' ? 1_000_000 : 1;
}

interface Summable {
  sum(from: number, to: number): bigint;
}

/** What a flight reached of its goal before `at`. */
export function reachedBefore(campaign: Campaign, flight: Flight, at: number, sums?: Summable): bigint {
  const { dates, goal } = flight;
  if (dates === null) return 0n;
  if (goal === 'MONEY') return floorDivide(flight.spend.before(at, dates, sums ?? campaign.spend), 1_000n);
  if (goal === 'IMPRESSIONS') return flight.impressions.before(at, dates, sums ?? campaign.impressions);
  return flight.delivered.before(at, dates, sums ?? campaign.goalMeasure(goalColumn(flight) as string));
}
