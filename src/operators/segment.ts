import type { EventBatch } from '../events/event-batch.ts';
import { standsAlone } from '../events/kind-facts.ts';
import type { RecordRun } from '../events/record-run.ts';
import { type EventTimeMs, type LogTimeMs, timeColumn } from '../model/time.ts';

/** Raw bytes of the batch's records: dead letters quote them. */
export type RawRecords = Pick<RecordRun, 'bytes' | 'keyStarts' | 'keyEnds' | 'valueStarts' | 'valueEnds'>;

/**
 * Consecutive records between which nothing but plain events happens: no timer runs and no minute begins
 * inside, and a record that changes plans or flights stands alone. Operators go over it with plain loops, and yet
 * every record meets exactly the state of docs/semantics.md §1.
 */
export class Segment {
  batch!: EventBatch;
  raw!: RawRecords;
  from = 0;
  to = 0;
  /** Lane clock at each row. */
  clocks = timeColumn<LogTimeMs>(0);
  /** 1 = counted: later operators look only at these rows. */
  counted = new Uint8Array(0);
  /** The campaign's slot of each counted row, -1 for records of an organization; a guess before the check. */
  slots = new Int32Array(0);
  /** Spend item of each counted row: micros · 1000 + nanos; NaN micros = the row makes none. */
  itemMicros = new Float64Array(0);
  itemNanos = new Float64Array(0);
  itemAt = timeColumn<EventTimeMs>(0);
  /** Valid impressions of each counted row, for cells and flights; booked at `itemAt`. */
  impressions = new Float64Array(0);

  begin(batch: EventBatch, raw: RawRecords): void {
    this.batch = batch;
    this.raw = raw;
    if (this.clocks.length < batch.count) {
      this.clocks = timeColumn(batch.capacity);
      this.counted = new Uint8Array(batch.capacity);
      this.slots = new Int32Array(batch.capacity);
      this.itemMicros = new Float64Array(batch.capacity);
      this.itemNanos = new Float64Array(batch.capacity);
      this.itemAt = timeColumn(batch.capacity);
      this.impressions = new Float64Array(batch.capacity);
    }
    this.counted.fill(0, 0, batch.count);
  }
}

/**
 * Finds the end, at most `end`, of the segment that starts at `from`, whose clock is `clock` and whose
 * timers have run. A record whose clock reaches `nextAt` begins another.
 */
export function extendSegment(segment: Segment, from: number, end: number, clock: LogTimeMs, nextAt: number): void {
  const { batch, clocks } = segment;
  segment.from = from;
  clocks[from] = clock;
  let to = from + 1;
  if (standsAlone[batch.kinds[from]] === 0) {
    for (; to < end; to++) {
      const next = Math.max(batch.logTimes[to], clock) as LogTimeMs;
      if (next >= nextAt || standsAlone[batch.kinds[to]] === 1) break;
      clock = next;
      clocks[to] = next;
    }
  }
  segment.to = to;
}
