import type { ByteWriter } from '../model/byte-codec.ts';
import { assert } from '../model/errors.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import { floorTo, minuteMs, quarterMs } from '../model/time.ts';
import { plus, type Whole, whole } from '../model/whole.ts';
import { type HotCampaigns, hotAt } from './hot-campaigns.ts';
import { none } from './none.ts';
import { NumberSlab } from './number-slab.ts';
import { TouchedCells } from './touched-cells.ts';

/** Doubles of a cell. */
const cellWidth = 4;
/** Place of each in a cell: its id comes first; `isTouched` = written since the last harvest. */
export const cellAt = { id: 0, nanos: 1, impressions: 2, isTouched: 3 } as const;
/** Cells are taken from the slab in blocks, where a campaign needs them. */
const blockShift = 3;
const blockCells = 1 << blockShift;

const leastPeak = 2 ** 32;

/** Cells of which none was written: no instant that passes the checks lies in the last minutes of 1969. */
function blankBlock(): number[] {
  const blank = new Array<number>(blockCells * cellWidth).fill(0);
  for (let cell = 0; cell < blockCells; cell++) blank[cell * cellWidth + cellAt.id] = none;
  return blank;
}

/** The cells of all campaigns of a lane. */
export class CellSlab {
  readonly cells = new NumberSlab(blankBlock());
  /** For each campaign, where its blocks lie. */
  readonly blocks: NumberSlab;
  readonly touched = new TouchedCells();
  /** Cells of the ring of minutes, which come first, and of the ring of quarter-hours. */
  readonly minutes: number;
  readonly quarters: number;
  /** Of one campaign. */
  readonly count: number;
  readonly blockCount: number;
  /** Largest magnitude of nanos that any cell ever had, or a little: never a small integer, of which V8 would first make code of its own. */
  peak = leastPeak;

  constructor(limits: LaneLimits) {
    this.minutes = limits.minuteCells;
    this.quarters = limits.quarterCells;
    this.count = this.minutes + this.quarters;
    this.blockCount = Math.ceil(this.count / blockCells);
    this.blocks = new NumberSlab(new Array<number>(this.blockCount).fill(none));
  }

  minuteCellOf(minute: number): number {
    return modulo(minute, this.minutes);
  }

  quarterCellOf(quarter: number): number {
    return this.minutes + modulo(quarter, this.quarters);
  }

  /** Where a cell lies, or -1 when its block was never written. */
  placeOf(blocksBase: number, cell: number): number {
    const block = this.blocks.values[blocksBase + (cell >> blockShift)];
    return block === none ? none : block + (cell & (blockCells - 1)) * cellWidth;
  }

  /** The cell at `place` holds `id` from now on; true when it held another before. */
  takeOver(place: number, id: number): boolean {
    const { values } = this.cells;
    if (values[place + cellAt.id] === id) return false;
    values[place + cellAt.id] = id;
    values[place + cellAt.nanos] = 0;
    values[place + cellAt.impressions] = 0;
    return true;
  }

  isTouched(place: number): boolean {
    return this.cells.values[place + cellAt.isTouched] !== 0;
  }

  /** The cell was written for the first time since the last harvest, which wants it. `base` = the campaign's hot record. */
  touch(hot: Float64Array, base: number, cell: number, place: number): void {
    this.cells.values[place + cellAt.isTouched] = 1;
    this.touched.add(hot, base, cell);
  }
}

/**
 * Spend and valid impressions of one campaign by time: a ring of minutes and a ring of quarter-hours.
 * A cell knows which minute (quarter) it holds, so nothing is ever cleared: a newer one takes it over.
 * `CellBooker` writes nearly all of them in passing, through the campaign's hot record.
 */
export class DeliveryCells {
  readonly #slab: CellSlab;
  readonly #hot: HotCampaigns;
  /** The campaign's hot record. */
  readonly #hotBase: number;
  /** Its record in `blocks` of the slab. */
  readonly #base: number;
  /** Nanos of a cell beyond the safe integers that the slab holds; nearly always none. */
  #large: Map<number, bigint> | null = null;

  constructor(slab: CellSlab, hot: HotCampaigns, hotBase: number) {
    this.#slab = slab;
    this.#hot = hot;
    this.#hotBase = hotBase;
    this.#base = slab.blocks.take();
    hot.values[hotBase + hotAt.blocks] = this.#base;
  }

  /** Σ nanos over [from, to); both at quarter-hours, or at minutes inside the minute ring. */
  spend(from: number, to: number): Whole {
    // Whatever is added up, no partial sum can leave the safe integers.
    const isSafe = this.#large === null && this.#slab.peak * this.#slab.count <= Number.MAX_SAFE_INTEGER;
    return isSafe ? this.#sum(cellAt.nanos, from, to) : whole(this.#exactSpend(from, to));
  }

  impressions(from: number, to: number): number {
    return this.#sum(cellAt.impressions, from, to);
  }

