import { grownInPlace } from '../model/grown.ts';

/** Who a timer belongs to, for the order of those that are due at one instant. */
export interface TimerNames {
  organizationId(timer: Timer): string;
  /** Empty for a timer of an organization. */
  campaignId(timer: Timer): string;
}

export interface Timer {
  readonly at: number;
  /** 0 = organization, 1 = campaign. */
  readonly rank: 0 | 1;
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
  /** Slot · 2 + rank. */
  #owners = new Int32Array(firstTimers);
  #count = 0;

  constructor(names: TimerNames) {
    this.#names = names;
  }

  get nextAt(): number {
    return this.#count === 0 ? Number.POSITIVE_INFINITY : this.#ats[0];
  }

  push({ at, rank, slot }: Timer): void {
    if (this.#count === this.#ats.length) this.#grow();
    const owner = slot * 2 + rank;
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
    const [idA, idB] = [this.#names.organizationId(a), this.#names.organizationId(b)];
    return idA !== idB ? idA < idB : this.#names.campaignId(a) < this.#names.campaignId(b);
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

function timerOf(at: number, owner: number): Timer {
  return { at, rank: (owner & 1) as 0 | 1, slot: owner >> 1 };
}

/** The first instant > `after` that is ≡ `phase` modulo `every`. */
export function nextInstant(after: number, phase: number, every: number): number {
  const shift = ((phase % every) + every) % every;
  return Math.floor((after - shift) / every) * every + every + shift;
}
