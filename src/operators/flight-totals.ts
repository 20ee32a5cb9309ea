import type { Campaign, Flight } from '../lane/campaign.ts';
import { part } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { shareOf } from '../lane/report-feed.ts';
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

/** Adds to each flight's spend what of `nanos`, which are spread over [start, end), lies in it. */
export function addSpendToFlights(
  state: LaneState,
  campaign: Campaign,
  sign: 1 | -1,
  nanos: Whole,
  start: number,
  end: number,
): void {
  for (const flight of campaign.flights) {
    if (flight.dates === null) continue;
    const share = shareOf(nanos, start, end, flight.dates.start, flight.dates.end);
    if (share === 0) continue;
    flight.addNanos(sign === 1 ? share : negative(share));
    // What it has at hand stays there, but for a flight that may not be added to in passing any more.
    if (!flight.isSmall) campaign.putAway();
    if (flight.isDone) restate(state, campaign, flight);
  }
}

export function restate(state: LaneState, campaign: Campaign, flight: Flight): void {
  if (flight.isRestated) return;
  flight.isRestated = true;
  state.touchParts(campaign, part.pace);
  if (flight.isEvaluable) state.setCampaignTimerNextMinute(campaign);
}

/** The campaign spends money that no flight waits for, at a record that found this clock (docs/semantics.md §9). */
export function watch(state: LaneState, campaign: Campaign, clock: number): void {
  state.watch(campaign, clock);
  state.setCampaignTimerNextMinute(campaign);
}

/** The same unless a flight with a budget that is still evaluated has all of [from, to]. */
export function watchIfOutside(state: LaneState, campaign: Campaign, from: number, to: number, clock: number): void {
  for (const { dates, hasBudget, isDone } of campaign.flights) {
    if (hasBudget && !isDone && dates !== null && from >= dates.start && from < dates.end && to <= dates.end) return;
  }
  watch(state, campaign, clock);
}

function negative(amount: Whole): Whole {
  return plus(0, -amount);
}