  /** Minutes up to the first quarter-hour, quarter-hours, minutes after the last. */
  #sum(field: number, from: number, to: number): number {
    const { minutes, quarters } = this.#slab;
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    return (
      this.#sumRing(field, from / minuteMs, first / minuteMs, 0, minutes) +
      this.#sumRing(field, first / quarterMs, last / quarterMs, minutes, quarters) +
      this.#sumRing(field, last / minuteMs, to / minuteMs, 0, minutes)
    );
  }

  /** By runs of cells that lie side by side; a block that was never written holds nothing. */
  #sumRing(field: number, from: number, to: number, base: number, size: number): number {
    const { values } = this.#slab.cells;
    let sum = 0;
    let cell = base + modulo(from, size);
    for (let id = from; id < to; ) {
      const run = Math.min(blockCells - (cell & (blockCells - 1)), base + size - cell, to - id);
      const end = id + run;
      let at = this.#place(cell);
      cell = cell + run === base + size ? base : cell + run;
      if (at < 0) id = end;
      else {
        for (; id < end; id++, at += cellWidth) if (values[at + cellAt.id] === id) sum += values[at + field];
      }
    }
    return sum;
  }

  /** As `spend`, for sums that left the safe integers on the way. */
  #exactSpend(from: number, to: number): bigint {
    let sum = 0n;
    const { minutes, quarters } = this.#slab;
    const first = Math.min(-floorTo(-from, quarterMs), to);
    const last = Math.max(floorTo(to, quarterMs), first);
    const add = (base: number, size: number, start: number, end: number) => {
      for (let id = start; id < end; id++) {
        const cell = base + modulo(id, size);
        if (this.#idAt(cell) === id) sum += BigInt(this.#nanosAt(cell));
      }
    };
    add(0, minutes, from / minuteMs, first / minuteMs);
    add(minutes, quarters, first / quarterMs, last / quarterMs);
    add(0, minutes, last / minuteMs, to / minuteMs);
    return sum;
  }

  #place(cell: number): number {
    return this.#slab.placeOf(this.#base, cell);
  }

  /** As `#place`, with a block where there was none. */
  #placeToWrite(cell: number): number {
    const place = this.#place(cell);
    if (place >= 0) return place;
    const block = this.#slab.cells.take();
    this.#slab.blocks.values[this.#base + (cell >> blockShift)] = block;
    return block + (cell & (blockCells - 1)) * cellWidth;
  }

  /**
   * Where the cell lies in the slab, holding `id` from now on; -1 when the campaign has sums beyond
   * the safe integers, so that nothing may be added in passing.
   */
  bring(cell: number, id: number): number {
    const place = this.#placeToWrite(cell);
    if (this.#slab.takeOver(place, id)) this.#forgetLarge(cell);
    return this.#large === null ? place : none;
  }

  /** Adds to a cell, whatever the size. */
  add(cell: number, id: number, nanos: Whole, impressions: number): void {
    this.bring(cell, id);
    this.#set(cell, plus(this.#nanosAt(cell), nanos));
    const place = this.#place(cell);
    this.#slab.cells.values[place + cellAt.impressions] += impressions;
    if (!this.#slab.isTouched(place)) this.#slab.touch(this.#hot.values, this.#hotBase, cell, place);
  }

  /** Writes the nanos of a cell, whatever their size. */
  #set(cell: number, nanos: Whole): void {
    const at = this.#placeToWrite(cell) + cellAt.nanos;
    const { values } = this.#slab.cells;
    this.#forgetLarge(cell);
    values[at] = typeof nanos === 'number' ? nanos : 0;
    this.#slab.peak = Math.max(this.#slab.peak, Math.abs(values[at]));
    if (typeof nanos === 'number') return;
    this.#large ??= new Map();
    this.#large.set(cell, nanos);
    this.#hot.values[this.#hotBase + hotAt.blocks] = none;
  }

  /** No cell has any spend from now on; impressions stay. */
  forgetSpend(): void {
    for (const cell of this.#written()) {
      const place = this.#place(cell);
      this.#set(cell, 0);
      this.#slab.touch(this.#hot.values, this.#hotBase, cell, place);
    }
  }

  #forgetLarge(cell: number): void {
    if (!this.#large?.delete(cell) || this.#large.size > 0) return;
    this.#large = null;
    this.#hot.values[this.#hotBase + hotAt.blocks] = this.#base;
  }

  /** Writes the touched cells, or every cell ever written: how many, and each with its number; nothing where there are none. */
  write(out: ByteWriter, all: boolean): void {
    if (all) return this.#writeAll(out);
    const { touched } = this.#slab;
    const first = touched.firstOf(this.#hot.values, this.#hotBase);
    let count = 0;
    for (let at = first; at !== none; at = touched.nextOf(at)) count += 1;
    if (count === 0) return;
    out.count(count);
    for (let at = first; at !== none; at = touched.nextOf(at)) this.#writeCell(out, touched.cellOf(at));
  }

  #writeAll(out: ByteWriter): void {
    const written = this.#written();
    if (written.length === 0) return;
    out.count(written.length);
    for (let i = 0; i < written.length; i++) this.#writeCell(out, written[i]);
  }

  #writeCell(out: ByteWriter, cell: number): void {
    const place = this.#place(cell);
    const { values } = this.#slab.cells;
    out.count(cell);
    out.int32(values[place + cellAt.id]);
    out.exact(this.#large?.get(cell) ?? values[place + cellAt.nanos]);
    out.exact(values[place + cellAt.impressions]);
  }

  /** Every cell ever written. Most blocks of the rings were not. */
  #written(): number[] {
    const { blocks: own, cells, count, blockCount } = this.#slab;
    const written: number[] = [];
    for (let block = 0; block < blockCount; block++) {
      const taken = own.values[this.#base + block];
      if (taken === none) continue;
      const end = Math.min(count, (block + 1) << blockShift);
      for (let cell = block << blockShift, place = taken; cell < end; cell++, place += cellWidth)
        if (cells.values[place + cellAt.id] !== none) written.push(cell);
    }
    return written;
  }

  #idAt(cell: number): number {
    const place = this.#place(cell);
    return place === none ? none : this.#slab.cells.values[place + cellAt.id];
  }
  #nanosAt(cell: number): Whole {
    return this.#large?.get(cell) ?? this.#fieldAt(cell, cellAt.nanos);
  }

  #fieldAt(cell: number, field: number): number {
    const place = this.#place(cell);
    return place < 0 ? 0 : this.#slab.cells.values[place + field];
  }

  /** Of this campaign; the list itself is emptied once for all. */
  clearTouched(): void {
    const { cells, touched } = this.#slab;
    const hot = this.#hot.values;
    for (let at = touched.firstOf(hot, this.#hotBase); at !== none; at = touched.nextOf(at)) {
      cells.values[this.#place(touched.cellOf(at)) + cellAt.isTouched] = 0;
    }
    touched.forget(this.#hot.values, this.#hotBase);
  }

  restore(cell: number, id: number, nanos: Whole, impressions: number): void {
    const place = this.#placeToWrite(cell);
    this.#slab.cells.values[place + cellAt.id] = id;
    this.#set(cell, nanos);
    this.#slab.cells.values[place + cellAt.impressions] = impressions;
  }

  /** Where its records lie: that of its blocks, and each block. */
  records(): { base: number; blocks: number[] } {
    const { blocks: own, blockCount } = this.#slab;
    const all = [...own.values.subarray(this.#base, this.#base + blockCount)];
    return { base: this.#base, blocks: all.filter((block) => block !== none) };
  }

  /** Asserts that what the hot record knows of its cells is what they are. */
  verify(): void {
    const { values } = this.#hot;
    const { cells, touched } = this.#slab;
    const blocks = this.#large === null ? this.#base : none;
    assert(values[this.#hotBase + hotAt.blocks] === blocks, 'the hot record knows where the blocks lie');
    touched.verify(values, this.#hotBase);
    const listed = new Set(touched.of(values, this.#hotBase));
    for (let cell = 0; cell < this.#slab.count; cell++) {
      const place = this.#place(cell);
      const isTouched = place !== none && cells.values[place + cellAt.isTouched] === 1;
      assert(isTouched === listed.has(cell), `cell ${cell} is in the list of touched cells when it was touched`);
    }
    this.#verifyAtHand(hotAt.minuteCell, hotAt.minute, (minute) => this.#slab.minuteCellOf(minute));
    this.#verifyAtHand(hotAt.quarterCell, hotAt.quarter, (quarter) => this.#slab.quarterCellOf(quarter));
  }

  #verifyAtHand(placeField: number, idField: number, cellOf: (id: number) => number): void {
    const [place, id] = [this.#hot.values[this.#hotBase + placeField], this.#hot.values[this.#hotBase + idField]];
    if (place === none) return;
    assert(place === this.#place(cellOf(id)), 'the cell at hand lies where the slow look-up finds it');
    assert(this.#slab.cells.values[place + cellAt.id] === id, 'the cell at hand holds what it is at hand for');
  }

  /** Gives the memory back to the slab; this object must not be used any more. */
  release(): void {
    const { blocks: own, cells: all, blockCount } = this.#slab;
    for (let block = 0; block < blockCount; block++) {
      const taken = own.values[this.#base + block];
      if (taken !== none) all.release(taken);
    }
    own.release(this.#base);
    this.#slab.touched.forget(this.#hot.values, this.#hotBase);
    this.#hot.values[this.#hotBase + hotAt.blocks] = none;
  }
}

function modulo(value: number, by: number): number {
  const rest = value % by;
  return rest < 0 ? rest + by : rest;
}
