import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { limits } from '../model/limits.ts';
import { minuteMs } from '../model/time.ts';

interface Mark {
  /** First record at or after which the clock stood in the mark's minute. */
  readonly offset: number;
  /** Lane clock at that record. */
  readonly clock: number;
}

/**
 * Where the tail of the log starts that the duplicate check still needs: one mark a minute of the
 * lane clock. Committed, so that reading back after a restore meets the very same clock.
 */
export class ClockMarks {
  #marks: Mark[] = [];

  advance(clock: number, offset: number): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && Math.floor(clock / minuteMs) === Math.floor(last.clock / minuteMs)) return;
    this.#marks.push({ offset, clock });
    // The newest mark before the horizon is where the tail starts: at the very horizon, records before the mark may count.
    while (this.#marks.length > 1 && this.#marks[1].clock < clock - limits.duplicateWindowMs) this.#marks.shift();
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

  read(from: ByteReader, isWanted: boolean): void {
    const marks: Mark[] = [];
    for (let n = from.count(); n > 0; n--) marks.push({ offset: from.count(), clock: from.double() });
    if (isWanted) this.#marks = marks;
  }
}
