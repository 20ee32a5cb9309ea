import type { Whole } from '../model/whole.ts';
import type { PacingStatus } from '../pacing/pacing.ts';
import type { AlertState } from '../rules/alert-state.ts';

/** What was last said of an order, and the alerts about it that are not plainly ok; members and books are looked at anew. */
export class OrderPace {
  lastAsOf: number | null = null;
  lastStatus: PacingStatus | null = null;
  wasStale = false;
  persistedAt: number | null = null;
  persistedOsi: number | null = null;
  persistedSpend: Whole | null = null;
  /** By rule id. */
  readonly alerts = new Map<string, AlertState>();
}
