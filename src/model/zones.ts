import { Temporal } from 'temporal-polyfill';
import { BoundedMap } from './bounded-map.ts';
import { limits } from './limits.ts';
import { dayMs } from './time.ts';

/**
 * An IANA zone as arithmetic over instants: offsets, local days, and the first instant of a local day
 * (which is not midnight where the clocks jump over it, as in Cairo or Santiago).
 * Transitions come from the runtime's zone data, once per zone and four-year chunk.
 */
export class Zone {
  readonly id: string;
  readonly #chunks = new BoundedMap<number, Chunk>(limits.zoneSpansKeptMax);

  /** The chunk that was asked for last: what is asked lies close together. */
  #recent: Chunk | null = null;
  #recentIndex = Number.NaN;
  /** First instants of days that were asked for, each at the place of its number's lowest bits. */
  readonly #days = new Float64Array(daysAtHand).fill(Number.NaN);
  readonly #dayStarts = new Float64Array(daysAtHand);

  constructor(id: string) {
    this.id = id;
  }

  /** Local time less UTC at the instant, ms. */
  offsetAt(at: number): number {
    const chunk = this.#chunkOf(at);
    let i = chunk.starts.length - 1;
    while (i > 0 && chunk.starts[i] > at) i--;
    return chunk.offsets[i];
  }

  /** Days since 1970-01-01 on the local calendar. A day that has begun goes on where clocks are set back to the day before. */
  localDay(at: number): number {
    const { returns } = this.#chunkOf(at);
    for (const { from, until, day } of returns) if (at >= from && at < until) return day;
    return Math.floor((at + this.offsetAt(at)) / dayMs);
  }

  /** First instant of the local day. */
  dayStart(day: number): number {
    const place = day & (daysAtHand - 1);
    if (this.#days[place] !== day) {
      this.#dayStarts[place] = this.#findDayStart(day);
      this.#days[place] = day;
    }
    return this.#dayStarts[place];
  }

  #findDayStart(day: number): number {
    const midnight = day * dayMs;
    // Offsets lie within ±15 h, so the day starts inside this span; walk its transitions.
    let at = midnight - 15 * 3_600_000;
    const end = midnight + 15 * 3_600_000;
    while (at < end) {
      const offset = this.offsetAt(at);
      const next = this.#nextTransition(at, end);
      const start = Math.max(at, midnight - offset);
      if (start < next && this.localDay(start) === day) return start;
      at = next;
    }
    return this.dayStart(day + 1); // The calendar skipped this day (Samoa, 2011-12-30): it is empty.
  }

  #nextTransition(at: number, end: number): number {
    for (let from = at; from < end; from = chunkEnd(from)) {
      const { starts } = this.#chunkOf(from);
      for (let i = 1; i < starts.length; i++) if (starts[i] > at && starts[i] < end) return starts[i];
      if (chunkEnd(from) >= end) break;
    }
    return end;
  }

  #chunkOf(at: number): Chunk {
    const index = Math.floor(at / chunkMs);
    if (index === this.#recentIndex) return this.#recent as Chunk;
    const chunk = this.#findChunk(index);
    this.#recent = chunk;
    this.#recentIndex = index;
    return chunk;
  }

  #findChunk(index: number): Chunk {
    let chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      chunk = readChunk(this.id, index);
      this.#chunks.set(index, chunk);
    }
    return chunk;
  }
}

interface Chunk {
  readonly starts: number[];
  readonly offsets: number[];
  /** Where the clock shows the day before again (Newfoundland until 2011, at a minute past midnight): rare. */
  readonly returns: { readonly from: number; readonly until: number; readonly day: number }[];
}

/** A power of two, and more days than a campaign's books are asked for again and again. */
const daysAtHand = 64;
const chunkMs = 1_461 * dayMs;

function chunkEnd(at: number): number {
  return (Math.floor(at / chunkMs) + 1) * chunkMs;
}

function readChunk(id: string, index: number): Chunk {
  const start = index * chunkMs;
  const end = start + chunkMs;
  let zoned = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(id);
  const chunk: Chunk = { starts: [start], offsets: [offsetMs(zoned)], returns: [] };
  for (;;) {
    const next = zoned.getTimeZoneTransition('next');
    if (next === null || next.epochMilliseconds >= end) return chunk;
    noteReturn(chunk, next.epochMilliseconds, offsetMs(next));
    chunk.starts.push(next.epochMilliseconds);
    chunk.offsets.push(offsetMs(next));
    zoned = next;
  }
}

function noteReturn(chunk: Chunk, from: number, offset: number): void {
  const before = chunk.offsets[chunk.offsets.length - 1];
  const day = Math.floor((from - 1 + before) / dayMs);
  if (day > Math.floor((from + offset) / dayMs)) chunk.returns.push({ from, until: day * dayMs - offset, day });
}

function offsetMs(zoned: Temporal.ZonedDateTime): number {
  return Math.round(zoned.offsetNanoseconds / 1e6);
}

/** Texts come from outside; a zone that is in use stays in use when its text is forgotten. */
const zones = new BoundedMap<string, Zone | null>(limits.zonesKeptMax);

/** The zone of an IANA name, or null when the runtime does not know it. */
export function findZone(id: string): Zone | null {
  let zone = zones.get(id);
  if (zone === undefined) {
    zone = isZone(id) ? new Zone(id) : null;
    zones.set(id, zone);
  }
  return zone;
}

export const utc = new Zone('UTC');

function isZone(id: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(id)) return false;
  try {
    return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(id).timeZoneId.length > 0;
  } catch {
    return false; // RangeError is how Temporal says "no such zone"; there is no other question to ask it.
  }
}
