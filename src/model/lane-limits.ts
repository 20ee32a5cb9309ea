import { assert } from './errors.ts';
import { dayMs, hourMs, minuteMs, quarterMs } from './time.ts';

/**
 * What bounds a lane's memory and what its answers may reach back to (docs/semantics.md has the same
 * numbers). Part of every answer: a lane takes them as an argument so that tests reach them with small
 * numbers, and the engine runs with `laneLimits` alone.
 */
export interface LaneLimits {
  /** Timers run before one record; leftovers run before the next, so no record makes an unbounded commit. */
  readonly timersPerRecordMax: number;
  /** An event further ahead of the lane clock is `from_the_future`. */
  readonly futureAllowanceMs: number;
  /** How long after its instant delivery may come, and reports and control. */
  readonly deliveryLatenessMs: number;
  readonly moneyLatenessMs: number;
  /** The same of conversions and corrections: credits and conversions come for a quarter of a year. */
  readonly correctionLatenessMs: number;
  /** Delivery ids are duplicates within this much clock and this many records. */
  readonly duplicateWindowMs: number;
  readonly duplicateRecordsMax: number;
  /** Days of rare ids that have a base of their own in the store, one behind the other in a ring. */
  readonly rareDayGroups: number;
  /** Ids of totals are remembered so long: after that their order says what a repeat is worth. Days of them, in a ring. */
  readonly totalIdsKeptMs: number;
  readonly totalDayGroups: number;
  readonly campaignsPerLaneMax: number;
  /** What one organization may have of a lane, so that it never takes the others' share (docs/semantics.md §2). */
  readonly campaignsPerOrganizationMax: number;
  /** Organizations that nobody wrote a plan for; as many again may come with one. */
  readonly organizationsPerLaneMax: number;
  /** Sources of an organization that declare completeness, beside those that its plan declares. */
  readonly heardSourcesMax: number;
  /** Records whose ids are remembered for a month, by organization and day of the clock. */
  readonly rareRecordsPerDayMax: number;
  /** Dead letters that are kept whole, by organization and hour of the clock. */
  readonly deadLettersPerHourMax: number;
  readonly flightsPerCampaignMax: number;
  /** Budget and flight changes of a flight that have not settled; one more is refused. */
  readonly changesPerFlightMax: number;
  /** Changes that took effect and were said longer ago settle. */
  readonly settledAfterMs: number;
  /** Status changes of a campaign that have not settled; one more is refused. */
  readonly statusesPerCampaignMax: number;
  /** Types of conversions of a campaign that are told apart; the others are one. */
  readonly conversionTypesPerCampaignMax: number;
  /** Days of the longest flight: three years. */
  readonly flightDaysMax: number;
  /** Minutes behind the clock's whose spend is known by the minute, and cells of that ring. */
  readonly minutesBehind: number;
  readonly minuteCells: number;
  /** Quarter-hours behind the clock's whose spend is known by the quarter-hour, and cells of that ring. */
  readonly quartersBehind: number;
  readonly quarterCells: number;
  /** A flight is judged by the quarter-hour this far behind the clock's; further back by whole days. */
  readonly asOfBehindMs: number;
  /** A flight whose sources are complete to no later than this before the clock is stale. */
  readonly judgedBackMs: number;
  /** A flight is evaluated until its delivery can no longer be restated. */
  readonly evaluatedAfterEndMs: number;
  /** Daily rows older than this answer no question of a month or of a day. */
  readonly retainedDays: number;
  /** Daily rows older than this are kept as bytes. */
  readonly keptDays: number;
  /** A campaign without a live flight is forgotten this long after its last counted record. */
  readonly forgetAfterMs: number;
}

/** A local day on which clocks are set back. */
const longestDayMs = 25 * hourMs;

