import { type Campaign, part } from '../lane/campaign.ts';
import { LagBooks } from '../lane/lag-books.ts';
import type { LaneState } from '../lane/lane-state.ts';

/** A conversion counts: how late it is, is remembered while a rule asks. `touchedAt` null = its touch is booked nowhere. */
export function noteLag(
  state: LaneState,
  campaign: Campaign,
  convertedAt: number,
  touchedAt: number | null,
  weight: number,
): void {
  if (!state.planView(campaign).asksForLags) {
    if (campaign.lags === null) return;
    campaign.lags = null;
    return state.touchParts(campaign, part.lags);
  }
  if (touchedAt === null) return;
  const zone = campaign.quarters?.zone ?? state.zoneOf(campaign);
  const day = zone.localDay(convertedAt);
  campaign.lags ??= new LagBooks();
  campaign.lags.add(day, day - zone.localDay(touchedAt), weight);
  state.touchParts(campaign, part.lags);
}
