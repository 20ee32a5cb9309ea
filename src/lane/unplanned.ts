import type { AlertState } from '../rules/alert-state.ts';
import type { Campaign } from './campaign.ts';
import type { DayAmounts } from './unplanned-spend.ts';

/** What is remembered of a campaign about money that nobody planned (docs/semantics.md §9). */
export class Unplanned {
  /** Its timer runs until then, whatever its flights. */
  watchedUntil = Number.NEGATIVE_INFINITY;
  /** What the table says of days that have some, by local day. */
  readonly said = new Map<number, DayAmounts>();
  /** Of rules of scope `campaign`, by id; only alerts that are not plainly ok. */
  readonly alerts = new Map<string, AlertState>();

  get isEmpty(): boolean {
    return this.watchedUntil === Number.NEGATIVE_INFINITY && this.said.size === 0 && this.alerts.size === 0;
  }
}

export function isWatched({ unplanned }: Campaign, at: number): boolean {
  return unplanned !== null && at < unplanned.watchedUntil;
}
