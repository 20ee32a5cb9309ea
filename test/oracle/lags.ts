import type { Plan } from '../../src/rules/plan.ts';
import type { Campaign } from './campaign.ts';
import { localDay } from './civil-time.ts';
import type { OracleEvent } from './events.ts';
import { campaignView } from './plans.ts';

/** How late conversions come, and what is still to come (docs/semantics.md §8.6). */

export const maturedPattern = /^m\.(conversions_adj|revenue_adj|cpa_adj|roas_adj|maturity_pct)_([1-9]\d?)d$/;

/** A conversion that was counted; `touchesFrom` = touches before it are not booked. */
export function noteLag(
  campaign: Campaign,
  { fields }: OracleEvent,
  names: readonly string[],
  { zone, touchesFrom }: { zone: string; touchesFrom: number },
): void {
  if (!names.some((name) => maturedPattern.test(name))) {
    campaign.lags = [];
    return;
  }
  const touched = fields.touch_time ?? fields.conversion_time;
  if (touched < touchesFrom) return;
  const day = localDay(zone, fields.conversion_time);
  const weight = BigInt((fields.reversal ? -1 : 1) * Math.round(fields.weight * 1e6));
  const week = Math.floor((day + 3) / 7);
  campaign.lags.push({ week, lag: Math.min(31, Math.max(0, day - localDay(zone, touched))), weight });
  const newest = Math.max(...campaign.lags.map((each) => each.week));
  campaign.lags = campaign.lags.filter((each) => each.week > newest - 5);
}

/** What is in so many days after the touch, of all; null = nobody knows. */
export function lagCurve(campaign: Campaign, plan: Plan): { at(days: number): bigint; all: bigint } | null {
  const declared = campaignView(plan, campaign.id).conversion_lag_bp;
  if (declared !== undefined)
    return { at: (days) => BigInt(declared[Math.min(days, declared.length - 1)]), all: 10_000n };
  const upTo = (days: number) =>
    campaign.lags.filter(({ lag }) => lag <= days).reduce((sum, { weight }) => sum + weight, 0n);
  const all = upTo(31);
  if (all < 30_000_000n) return null;
  return { at: (days) => (upTo(days) < all ? upTo(days) : all), all };
}
