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

  /** Σ nanos over [from, to); both at quarter-hours, or `to`/`from` at minutes inside the minute ring. */
  spend(from: number, to: number): bigint {
    let sum = 0n;
    let safe = 0;
    this.#visit(from, to, (cell) => {
      const nanos = this.#nanos.getSafe(cell);
      if (nanos !== undefined && Number.isSafeInteger(safe + nanos)) safe += nanos;
      else sum += this.#nanos.get(cell);
    });
    return sum + BigInt(safe);
  }

  impressions(from: number, to: number): number {
    let sum = 0;
    this.#visit(from, to, (cell) => {
      sum += this.#impressions[cell];
    });
    return sum;
  }

  #visit(from: number, to: number, each: (cell: number) => void): void {
    const firstQuarter = -floorTo(-from, quarterMs); // Rounded up.
    const lastQuarter = floorTo(to, quarterMs);
    if (firstQuarter >= lastQuarter) {
      this.#visitMinutes(from, Math.min(to, firstQuarter), each);
      this.#visitMinutes(Math.max(from, lastQuarter, Math.min(to, firstQuarter)), to, each);
      return;
    }
    this.#visitMinutes(from, firstQuarter, each);
    for (let quarter = firstQuarter / quarterMs; quarter < lastQuarter / quarterMs; quarter++) {
      const cell = minuteCells + modulo(quarter, quarterCells);
      if (this.#ids[cell] === quarter) each(cell);
    }
    this.#visitMinutes(lastQuarter, to, each);
  }

  #visitMinutes(from: number, to: number, each: (cell: number) => void): void {
    for (let minute = from / minuteMs; minute < to / minuteMs; minute++) {
      const cell = modulo(minute, minuteCells);
      if (this.#ids[cell] === minute) each(cell);
    }
  }

  #add(cell: number, id: number, micros: number, nanos: number, impressions: number): void {
    if (this.#ids[cell] !== id) {
      this.#ids[cell] = id;
      this.#nanos.clear(cell);
      this.#impressions[cell] = 0;
    }
    if (micros !== 0) this.#nanos.addProduct(cell, micros, 1_000);
    if (nanos !== 0) this.#nanos.add(cell, nanos);
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
    this.#impressions[cell] = impressions;
  }
}

function modulo(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}
