import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { limits } from '../model/limits.ts';
import { dayMs } from '../model/time.ts';
import { EventIdSet } from './event-id-set.ts';

/** Days whose ids may still matter, and a little more, so that a day's group is free when it comes round. */
export const rareDayGroups = 40;

/**
 * Identities of money, conversions and control, remembered for their whole lateness and committed.
 * Kept twice: in a set, to ask, and in one list a day of clock, to write: only today's list grows.
 */
export class RareIds {
  readonly #set = new EventIdSet();
  readonly #days = new Map<number, number[]>();
  /** Entries since the last harvest, six numbers each: organization, four words, clock. */
  readonly #fresh: number[] = [];

  /** True when the identity was remembered before, within the lateness; remembers it otherwise. */
  isDuplicate(org: number, ids: Int32Array, at: number, clock: number): boolean {
    if (this.#set.isFull) this.#forgetOld(clock);
    const found = this.#set.find(org, ids, at);
    if (found >= 0 && clock - this.#set.clockAt(found) <= limits.moneyLatenessMs) return true;
    this.#set.put(found, org, ids, at, clock, 0);
    const entry = [org, ids[at], ids[at + 1], ids[at + 2], ids[at + 3], clock];
    this.#fresh.push(...entry);
    this.#listOf(clock).push(...entry);
    return false;
  }

  /** As `EventIdSet`. */
  placeOf(org: number, ids: Int32Array, at: number): number {
    return this.#set.placeOf(org, ids, at);
  }

  /** As `EventIdSet`. */
  touch(places: Int32Array, from: number, to: number): number {
    return this.#set.touch(places, from, to);
  }

  /** Day groups that the fresh entries belong to. */
  freshGroups(): Set<number> {
    const groups = new Set<number>();
    for (let i = 5; i < this.#fresh.length; i += 6) groups.add(groupOfClock(this.#fresh[i]));
    return groups;
  }

  writeFresh(out: ByteWriter): void {
    writeEntries(out, this.#fresh);
  }

  settle(): void {
    this.#fresh.length = 0;
  }

  writeGroup(out: ByteWriter, group: number): void {
    const day = [...this.#days.keys()].find((each) => each % rareDayGroups === group);
    writeEntries(out, day === undefined ? [] : (this.#days.get(day) as number[]));
  }

  /** Reads what `writeFresh` or `writeGroup` wrote, entries of wanted groups only. */
  read(from: ByteReader, isWanted: (group: number) => boolean): void {
    const words = new Int32Array(4);
    for (let n = from.count(); n > 0; n--) {
      const org = from.count();
      for (let word = 0; word < 4; word++) words[word] = from.int32();
      const clock = from.double();
      if (!isWanted(groupOfClock(clock))) continue;
      if (this.#set.isFull) this.#set.makeRoom(Number.NEGATIVE_INFINITY, 0, 0);
      this.#set.put(this.#set.find(org, words, 0), org, words, 0, clock, 0);
      this.#listOf(clock).push(org, ...words, clock);
    }
  }

  #forgetOld(clock: number): void {
    this.#set.makeRoom(clock - limits.moneyLatenessMs, 0, 0);
  }

  #listOf(clock: number): number[] {
    const day = Math.floor(clock / dayMs);
    let list = this.#days.get(day);
    if (list === undefined) {
      list = [];
      this.#days.set(day, list);
      for (const old of this.#days.keys()) if (old <= day - rareDayGroups) this.#days.delete(old);
    }
    return list;
  }
}

function groupOfClock(clock: number): number {
  const group = Math.floor(clock / dayMs) % rareDayGroups;
  return group < 0 ? group + rareDayGroups : group;
}

function writeEntries(out: ByteWriter, entries: readonly number[]): void {
  out.count(entries.length / 6);
  for (let i = 0; i < entries.length; i += 6) {
    out.count(entries[i]);
    for (let word = 1; word < 5; word++) out.int32(entries[i + word]);
    out.double(entries[i + 5]);
  }
}
