import { assert } from './errors.ts';
import { minuteMs, secondMs } from './time.ts';

/** Bounds of the engine that no answer depends on, with the reason for each number; `lane-limits.ts` has the others. */
export const limits = {
  /** Records per decoded batch: large enough to amortise calls, small enough to keep the loop alive (< 15 ms). */
  batchRecordsMax: 16_384,
  batchBytesMax: 4 * 1024 * 1024,
  /** A record larger than this is a dead letter `too_large`; Kafka's default message.max.bytes is 1 MiB. */
  recordBytesMax: 1024 * 1024,
  /** Raw bytes a dead letter keeps; bronze keeps all. */
  deadLetterBytesMax: 64 * 1024,
  sourcesPerOrganizationMax: 64,
  rulesPerPlanMax: 256,
  /** Windows and the like that the rules of a plan name: each is worked out for every campaign that is judged by them. */
  askedValuesPerPlanMax: 128,
  conditionBytesMax: 4_096,
  planBytesMax: 512 * 1024,
  /**
   * Caches of a process that outside input fills: at the bound they forget, which costs time and changes nothing.
   * Names of organizations, campaigns and sources of a lane, beside those of campaigns that it has: its dictionaries begin anew.
   */
  namesKeptMax: 100_000,
  /** The IANA database has some 600, each of which may be written in many ways. */
  zonesKeptMax: 2_048,
  /** Spans of four years for which a zone knows its transitions. */
  zoneSpansKeptMax: 64,
  /** Readers of writer schemas, those that were refused included; and what a registry answered. */
  schemasKeptMax: 4_096,
  /** Schema ids of which nothing is known that the registry is asked for, by organization of the key and minute of log time. */
  unknownSchemasPerMinuteMax: 32,
  /** Compiled conditions, plans read lately, and weights of profiles. */
  conditionsKeptMax: 4_096,
  plansKeptMax: 64,
  profilesKeptMax: 1_000,
  /** Parts that plans share (rules, profiles), of each kind. */
  planPartsKeptMax: 256,
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
assert(limits.commitBytesMax * 2 <= limits.undeliveredBytesMax, 'two commits fit the undelivered bound');
