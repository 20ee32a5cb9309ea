import { checkedLaneLimits, laneLimits } from '../../../src/model/lane-limits.ts';
import type { Bounds } from '../../oracle/bounds.ts';

/** Shares that a noisy tenant of a universe uses up, and the other producers of one do not. */
const shares = { campaigns: 8, letters: 40 };

export const universeLimits = checkedLaneLimits({
  ...laneLimits,
  campaignsPerOrganizationMax: shares.campaigns,
  deadLettersPerHourMax: shares.letters,
});

/** The same as the oracle calls them. */
export const universeBounds: Partial<Bounds> = { campaignsOfOne: shares.campaigns, lettersPerHour: shares.letters };
