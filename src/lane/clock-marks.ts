import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { floorTo, type LogTimeMs, minuteMs } from '../model/time.ts';

interface Mark {
  /** First record at or after which the clock stood in the mark's minute. */
  readonly offset: number;
  /** Lane clock at that record. */
  readonly clock: LogTimeMs;
}

/**
 * Where the tail of the log starts that the duplicate check still needs: one mark a minute of the
 * lane clock. Committed, so that reading back after a restore meets the very same clock. Each stands at
 * the first record of its minute, however records are batched: so does how far back a restore reads.
 */
export class ClockMarks {
  readonly #windowMs: number;
  #marks: Mark[] = [];

  constructor(limits: LaneLimits = laneLimits) {
    this.#windowMs = limits.duplicateWindowMs;
  }

  /** Clock of the next mark: no record at or after it may pass without `advance`. */
  get nextAt(): number {
    const last = this.#marks.at(-1);
    return last === undefined ? Number.NEGATIVE_INFINITY : floorTo(last.clock, minuteMs) + minuteMs;
  }

  advance(clock: LogTimeMs, offset: number): void {
    if (clock < this.nextAt) return;
    this.#marks.push({ offset, clock });
    // The newest mark before the horizon is where the tail starts: at the very horizon, records before the mark may count.
    while (this.#marks.length > 1 && this.#marks[1].clock < clock - this.#windowMs) this.#marks.shift();
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
