import type { LaneLimits } from '../model/lane-limits.ts';
import { dayMs } from '../model/time.ts';
import type { Plan, Lateness as PlanLateness } from '../rules/plan.ts';

/** What a plan may say of how late records come (docs/semantics.md §2.6). */
type PlannedLateness = 'delivery' | 'report' | 'conversion' | 'correction';

/**
 * Usual lateness. Delivery comes within days; platforms restate reports for a month; conversions and
 * credits come for a quarter of a year (click windows reach 90 days).
 */
export function usualLatenessMs(limits: LaneLimits): Readonly<Record<PlannedLateness, number>> {
  const { deliveryLatenessMs: delivery, moneyLatenessMs: report, correctionLatenessMs } = limits;
  return { delivery, report, conversion: correctionLatenessMs, correction: correctionLatenessMs };
}

/** What was spent before may be said of any day that a flight can have. */
export const openingLatenessMs = 1_100 * dayMs;

export function plannedLatenessMs(plan: Plan, source: string, of: PlannedLateness, limits: LaneLimits): number {
  const field = `${of}_ms` as keyof PlanLateness;
  const own = Object.hasOwn(plan.sources, source) ? plan.sources[source].lateness?.[field] : undefined;
  return own ?? plan.defaults.lateness?.[field] ?? usualLatenessMs(limits)[of];
}

/** The longest that any report of the plan may come late. */
export function reportsReachMs(plan: Plan, limits: LaneLimits): number {
  const sources = Object.keys(plan.sources).map((source) => plannedLatenessMs(plan, source, 'report', limits));
  return Math.max(plannedLatenessMs(plan, '', 'report', limits), ...sources);
}

/** For how long, and over how many records, an id of delivery is the same event (docs/semantics.md §2.7). */
export interface DuplicateWindow {
  readonly ms: number;
  readonly records: number;
}

export function usualWindow(limits: LaneLimits): DuplicateWindow {
  return { ms: limits.duplicateWindowMs, records: limits.duplicateRecordsMax };
}

/** Where a plan asks for a longer window than the usual: eight million ids take 400 MiB of a lane. */
const longRecordsMax = 8_000_000;

export function duplicateWindowOf(plan: Plan, limits: LaneLimits): DuplicateWindow {
  const ms = plan.defaults.duplicate_window_ms;
  if (ms === undefined) return usualWindow(limits);
  return { ms, records: ms > limits.duplicateWindowMs ? longRecordsMax : limits.duplicateRecordsMax };
}

/** Whether records of the plan have other times than the usual. */
export function hasOwnTimes(plan: Plan): boolean {
  if (plan.defaults.lateness !== undefined) return true;
  return Object.values(plan.sources).some(({ lateness, clock }) => lateness !== undefined || clock !== undefined);
}

export function hasUntrustedClock(plan: Plan): boolean {
  return Object.values(plan.sources).some(({ clock }) => clock === 'untrusted');
}
