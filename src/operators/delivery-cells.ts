import { ExactSums } from '../model/money.ts';
import { floorTo, minuteMs, quarterMs } from '../model/time.ts';

/** Minutes kept: 177 behind the clock's minute, itself, and 2 ahead (docs/semantics.md §7.1). */
const minuteCells = 180;
/** Quarter-hours kept: 72 h, and one ahead. */
const quarterCells = 288;
const cells = minuteCells + quarterCells;

const emptyCell = -2_147_483_648;

export const minutesBehind = 177;
export const quartersBehind = 285;

/**
 * Spend and valid impressions of one campaign by time: a ring of minutes and a ring of quarter-hours.
 * A cell knows which minute (quarter) it holds, so nothing is ever cleared: a newer one takes it over.
 */
export class DeliveryCells {
  readonly #ids = new Int32Array(cells).fill(emptyCell);
  readonly #nanos = new ExactSums(cells);
  readonly #impressions = new Float64Array(cells);
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
    const isSafe = this.#nanos.isSmall && this.#peak * cells <= Number.MAX_SAFE_INTEGER;
    return isSafe ? BigInt(this.#sum(this.#nanos.small, from, to)) : this.#exactSpend(from, to);
  }

  impressions(from: number, to: number): number {
    return this.#sum(this.#impressions, from, to);
  }

  /** Minutes up to the first quarter-hour, quarter-hours, minutes after the last. */
  #sum(values: Float64Array, from: number, to: number): number {
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    return (
      this.#sumRing(values, from / minuteMs, first / minuteMs, 0, minuteCells) +
      this.#sumRing(values, first / quarterMs, last / quarterMs, minuteCells, quarterCells) +
      this.#sumRing(values, last / minuteMs, to / minuteMs, 0, minuteCells)
    );
  }

  #sumRing(values: Float64Array, from: number, to: number, base: number, size: number): number {
    const ids = this.#ids;
    let sum = 0;
    let cell = base + modulo(from, size);
    for (let id = from; id < to; id++) {
      if (ids[cell] === id) sum += values[cell];
      cell += 1;
      if (cell === base + size) cell = base;
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
        if (this.#ids[cell] === id) sum += this.#nanos.get(cell);
      }
    };
    add(0, minuteCells, from / minuteMs, first / minuteMs);
    add(minuteCells, quarterCells, first / quarterMs, last / quarterMs);
    add(0, minuteCells, last / minuteMs, to / minuteMs);
    return sum;
  }

  #add(cell: number, id: number, micros: number, nanos: number, impressions: number): void {
    if (this.#ids[cell] !== id) {
      this.#ids[cell] = id;
      this.#nanos.clear(cell);
      this.#impressions[cell] = 0;
    }
    if (micros !== 0) this.#nanos.addProduct(cell, micros, 1_000);
    if (nanos !== 0) this.#nanos.add(cell, nanos);
    this.#peak = Math.max(this.#peak, Math.abs(this.#nanos.small[cell]));
    this.#impressions[cell] += impressions;
    if (this.#isTouched[cell] === 0) {
      this.#isTouched[cell] = 1;
      this.#touched.push(cell);
    }
  }

  /** The touched cells, or every cell ever written. */
  toHarvest(all: boolean): readonly number[] {
    if (!all) return this.#touched;
    const written: number[] = [];
    for (let cell = 0; cell < cells; cell++) if (this.#ids[cell] !== emptyCell) written.push(cell);
    return written;
  }

  idAt(cell: number): number {
    return this.#ids[cell];
  }
  nanosAt(cell: number): number | bigint {
    return this.#nanos.getSafe(cell) ?? this.#nanos.get(cell);
  }
  impressionsAt(cell: number): number {
    return this.#impressions[cell];
  }

  clearTouched(): void {
    for (const cell of this.#touched) this.#isTouched[cell] = 0;
    this.#touched.length = 0;
  }

  restore(cell: number, id: number, nanos: bigint, impressions: number): void {
    this.#ids[cell] = id;
    this.#nanos.set(cell, nanos);
    this.#peak = Math.max(this.#peak, Math.abs(this.#nanos.small[cell]));
    this.#impressions[cell] = impressions;
  }
}

function modulo(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}
