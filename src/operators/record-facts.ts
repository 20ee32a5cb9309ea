import { type Detail, type EventBatch, kind, type RejectReason } from '../events/event-batch.ts';
import { type Counter, correctableCounters } from '../lane/day-row.ts';
import { isSafe } from '../model/whole.ts';

/** The local day a record applies to, null for kinds without one. */
export function appliesTo(batch: EventBatch, row: number): number | null {
  if (batch.kinds[row] === kind.spend_adjustment) return batch.t1[row];
  if (batch.kinds[row] !== kind.metric_correction) return null;
  return (batch.details.get(row) as Detail & { kind: 'metric_correction' }).applies_to;
}

/** The latest instant that must not lie in the future. */
export function latestInstant(batch: EventBatch, row: number): number {
  const at = batch.eventTimes[row];
  switch (batch.kinds[row]) {
    case kind.spend:
    case kind.auction_stats:
      return Math.max(at, batch.t1[row]);
    case kind.conversion:
      return Math.max(at, batch.t1[row], Number.isNaN(batch.t2[row]) ? at : batch.t2[row]);
    case kind.source_heartbeat:
      return Math.max(at, (batch.details.get(row) as Detail & { kind: 'source_heartbeat' }).complete_through);
    default:
      return at;
  }
}

export function kindProblem(batch: EventBatch, row: number): { reason: RejectReason; detail: string } | null {
  if (batch.kinds[row] === kind.impression) {
    if (isSafe(batch.amount2[row] * batch.counts[row])) return null;
    return { reason: 'money_out_of_range', detail: 'cpm_micros times batch_count leaves the safe integers' };
  }
  if (batch.kinds[row] !== kind.metric_correction) return null;
  const { deltas } = batch.details.get(row) as Detail & { kind: 'metric_correction' };
  for (const name of deltas.keys()) {
    if (correctableCounters.includes(name as Counter)) continue;
    return { reason: 'unknown_metric', detail: `"${name.slice(0, 64)}" is not a counter that can be corrected` };
  }
  return null;
}
