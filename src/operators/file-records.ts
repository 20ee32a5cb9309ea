import type { EventBatch } from '../events/event-batch.ts';
import type { FiledRun } from '../events/filed-run.ts';
import { hasEventTime, kind, rowKindNames } from '../events/kinds.ts';
import type { RecordRun } from '../events/record-run.ts';
import { systemOrg } from '../model/ids.ts';
import { laneLimits } from '../model/lane-limits.ts';
import { type EventTimeMs, type LogTimeMs, type TimeColumn, timeColumn } from '../model/time.ts';

/**
 * Where each record of a decoded run is filed in the raw table, with a copy of its bytes, since the source
 * reads over them. What stands for a batch that nobody can read is of the kind `damaged_batch`. Rejected
 * records, ticks, and records whose key does not name their organization or whose time lies ahead of the log
 * belong to the system organization at their log time: one wrong field must not open table partitions for
 * years to come or for strangers.
 */
export function fileRecords(run: RecordRun, batch: EventBatch): FiledRun {
  const { count } = run;
  const orgs = new Array<string>(count);
  const kinds = new Array<string>(count);
  const filedAt = timeColumn<EventTimeMs | LogTimeMs>(count);
  for (let row = 0; row < count; row++) {
    const isTrusted = isRowTrusted(run, batch, row);
    orgs[row] = isTrusted ? batch.dictionaries.orgs.text(batch.orgs[row]) : systemOrg;
    filedAt[row] = isTrusted && hasEventTime(batch.kinds[row]) ? batch.eventTimes[row] : run.logTimes[row];
    kinds[row] = run.unreadable?.reason ?? rowKindNames[batch.kinds[row]];
  }
  const { low, high } = usedBytes(run);
  const { topic, partition, nextOffset } = run;
  return {
    ...{ topic, partition, count, nextOffset, orgs, kinds, eventTimes: filedAt },
    // Not `slice`: that of a Buffer is a view.
    bytes: new Uint8Array(run.bytes.subarray(low, high)),
    offsets: run.offsets.slice(0, count),
    logTimes: run.logTimes.slice(0, count) as TimeColumn<LogTimeMs>,
    keyStarts: moved(run.keyStarts, count, low),
    keyEnds: moved(run.keyEnds, count, low),
    valueStarts: moved(run.valueStarts, count, low),
    valueEnds: moved(run.valueEnds, count, low),
    schemaIds: batch.schemaIds.slice(0, count),
  };
}

function isRowTrusted(run: RecordRun, batch: EventBatch, row: number): boolean {
  const rowKind = batch.kinds[row];
  if (rowKind === kind.rejected || rowKind === kind.tick) return false;
  const org = batch.orgs[row];
  if (org < 0 || batch.keyOrgs[row] !== org) return false;
  return batch.eventTimes[row] <= run.logTimes[row] + laneLimits.futureAllowanceMs;
}

/** The part of the run's bytes that its records lie in. */
function usedBytes(run: RecordRun): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = 0;
  for (let row = 0; row < run.count; row++) {
    if (run.keyStarts[row] >= 0) low = Math.min(low, run.keyStarts[row]);
    if (run.valueStarts[row] >= 0) low = Math.min(low, run.valueStarts[row]);
    high = Math.max(high, run.keyEnds[row], run.valueEnds[row]);
  }
  return high > low ? { low, high } : { low: 0, high: 0 };
}

/** Places in the copy; -1 stays what it is. */
function moved(places: Int32Array, count: number, by: number): Int32Array {
  const result = new Int32Array(count);
  for (let row = 0; row < count; row++) result[row] = places[row] < 0 ? -1 : places[row] - by;
  return result;
}
