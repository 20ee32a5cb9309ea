import { nanosPerMicro } from '../model/money.ts';
import { floorTo, minuteMs, quarterMs } from '../model/time.ts';

/** Minutes kept: 177 behind the clock's minute, itself, and 2 ahead (docs/semantics.md §7.1). */
const minuteCells = 180;
/** Quarter-hours kept: 72 h, and one ahead. */
const quarterCells = 288;
const cells = minuteCells + quarterCells;

/** Id of a cell never written: no instant that passes the checks lies in the first minutes of 1970. */
const emptyCell = 0;
const cellWidth = 3;
const nanosField = 1;
const impressionsField = 2;

export const minutesBehind = 177;
export const quartersBehind = 285;

/**
 * Spend and valid impressions of one campaign by time: a ring of minutes and a ring of quarter-hours.
 * A cell knows which minute (quarter) it holds, so nothing is ever cleared: a newer one takes it over.
 */
export class DeliveryCells {
  /** Three doubles a cell, side by side, because an item touches all of them: id, nanos, impressions. */
  readonly #values = new Float64Array(cells * cellWidth);
  /** Nanos of a cell beyond the safe integers that `#values` holds; nearly always none. */
  #large: Map<number, bigint> | null = null;
  /** Largest magnitude that any cell ever had. */
  #peak = 0;
  /** Cells written since the last harvest: a flag each, and a list of those with the flag. */
  readonly #isTouched = new Uint8Array(cells);
  readonly #touched: number[] = [];

  /**
   * Books an item at `at`. Items behind a ring leave no cell there: nobody will ask for it again.
   * Amount = micros · 1000 + nanos, both safe integers.
   */
  book(at: number, clock: number, micros: number, nanos: number, impressions: number): void {
    const minute = Math.floor(at / minuteMs);
    if (minute >= Math.floor(clock / minuteMs) - minutesBehind)
      this.#add(modulo(minute, minuteCells), minute, micros, nanos, impressions);
    const quarter = Math.floor(at / quarterMs);
    if (quarter >= Math.floor(clock / quarterMs) - quartersBehind) {
      this.#add(minuteCells + modulo(quarter, quarterCells), quarter, micros, nanos, impressions);
    }
  }

  /** Σ nanos over [from, to); both at quarter-hours, or at minutes inside the minute ring. */
  spend(from: number, to: number): bigint {
    // Whatever is added up, no partial sum can leave the safe integers.
    const isSafe = this.#large === null && this.#peak * cells <= Number.MAX_SAFE_INTEGER;
    return isSafe ? BigInt(this.#sum(nanosField, from, to)) : this.#exactSpend(from, to);
  }

  impressions(from: number, to: number): number {
    return this.#sum(impressionsField, from, to);
  }

  /** Minutes up to the first quarter-hour, quarter-hours, minutes after the last. */
  #sum(field: number, from: number, to: number): number {
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    return (
      this.#sumRing(field, from / minuteMs, first / minuteMs, 0, minuteCells) +
      this.#sumRing(field, first / quarterMs, last / quarterMs, minuteCells, quarterCells) +
      this.#sumRing(field, last / minuteMs, to / minuteMs, 0, minuteCells)
    );
  }

  #sumRing(field: number, from: number, to: number, base: number, size: number): number {
    const values = this.#values;
    const end = (base + size) * cellWidth;
    let sum = 0;
    let at = (base + modulo(from, size)) * cellWidth;
    for (let id = from; id < to; id++) {
      if (values[at] === id) sum += values[at + field];
      at += cellWidth;
      if (at === end) at = base * cellWidth;
    }
    return sum;
  }

  /** As `spend`, for sums that left the safe integers on the way. */
  #exactSpend(from: number, to: number): bigint {
    let sum = 0n;
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    const add = (base: number, size: number, start: number, end: number) => {
      for (let id = start; id < end; id++) {
        const cell = base + modulo(id, size);
        if (this.idAt(cell) === id) sum += BigInt(this.nanosAt(cell));
      }
    };
    add(0, minuteCells, from / minuteMs, first / minuteMs);
    add(minuteCells, quarterCells, first / quarterMs, last / quarterMs);
    add(0, minuteCells, last / minuteMs, to / minuteMs);
    return sum;
  }

  #add(cell: number, id: number, micros: number, nanos: number, impressions: number): void {
    const values = this.#values;
    const at = cell * cellWidth;
    if (values[at] !== id) {
      values[at] = id;
      values[at + nanosField] = 0;
      values[at + impressionsField] = 0;
      this.#forgetLarge(cell);
    }
    // A sum of two safe integers is exact when it is a safe integer: looked at step by step.
    const product = micros * nanosPerMicro;
    const item = product + nanos;
    const sum = values[at + nanosField] + item;
    if (this.#large === null && isSafe(product) && isSafe(item) && isSafe(sum)) {
      values[at + nanosField] = sum;
      if (sum > this.#peak || -sum > this.#peak) this.#peak = Math.abs(sum);
    } else this.#set(cell, BigInt(this.nanosAt(cell)) + BigInt(micros) * BigInt(nanosPerMicro) + BigInt(nanos));
    values[at + impressionsField] += impressions;
    if (this.#isTouched[cell] === 0) {
      this.#isTouched[cell] = 1;
      this.#touched.push(cell);
    }
  }

  /** Writes the nanos of a cell, whatever their size. */
  #set(cell: number, nanos: bigint): void {
    const small = Number(nanos);
    const at = cell * cellWidth + nanosField;
    this.#forgetLarge(cell);
    this.#values[at] = isSafe(small) ? small : 0;
    this.#peak = Math.max(this.#peak, Math.abs(this.#values[at]));
    if (isSafe(small)) return;
    this.#large ??= new Map();
    this.#large.set(cell, nanos);
  }

  #forgetLarge(cell: number): void {
    if (this.#large?.delete(cell) && this.#large.size === 0) this.#large = null;
  }

  /** The touched cells, or every cell ever written. */
  toHarvest(all: boolean): readonly number[] {
    if (!all) return this.#touched;
    const written: number[] = [];
    for (let cell = 0; cell < cells; cell++) if (this.idAt(cell) !== emptyCell) written.push(cell);
    return written;
  }

  idAt(cell: number): number {
    return this.#values[cell * cellWidth];
  }
  nanosAt(cell: number): number | bigint {
    return this.#large?.get(cell) ?? this.#values[cell * cellWidth + nanosField];
  }
  impressionsAt(cell: number): number {
    return this.#values[cell * cellWidth + impressionsField];
  }

  clearTouched(): void {
    for (const cell of this.#touched) this.#isTouched[cell] = 0;
    this.#touched.length = 0;
  }

  restore(cell: number, id: number, nanos: bigint, impressions: number): void {
    this.#values[cell * cellWidth] = id;
    this.#set(cell, nanos);
    this.#values[cell * cellWidth + impressionsField] = impressions;
  }
}

function isSafe(value: number): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= -Number.MAX_SAFE_INTEGER;
}

function modulo(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}
