import { day, hour, minute, quarter } from './whole-numbers.ts';

/** The numbers of docs/semantics.md that bound memory, each with its place there. Tests of the bounds themselves use smaller ones. */
export interface Bounds {
  /** §1.4 */
  readonly timersPerRecord: number;
  /** §2.5 */
  readonly aheadMs: number;
  /** §2.6 */
  readonly deliveryLatenessMs: number;
  readonly moneyLatenessMs: number;
  readonly correctionLatenessMs: number;
  /** §2.7 */
  readonly duplicateMs: number;
  readonly duplicateRecords: number;
  readonly totalIdsMs: number;
  /** §2, end */
  readonly campaigns: number;
  readonly idleMs: number;
  /** §2, quotas */
  readonly campaignsOfOne: number;
  readonly organizations: number;
  readonly undeclared: number;
  readonly rarePerDay: number;
  readonly lettersPerHour: number;
  /** §6.1 */
  readonly closedAfterMs: number;
  /** §6.2 */
  readonly flightDays: number;
  readonly flights: number;
  readonly changes: number;
  readonly statuses: number;
  /** §6.5 */
  readonly settledAfterMs: number;
  /** §5.1 */
  readonly conversionTypes: number;
  /** §6.3 */
  readonly retainedMs: number;
  /** §6.4, ON_ACTUAL */
  readonly actualMs: number;
  /** §7.1 */
  readonly minutesMs: number;
  readonly fineMs: number;
  readonly judgedBackMs: number;
}

export const written: Bounds = {
  timersPerRecord: 1_000,
  aheadMs: 2 * minute,
  deliveryLatenessMs: 72 * hour,
  moneyLatenessMs: 32 * day,
  correctionLatenessMs: 93 * day,
  duplicateMs: 2 * hour,
  duplicateRecords: 1_000_000,
  totalIdsMs: 72 * hour,
  campaigns: 1_000_000,
  idleMs: 1_103 * day,
  campaignsOfOne: 200_000,
  organizations: 100_000,
  undeclared: 64,
  rarePerDay: 2_000_000,
  lettersPerHour: 10_000,
  closedAfterMs: 72 * hour,
  flightDays: 1_100,
  flights: 128,
  changes: 4_096,
  statuses: 4_096,
  settledAfterMs: 33 * day,
  conversionTypes: 32,
  retainedMs: 33 * day,
  actualMs: 285 * quarter,
  minutesMs: 177 * minute,
  fineMs: 46 * hour,
  judgedBackMs: 31 * day,
};
