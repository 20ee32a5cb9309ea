import type { Campaign, Flight } from '../lane/campaign.ts';
import { part } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { plus, type Whole } from '../model/whole.ts';

/** Adds to the totals of the flights that have the instant; a flight that was done is evaluated once more. */
export function addToFlights(
  state: LaneState,
  campaign: Campaign,
  at: number,
  micros: number,
  nanos: number,
  impressions: number,
): void {
  for (const flight of campaign.flights) {
    if (flight.dates === null || at < flight.dates.start || at >= flight.dates.end) continue;
    flight.addSpend(micros, nanos);
    flight.impressions += impressions;
    if (flight.isDone) restate(state, campaign, flight);
  }
}

/** Adds to each flight's totals what `shares` says lies in it. */
export function addSharesToFlights(
  state: LaneState,
  campaign: Campaign,
  sign: 1 | -1,
  shares: (from: number, to: number) => { readonly nanos: Whole; readonly impressions: number },
): void {
  for (const flight of campaign.flights) {
    if (flight.dates === null) continue;
    const { nanos, impressions } = shares(flight.dates.start, flight.dates.end);
    if (nanos === 0 && impressions === 0) continue;
    flight.spentNanos = sign === 1 ? plus(flight.spentNanos, nanos) : plus(flight.spentNanos, negative(nanos));
    flight.impressions += sign * impressions;
    if (flight.isDone) restate(state, campaign, flight);
  }
  campaign.putAway();
}

function restate(state: LaneState, campaign: Campaign, flight: Flight): void {
  if (flight.isRestated) return;
  flight.isRestated = true;
  state.touchParts(campaign, part.pace);
  if (flight.isEvaluable) state.setCampaignTimer(campaign);
}

function negative(amount: Whole): Whole {
  return plus(0, -amount);
}
