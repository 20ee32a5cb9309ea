import type { Campaign, FlightDates } from '../lane/campaign.ts';
import { spendSince } from '../lane/flight-books.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { LogTimeMs } from '../model/time.ts';
import { dayJudged, type PacingValues } from '../pacing/pacing.ts';
import { type AllowanceName, allowancesOf, allowanceValue, firstOfWeek } from '../rules/allowance-values.ts';

interface AllowanceFacts {
  readonly campaign: Campaign;
  readonly dates: FlightDates;
  readonly asOf: number;
  readonly values: PacingValues;
}

/** What a rule asks of the week, or of the flight, beyond what is booked for them (docs/semantics.md §8.6). */
export function allowanceOf(
  name: AllowanceName,
  state: LaneState,
  kept: { readonly clock: LogTimeMs; readonly oldest: number },
  { campaign, dates, asOf, values }: AllowanceFacts,
): number | null {
  const allowances = allowancesOf(state.campaignPlan(campaign), state.planOf(campaign.orgId).plan.defaults);
  return allowanceValue(name, allowances, values, () => {
    const day = dayJudged(dates, asOf);
    return spendSince(campaign, dates.zone, firstOfWeek(day, allowances.weekStarts), day, asOf, kept);
  });
}