export const laneLimits: LaneLimits = checkedLaneLimits({
  timersPerRecordMax: 1_000,
  futureAllowanceMs: 2 * minuteMs,
  deliveryLatenessMs: 72 * hourMs,
  moneyLatenessMs: 32 * dayMs,
  correctionLatenessMs: 93 * dayMs,
  // Trackers try again for an hour or two, and a million ids take some 50 MiB of a lane.
  duplicateWindowMs: 2 * hourMs,
  duplicateRecordsMax: 1_000_000,
  rareDayGroups: 40,
  totalIdsKeptMs: 72 * hourMs,
  totalDayGroups: 6,
  campaignsPerLaneMax: 1_000_000,
  // A fifth of the lane: 16 KiB each.
  campaignsPerOrganizationMax: 200_000,
  organizationsPerLaneMax: 100_000,
  heardSourcesMax: 64,
  // A month of them is 64 million ids.
  rareRecordsPerDayMax: 2_000_000,
  // 64 KiB each at most.
  deadLettersPerHourMax: 10_000,
  // Monthly flights of ten years; a hundred changes a day until they settle, or more than three a day for the longest flight.
  flightsPerCampaignMax: 128,
  changesPerFlightMax: 4_096,
  statusesPerCampaignMax: 4_096,
  settledAfterMs: 33 * dayMs,
  conversionTypesPerCampaignMax: 32,
  flightDaysMax: 1_100,
  minutesBehind: 177,
  minuteCells: 180,
  quartersBehind: 285,
  quarterCells: 288,
  asOfBehindMs: 46 * hourMs,
  judgedBackMs: 31 * dayMs,
  evaluatedAfterEndMs: 72 * hourMs,
  retainedDays: 33,
  keptDays: 36,
  forgetAfterMs: 1_103 * dayMs,
});

/** The limits, after a look at what each asks of the others. */
export function checkedLaneLimits(limits: LaneLimits): LaneLimits {
  const { futureAllowanceMs, deliveryLatenessMs, moneyLatenessMs } = limits;
  for (const [name, value] of Object.entries(limits)) {
    assert(Number.isSafeInteger(value) && value > 0, `limit ${name} is a positive integer`);
  }
  assert(deliveryLatenessMs <= moneyLatenessMs, 'delivery is never later than money may be');
  const aheadOf = (grainMs: number) => Math.ceil(futureAllowanceMs / grainMs);
  assert(
    limits.minuteCells >= limits.minutesBehind + 1 + aheadOf(minuteMs),
    'the ring of minutes holds those behind the clock, its own, and those that events may be ahead',
  );
  assert(
    limits.quarterCells >= limits.quartersBehind + 1 + aheadOf(quarterMs),
    'the ring of quarter-hours holds those behind the clock, its own, and those that events may be ahead',
  );
  assert(
    limits.asOfBehindMs + longestDayMs + quarterMs <= limits.quartersBehind * quarterMs,
    'the oldest as_of still finds the quarter-hours of its windows',
  );
  assert(limits.minutesBehind * minuteMs < limits.quartersBehind * quarterMs, 'rings nest');
  assert(limits.evaluatedAfterEndMs >= deliveryLatenessMs, 'a flight is evaluated while delivery may still come');
  assert(limits.retainedDays * dayMs > moneyLatenessMs, 'a day is retained while money may still be booked on it');
  assert(
    limits.judgedBackMs + 2 * dayMs <= limits.retainedDays * dayMs,
    'a judgement by days finds its day, and the one before',
  );
  assert(limits.asOfBehindMs < limits.judgedBackMs, 'days reach further back than quarter-hours');
  assert(limits.keptDays >= limits.retainedDays + 2, 'a retained day is kept, whatever its zone');
  assert(
    limits.forgetAfterMs > Math.max(moneyLatenessMs, limits.correctionLatenessMs) + longestDayMs + futureAllowanceMs,
    'nothing that is still in time is booked on a day that was forgotten',
  );
  assert(
    limits.forgetAfterMs > limits.retainedDays * dayMs + futureAllowanceMs,
    'no retained day belongs to what was forgotten',
  );
  assert(limits.campaignsPerOrganizationMax <= limits.campaignsPerLaneMax, 'an organization fits a lane');
  assert(limits.rareDayGroups * dayMs > moneyLatenessMs + 2 * dayMs, 'the group of a day is free when it comes round');
  assert(
    limits.totalDayGroups * dayMs > limits.totalIdsKeptMs + 2 * dayMs,
    'a day of ids of totals is free when it comes round',
  );
  assert(
    limits.settledAfterMs >= limits.judgedBackMs + dayMs && limits.settledAfterMs >= limits.retainedDays * dayMs,
    'nothing that settled is asked for one by one: a judgement and the day behind it, and days of unplanned spend',
  );
  return limits;
}
