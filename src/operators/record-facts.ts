import type { Detail, EventBatch, RejectReason } from '../events/event-batch.ts';
import { bookedAtBits, instantBits, timeBit } from '../events/kind-facts.ts';
import { kind } from '../events/kinds.ts';
import { type Counter, correctableCounters } from '../lane/day-row.ts';
import type { EventTimeMs } from '../model/time.ts';
import { isSafe } from '../model/whole.ts';

/** The latest instant that must not lie in the future; days are asked for apart, by their zone. */
export function latestInstant(batch: EventBatch, row: number): EventTimeMs {
  const bits = instantBits[batch.kinds[row]];
  let latest: number = batch.eventTimes[row];
  // An absent instant is NaN: no comparison is true of it.
  if ((bits & timeBit.t1) !== 0 && batch.t1[row] > latest) latest = batch.t1[row];
  if ((bits & timeBit.t2) !== 0 && batch.t2[row] > latest) latest = batch.t2[row];
  return latest as EventTimeMs;
}

/** The instant where a record is booked, for kinds that are not booked by day. */
export function bookedInstant(batch: EventBatch, row: number): EventTimeMs {
  const bits = bookedAtBits[batch.kinds[row]];
  if (bits === 0) return batch.eventTimes[row];
  let earliest = Number.POSITIVE_INFINITY;
  if ((bits & timeBit.t1) !== 0 && batch.t1[row] < earliest) earliest = batch.t1[row];
  if ((bits & timeBit.t2) !== 0 && batch.t2[row] < earliest) earliest = batch.t2[row];
  return earliest as EventTimeMs;
}

export function kindProblem(batch: EventBatch, row: number): { reason: RejectReason; detail: string } | null {
  if (batch.kinds[row] === kind.impression) {
    if (isSafe(batch.amount2[row] * batch.counts[row])) return null;
    return { reason: 'money_out_of_range', detail: 'cpm_micros times batch_count leaves the safe integers' };
  }
  if (batch.kinds[row] === kind.performance_report) {
    const { counts } = batch.details.get(row) as Detail & { kind: 'performance_report' };
    return unknownCounter(counts, 'a report may name');
  }
  if (batch.kinds[row] !== kind.metric_correction) return null;
  const { deltas } = batch.details.get(row) as Detail & { kind: 'metric_correction' };
  return unknownCounter(deltas, 'can be corrected');
}

function unknownCounter(counters: ReadonlyMap<string, number>, what: string) {
  for (const name of counters.keys()) {
    if (correctableCounters.includes(name as Counter)) continue;
    const shown = name.slice(0, 64).toWellFormed();
    return { reason: 'unknown_metric', detail: `"${shown}" is not a counter that ${what}` } as const;
  }
  return null;
}
