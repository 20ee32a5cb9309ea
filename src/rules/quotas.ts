import { z } from 'zod';
import type { LaneLimits } from '../model/lane-limits.ts';

/**
 * What one organization may have of the lane that it shares (docs/semantics.md §2). A plan says what differs from
 * the usual, up to half of what a lane holds.
 */
export const quotasSchema = z.strictObject({
  campaigns: z.int().min(1).max(500_000).optional(),
  /** Sources that send heartbeats and that the plan does not declare. */
  heartbeat_sources: z.int().min(1).max(256).optional(),
  /** Money, conversions and control, whose ids are remembered for a month; a day of the lane's clock. */
  remembered_records_per_day: z.int().min(1).max(4_000_000).optional(),
  /** Those that keep their bytes; an hour of the lane's clock. */
  dead_letters_per_hour: z.int().min(1).max(50_000).optional(),
});
export type Quota = keyof z.infer<typeof quotasSchema>;
export type Quotas = { readonly [Name in Quota]?: number | undefined };
export type AllQuotas = Readonly<Record<Quota, number>>;

/** What a plan says, and where it says nothing the usual. */
export function quotasOver(usual: AllQuotas, own: Quotas = {}): AllQuotas {
  return {
    campaigns: own.campaigns ?? usual.campaigns,
    heartbeat_sources: own.heartbeat_sources ?? usual.heartbeat_sources,
    remembered_records_per_day: own.remembered_records_per_day ?? usual.remembered_records_per_day,
    dead_letters_per_hour: own.dead_letters_per_hour ?? usual.dead_letters_per_hour,
  };
}

/** Where a plan says nothing. */
export function usualQuotas(limits: LaneLimits): AllQuotas {
  return {
    campaigns: limits.campaignsPerOrganizationMax,
    heartbeat_sources: limits.heardSourcesMax,
    remembered_records_per_day: limits.rareRecordsPerDayMax,
    dead_letters_per_hour: limits.deadLettersPerHourMax,
  };
}
