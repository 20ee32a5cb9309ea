import { assert } from './errors.ts';
import { dayMs, hourMs, minuteMs, secondMs } from './time.ts';

/** Every bound of the engine, in one place, with the reason for its number. */
export const limits = {
  /** Records per decoded batch: large enough to amortise calls, small enough to keep the loop alive (< 15 ms). */
  batchRecordsMax: 16_384,
  batchBytesMax: 4 * 1024 * 1024,
  /** A record larger than this is a dead letter `too_large`; Kafka's default message.max.bytes is 1 MiB. */
  recordBytesMax: 1024 * 1024,
  /** Raw bytes a dead letter keeps; bronze keeps all. */
  deadLetterBytesMax: 64 * 1024,
  /** Timers run before one record; leftovers run before the next, so no record makes an unbounded commit. */
  timersPerRecordMax: 1_000,
  /** An event further ahead of the lane clock is `from_the_future`. */
  futureAllowanceMs: 2 * minuteMs,
  deliveryLatenessMs: 72 * hourMs,
  moneyLatenessMs: 32 * dayMs,
  /** Delivery ids are duplicates within this much clock and this many records. */
  duplicateWindowMs: 15 * minuteMs,
  duplicateRecordsMax: 1_000_000,
  minuteRingMs: 3 * hourMs,
  quarterRingMs: 72 * hourMs,
  /** A flight is judged this far back at most: daily rows answer for 33 days, and a judgement asks for the day before. */
  judgedBackMaxMs: 31 * dayMs,
  flightsPerCampaignMax: 8,
  segmentsPerFlightMax: 64,
  campaignsPerLaneMax: 1_000_000,
  organizationsPerLaneMax: 100_000,
  sourcesPerOrganizationMax: 64,
  rulesPerPlanMax: 256,
  conditionBytesMax: 4_096,
  planBytesMax: 512 * 1024,
  commitIntervalMs: 500,
  /** A lane far behind commits less often: its rows are old whatever we do, and larger commits cost less an event. */
  catchUpIntervalMs: 10_000,
  /** A pending alert commits at once, but not closer than this to the last commit. */
  alertCommitSpacingMs: 100,
  commitBytesMax: 4 * 1024 * 1024,
  /** Undelivered output, once for the whole engine: at this bound polling pauses. */
  undeliveredBytesMax: 64 * 1024 * 1024,
  tickIntervalMs: 5 * secondMs,
  simulatedTickIntervalMs: minuteMs,
} as const;

assert(limits.deadLetterBytesMax <= limits.recordBytesMax, 'a dead letter never exceeds a record');
assert(limits.recordBytesMax <= limits.batchBytesMax, 'a record fits a batch');
assert(limits.minuteRingMs < limits.quarterRingMs, 'rings nest');
assert(limits.commitBytesMax * 2 <= limits.undeliveredBytesMax, 'two commits fit the undelivered bound');
