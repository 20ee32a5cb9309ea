import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { floorTo, type LogTimeMs, minuteMs } from '../model/time.ts';

/** As many as were enough for a quarter of an hour: the tail is longer by one part of so many. */
const marksPerWindow = 15;

interface Mark {
  /** First record at or after which the clock stood in the mark's span. */
  readonly offset: number;
  /** Lane clock at that record. */
  readonly clock: LogTimeMs;
}

/**
 * Where the tail of the log starts that the duplicate check still needs: a few marks over the
 * time that ids are remembered. Committed, so that reading back after a restore meets the very same clock. Each stands at
 * the first record of its span of time, however records are batched: so does how far back a restore reads.
 */
export class ClockMarks {
  #marks: Mark[] = [];

  /** Clock of the next mark: no record at or after it may pass without `advance`. */
  nextAt(windowMs: number): number {
    const last = this.#marks.at(-1);
    const step = Math.max(minuteMs, floorTo(windowMs / marksPerWindow, minuteMs));
    return last === undefined ? Number.NEGATIVE_INFINITY : floorTo(last.clock, step) + step;
  }

  /** `windowMs` = for how long ids are remembered. */
  advance(clock: LogTimeMs, offset: number, windowMs: number): void {
    if (clock < this.nextAt(windowMs)) return;
    this.#marks.push({ offset, clock });
    // The newest mark before the horizon is where the tail starts: at the very horizon, records before the mark may count.
    while (this.#marks.length > 1 && this.#marks[1].clock < clock - windowMs) this.#marks.shift();
  }

  /** Where to start reading back, and the clock there; null before the first record. */
  get tail(): Mark | null {
    return this.#marks[0] ?? null;
  }

  write(out: ByteWriter): void {
    out.count(this.#marks.length);
    for (const { offset, clock } of this.#marks) {
      out.count(offset);
      out.double(clock);
    }
  }

  read(from: ByteReader): void {
    this.#marks = [];
    for (let n = from.count(); n > 0; n--)
      this.#marks.push({ offset: from.count(), clock: from.double() as LogTimeMs });
  }
}
