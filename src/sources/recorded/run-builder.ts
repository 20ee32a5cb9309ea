import type { RecordRun, Unreadable } from '../../events/record-run.ts';
import { type LogTimeMs, type TimeColumn, timeColumn } from '../../model/time.ts';

/** Collects the positions of records found in one buffer; its arrays are reused from run to run. */
export class RunBuilder {
  #capacity = 4_096;
  #offsets = new Float64Array(this.#capacity);
  #logTimes = timeColumn<LogTimeMs>(this.#capacity);
  #keyStarts = new Int32Array(this.#capacity);
  #keyEnds = new Int32Array(this.#capacity);
  #valueStarts = new Int32Array(this.#capacity);
  #valueEnds = new Int32Array(this.#capacity);
  count = 0;
  /** Bytes of keys and values collected so far. */
  bytes = 0;
  /** What else the run accounts for (`RecordRun`). */
  control = 0;
  gaps = 0;
  leaderEpoch = -1;

  clear(): void {
    this.count = 0;
    this.bytes = 0;
    this.control = 0;
    this.gaps = 0;
    this.leaderEpoch = -1;
  }

  /** Start -1 stands for a null key or value. */
  add(offset: number, logTime: number, keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void {
    if (this.count === this.#capacity) this.#grow();
    const at = this.count++;
    this.#offsets[at] = offset;
    this.#logTimes[at] = logTime as LogTimeMs;
    this.#keyStarts[at] = keyStart;
    this.#keyEnds[at] = keyEnd;
    this.#valueStarts[at] = valueStart;
    this.#valueEnds[at] = valueEnd;
    this.bytes += keyEnd - keyStart + (valueEnd - valueStart);
  }

  build(
    topic: string,
    partition: number,
    buffer: Uint8Array,
    nextOffset: number,
    unreadable: Unreadable | null = null,
  ): RecordRun {
    const { count, control, gaps, leaderEpoch } = this;
    // A plain array over the same memory: whoever slices it means to copy, and a Buffer's slice is a view.
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
    return {
      topic,
      partition,
      count,
      bytes,
      offsets: this.#offsets.subarray(0, count),
      logTimes: this.#logTimes.subarray(0, count) as TimeColumn<LogTimeMs>,
      keyStarts: this.#keyStarts.subarray(0, count),
      keyEnds: this.#keyEnds.subarray(0, count),
      valueStarts: this.#valueStarts.subarray(0, count),
      valueEnds: this.#valueEnds.subarray(0, count),
      nextOffset,
      control,
      gaps,
      unreadable,
      leaderEpoch,
    };
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#offsets = grown(this.#offsets, new Float64Array(this.#capacity));
    this.#logTimes = grown(this.#logTimes, timeColumn<LogTimeMs>(this.#capacity));
    this.#keyStarts = grown(this.#keyStarts, new Int32Array(this.#capacity));
    this.#keyEnds = grown(this.#keyEnds, new Int32Array(this.#capacity));
    this.#valueStarts = grown(this.#valueStarts, new Int32Array(this.#capacity));
    this.#valueEnds = grown(this.#valueEnds, new Int32Array(this.#capacity));
  }
}

function grown<A extends Float64Array | Int32Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
