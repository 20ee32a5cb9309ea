import { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { daysVersion, readDay, writeDay } from './day-codec.ts';
import { DayRow } from './day-row.ts';
import type { LaneBooks } from './lane-books.ts';

/** Of the many campaigns that have no old days: one for all, since an array of bytes alone is some hundred bytes. */
const noNumbers: readonly number[] = [];
const noBytes = new Uint8Array(0);

/**
 * Days of a campaign that few records reach any more, as bytes: some thirty a day instead of a record
 * in the slab and its object. A day that is wanted again is taken out and is a row as before.
 */
export class OldDays {
  /** Ascending; the bytes of day n are [starts[n], starts[n + 1]). */
  #numbers: readonly number[] = noNumbers;
  #starts: readonly number[] = noNumbers;
  #bytes: Uint8Array = noBytes;

  get isEmpty(): boolean {
    return this.#numbers.length === 0;
  }

  /** Numbers of the days, ascending. */
  get numbers(): readonly number[] {
    return this.#numbers;
  }

  /** Puts rows to those that are there; none of them is among those. */
  put(rows: readonly DayRow[], { currencies }: LaneBooks): void {
    const all = new Map<number, Uint8Array>(this.#numbers.map((number, index) => [number, this.#bytesOf(index)]));
    for (const row of rows) {
      writeDay(out, row, currencies);
      all.set(row.day, out.take());
    }
    this.#set(all);
  }

  /** The row of a day, which is no longer here; null when it is not. */
  take(number: number, books: LaneBooks): DayRow | null {
    const row = this.read(number, books);
    if (row !== null) this.#set(this.#others(number));
    return row;
  }

  /** The row of a day as a copy, to be given back with `forget`; null when there is none. */
  read(number: number, books: LaneBooks): DayRow | null {
    const index = this.#numbers.indexOf(number);
    if (index < 0) return null;
    const row = new DayRow(number, books.days);
    readDay(new ByteReader(this.#bytesOf(index)), daysVersion, row, books.currencies);
    return row;
  }

  /** Leaves a day out: a newer row of it was read back. */
  drop(number: number): void {
    if (this.#numbers.includes(number)) this.#set(this.#others(number));
  }

  /** Forgets days before a number. */
  forgetBefore(number: number): void {
    if (this.isEmpty || this.#numbers[0] >= number) return;
    this.#set(new Map([...this.#others(-1)].filter(([each]) => each >= number)));
  }

  write(to: ByteWriter): void {
    to.count(this.#numbers.length);
    this.#numbers.forEach((number, index) => {
      to.int32(number);
      const bytes = this.#bytesOf(index);
      to.count(bytes.length);
      to.raw(bytes);
    });
  }

  /** Reads what `write` wrote, in a section of that version, in place of what was here. */
  restore(from: ByteReader, version: number, books: LaneBooks): void {
    const all = new Map<number, Uint8Array>();
    for (let n = from.count(); n > 0; n--) {
      const number = from.int32();
      const bytes = from.raw(from.count());
      all.set(number, version === daysVersion ? bytes : rewritten(number, bytes, version, books));
    }
    this.#set(all);
  }

  #others(number: number): Map<number, Uint8Array> {
    const all = this.#numbers.map((each, index) => [each, this.#bytesOf(index)] as const);
    return new Map(all.filter(([each]) => each !== number));
  }

  #bytesOf(index: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[index], this.#starts[index + 1]);
  }

  #set(all: ReadonlyMap<number, Uint8Array>): void {
    const sorted = [...all].sort(([a], [b]) => a - b);
    const bytes = new Uint8Array(sorted.reduce((sum, [, each]) => sum + each.length, 0));
    const starts = [0];
    for (const [, each] of sorted) {
      bytes.set(each, starts[starts.length - 1]);
      starts.push(starts[starts.length - 1] + each.length);
    }
    this.#numbers = sorted.map(([number]) => number);
    this.#starts = starts;
    this.#bytes = bytes;
  }
}

/** The bytes of a day as this release writes them. */
function rewritten(number: number, bytes: Uint8Array, version: number, books: LaneBooks): Uint8Array {
  const row = new DayRow(number, books.days);
  readDay(new ByteReader(bytes), version, row, books.currencies);
  writeDay(out, row, books.currencies);
  row.forget();
  return out.take();
}

/** Days are made into bytes one at a time, and taken at once. */
const out = new ByteWriter();
