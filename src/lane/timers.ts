import { assert } from '../model/errors.ts';
import { grownInPlace } from '../model/grown.ts';

/** What timers of a kind belong to. */
type TimerScope = 'organization' | 'campaign';

/** Timers of one operator; of several kinds that are due at one instant, the lower rank runs first. */
export interface TimerKind {
  /** 0 to 7; of this kind for ever, because the order of timers is part of every answer. */
  readonly rank: number;
  readonly of: TimerScope;
}

/** Judges the sources of an organization. */
export const organizationTimer: TimerKind = { rank: 0, of: 'organization' };
/** Evaluates the flights of a campaign. */
export const campaignTimer: TimerKind = { rank: 1, of: 'campaign' };

/** Who a timer belongs to, for the order of those that are due at one instant. */
interface TimerNames {
  organizationId(of: TimerScope, slot: number): string;
  /** Empty for a timer of an organization. */
  campaignId(of: TimerScope, slot: number): string;
}

interface Timer {
  readonly at: number;
  /** Of its kind. */
  readonly rank: number;
  /** Slot of the organization or campaign. */
  readonly slot: number;
}

/**
 * Due instants of one lane, earliest first; ties by rank, organization, campaign (docs/semantics.md
 * §1). A binary heap in two columns: walking it touches numbers that lie together, and no object.
 */
export class Timers {
  readonly #names: TimerNames;
  #ats = new Float64Array(firstTimers);
  /** Slot · ranks + rank. */
  #owners = new Int32Array(firstTimers);
  #count = 0;
  /** By rank; undefined = no operator has declared it. */
  readonly #scopes = new Array<TimerScope | undefined>(ranks);

  constructor(names: TimerNames) {
    this.#names = names;
  }

  /** An operator has timers of this kind. */
  declare({ rank, of }: TimerKind): void {
    assert(Number.isInteger(rank) && rank >= 0 && rank < ranks, `a rank lies in 0..${ranks - 1}`);
    assert(this.#scopes[rank] === undefined, `rank ${rank} belongs to one kind of timers`);
    this.#scopes[rank] = of;
  }

  get nextAt(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#ats[0];
  }

  /** Whether one is due at the clock of a row: every record asks, and an instant handed over would be an object. */
  isDue(clocks: Float64Array, row: number): boolean {
    return this.#count > 0 && clocks[row] >= this.#ats[0];
  }

  push({ at, rank, slot }: Timer): void {
    if (this.#count === this.#ats.length) this.#grow();
    const owner = slot * ranks + rank;
    let i = this.#count++;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!this.#isBefore(at, owner, parent)) break;
      this.#move(parent, i);
      i = parent;
    }
    this.#put(i, at, owner);
  }

  pop(): Timer {
    const at = this.#ats[0];
    const owner = this.#owners[0];
    this.#count -= 1;
    if (this.#count > 0) this.#sink(this.#ats[this.#count], this.#owners[this.#count]);
    return timerOf(at, owner);
  }

  clear(): void {
    this.#count = 0;
  }

  /** Takes out those of owners that are gone. */
  drop(isGone: (of: TimerScope, slot: number) => boolean): void {
    const all = Array.from({ length: this.#count }, (_, i) => timerOf(this.#ats[i], this.#owners[i]));
    this.clear();
    for (const timer of all) if (!isGone(this.#scopes[timer.rank] as TimerScope, timer.slot)) this.push(timer);
  }

  /** Asserts that the heap is one, and that the timers of a kind are those that are pending, once each. */
  verify(pending: ReadonlyMap<TimerKind, ReadonlyMap<number, number>>): void {
    const left = new Map([...pending].map(([{ rank }, bySlot]) => [rank, new Map(bySlot)]));
    for (let i = 0; i < this.#count; i++) {
      const { at, rank, slot } = timerOf(this.#ats[i], this.#owners[i]);
      const parent = (i - 1) >> 1;
      assert(i === 0 || !this.#isBefore(at, this.#owners[i], parent), 'no timer lies above one that is due before it');
      const ofKind = left.get(rank);
      if (ofKind === undefined) continue;
      assert(ofKind.get(slot) === at, `a timer of rank ${rank} is the pending one of slot ${slot}`);
      ofKind.delete(slot);
    }
    for (const [rank, ofKind] of left) assert(ofKind.size === 0, `every pending timer of rank ${rank} is set`);
  }

  #sink(at: number, owner: number): void {
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#count) break;
      const other = child + 1;
      if (other < this.#count && this.#isBefore(this.#ats[other], this.#owners[other], child)) child = other;
      if (this.#isBefore(at, owner, child)) break;
      this.#move(child, i);
      i = child;
    }
    this.#put(i, at, owner);
  }

  #isBefore(at: number, owner: number, i: number): boolean {
    const otherAt = this.#ats[i];
    return at !== otherAt ? at < otherAt : this.#isBeforeByName(timerOf(at, owner), timerOf(at, this.#owners[i]));
  }

  #isBeforeByName(a: Timer, b: Timer): boolean {
    if (a.rank !== b.rank) return a.rank < b.rank;
    const of = this.#scopes[a.rank];
    assert(of !== undefined, 'every timer is of a kind that was declared');
    const [idA, idB] = [this.#names.organizationId(of, a.slot), this.#names.organizationId(of, b.slot)];
    return idA !== idB ? idA < idB : this.#names.campaignId(of, a.slot) < this.#names.campaignId(of, b.slot);
  }

  #move(from: number, to: number): void {
    this.#ats[to] = this.#ats[from];
    this.#owners[to] = this.#owners[from];
  }

  #put(i: number, at: number, owner: number): void {
    this.#ats[i] = at;
    this.#owners[i] = owner;
  }

  #grow(): void {
    const length = this.#ats.length * 2;
    this.#ats = grownInPlace(this.#ats, length);
    this.#owners = grownInPlace(this.#owners, length);
  }
}

const firstTimers = 64;
/** Kinds of timers that a lane may have. */
const ranks = 8;

function timerOf(at: number, owner: number): Timer {
  return { at, rank: owner % ranks, slot: Math.floor(owner / ranks) };
}

/** The first instant > `after` that is ≡ `phase` modulo `every`. */
export function nextInstant(after: number, phase: number, every: number): number {
  const shift = ((phase % every) + every) % every;
  return Math.floor((after - shift) / every) * every + every + shift;
}
