import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { dayMs } from '../model/time.ts';
import { EventIdSet, type VisitOccurrence } from './event-id-set.ts';

/** How long identities are remembered, and in how many groups of a day. */
interface Memory {
  readonly keptMs: number;
  readonly groups: number;
}

const usualMemory: Memory = { keptMs: laneLimits.moneyLatenessMs, groups: laneLimits.rareDayGroups };

/**
 * Identities of money, conversions and control, remembered for days or a month and committed: those
 * since the last harvest with each delta, and a day's worth as the base of that day's group. Those of totals have a
 * memory of their own: they are many, and a repeat of an old one does no harm.
 */
export class RareIds {
  readonly #set = new EventIdSet();
  /** The clock that the set is given. */
  readonly #clock = new Float64Array(1);
  readonly #keptMs: number;
  /** Days whose ids may still matter, and a little more, so that a day's group is free when it comes round. */
  readonly groups: number;
  /** Remembered since the last harvest: the last ones of the set. */
  #freshCount = 0;
  #newestDay = Number.NEGATIVE_INFINITY;

  constructor({ keptMs, groups } = usualMemory) {
    this.#keptMs = keptMs;
    this.groups = groups;
  }

  /** Whether the identity was remembered, not too long ago. */
  knows(org: number, ids: Int32Array, at: number, clock: number): boolean {
    // Most lanes hear no totals, and hashing is the most of a search.
    if (this.#set.entries === 0) return false;
    const found = this.#set.find(org, ids, at);
    return found >= 0 && clock - this.#set.clockAt(found) <= this.#keptMs;
  }

  /** True when the identity was remembered before, and not too long ago; remembers it otherwise. */
  isDuplicate(org: number, ids: Int32Array, at: number, clock: number): boolean {
    if (this.#set.isFull) this.#forgetOld(clock);
    const found = this.#set.find(org, ids, at);
    if (found >= 0 && clock - this.#set.clockAt(found) <= this.#keptMs) return true;
    this.#remember(found, org, ids, at, clock);
    this.#freshCount += 1;
    return false;
  }

  /** Word of the index at which the search for an identity begins. */
  placeOf(org: number, ids: Int32Array, at: number): number {
    return this.#set.placeOf(this.#set.hashOf(org, ids, at));
  }

  /** As `EventIdSet`. */
  touch(places: Int32Array, from: number, to: number): number {
    return this.#set.touch(places, from, to);
  }

  /** Identities remembered since the last harvest. */
  get freshCount(): number {
    return this.#freshCount;
  }

  /** Day groups that the fresh entries belong to. */
  freshGroups(): Set<number> {
    const groups = new Set<number>();
    this.#set.visitLast(this.#freshCount, (_words, _at, clock) => groups.add(this.#groupOf(dayOf(clock))));
    return groups;
  }

  writeFresh(out: ByteWriter): void {
    out.count(this.#freshCount);
    this.#set.visitLast(this.#freshCount, entryWriter(out));
  }

  settle(): void {
    this.#freshCount = 0;
  }

  writeGroup(out: ByteWriter, group: number): void {
    const from = this.#newestDayOf(group) * dayMs;
    let count = 0;
    this.#set.visitClocks(from, from + dayMs, () => {
      count += 1;
    });
    out.count(count);
    this.#set.visitClocks(from, from + dayMs, entryWriter(out));
  }

  /** Reads what `writeFresh` or `writeGroup` wrote, entries of wanted groups only. */
  read(from: ByteReader, isWanted: (group: number) => boolean): void {
    const words = new Int32Array(4);
    for (let n = from.count(); n > 0; n--) {
      const org = from.count();
      for (let word = 0; word < 4; word++) words[word] = from.int32();
      const clock = from.double();
      if (!isWanted(this.#groupOf(dayOf(clock)))) continue;
      if (this.#set.isFull) this.#set.makeRoom(Number.NEGATIVE_INFINITY, 0, 0);
      const found = this.#set.find(org, words, 0);
      // Groups and deltas are not in the order of clocks; what counts is when an identity was last remembered.
      if (found < 0 || this.#set.clockAt(found) < clock) this.#remember(found, org, words, 0, clock);
    }
  }

  #remember(found: number, org: number, ids: Int32Array, at: number, clock: number): void {
    this.#clock[0] = clock;
    this.#set.put(found, org, ids, at, this.#clock, 0, 0);
    this.#newestDay = Math.max(this.#newestDay, dayOf(clock));
  }

  #forgetOld(clock: number): void {
    this.#set.makeRoom(clock - this.#keptMs, 0, 0);
    this.#freshCount = Math.min(this.#freshCount, this.#set.entries);
  }

  #groupOf(day: number): number {
    const group = day % this.groups;
    return group < 0 ? group + this.groups : group;
  }

  /** The last day of the group; those before it are forgotten. */
  #newestDayOf(group: number): number {
    return this.#newestDay - this.#groupOf(this.#newestDay - group);
  }
}

/** What a lane remembers of records other than delivery. */
export interface RememberedIds {
  readonly rare: RareIds;
  readonly total: RareIds;
}

export function rememberedIds(limits: LaneLimits): RememberedIds {
  return {
    rare: new RareIds({ keptMs: limits.moneyLatenessMs, groups: limits.rareDayGroups }),
    total: new RareIds({ keptMs: limits.totalIdsKeptMs, groups: limits.totalDayGroups }),
  };
}

function dayOf(clock: number): number {
  return Math.floor(clock / dayMs);
}

function entryWriter(out: ByteWriter): VisitOccurrence {
  return (words, at, clock) => {
    out.count(words[at]);
    for (let word = 1; word < 5; word++) out.int32(words[at + word]);
    out.double(clock);
  };
}
