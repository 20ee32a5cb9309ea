import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CampaignIndex } from '../../src/lane/campaign-index.ts';
import { EventIdSet } from '../../src/lane/event-id-set.ts';
import { dayMs } from '../../src/model/time.ts';
import { CellsOfALane, cellsOf } from '../operators/one-campaign.ts';

// The lane's own memory against plain Maps and bigints that do the same slowly.
const minuteMs = 60_000;
const quarterMs = 15 * minuteMs;
const clock = Date.UTC(2026, 2, 10, 12);
const runs = { seed: 20_261_125, numRuns: 200 };
/** Thousands of steps take for ever to shrink; the seed and the path are printed all the same. */
const long = { endOnFailure: true };

test('cells add up exactly, also beyond the safe integers', () => {
  const huge = fc.constantFrom(0, 1, -1, 9_007_199_254_740_991, -9_007_199_254_740_991, 9_007_199_254_740, 500);
  const item = fc.record({
    minutesAgo: fc.integer({ min: 0, max: 170 }),
    micros: fc.oneof(huge, fc.maxSafeInteger()),
    nanos: fc.oneof(huge, fc.maxSafeInteger()),
    impressions: fc.integer({ min: 0, max: 1_000 }),
  });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 40 }), (items) => {
      const lane = new CellsOfALane();
      const campaign = lane.campaign();
      const perMinute = new Map<number, bigint>();
      const perQuarter = new Map<number, bigint>();
      let impressions = 0;
      for (const { minutesAgo, micros, nanos, impressions: more } of items) {
        const at = clock - minutesAgo * minuteMs;
        lane.book(campaign, at, clock, micros, nanos, more);
        impressions += more;
        const amount = BigInt(micros) * 1_000n + BigInt(nanos);
        const quarter = Math.floor(at / quarterMs) * quarterMs;
        perMinute.set(at, (perMinute.get(at) ?? 0n) + amount);
        perQuarter.set(quarter, (perQuarter.get(quarter) ?? 0n) + amount);
      }
      const cells = cellsOf(campaign);
      for (const [at, amount] of perMinute) expect(BigInt(cells.spend(at, at + minuteMs))).toBe(amount);
      for (const [at, amount] of perQuarter) expect(BigInt(cells.spend(at, at + quarterMs))).toBe(amount);
      const from = clock - 180 * minuteMs;
      const all = [...perQuarter.values()].reduce((sum, amount) => sum + amount, 0n);
      expect(BigInt(cells.spend(from, clock + quarterMs))).toBe(all);
      expect(cells.impressions(from, clock + quarterMs)).toBe(impressions);
    }),
    runs,
  );
});

test('a newer minute takes over the cell of one that left the ring', () => {
  const lane = new CellsOfALane();
  const campaign = lane.campaign();
  lane.book(campaign, clock, clock, 9_007_199_254_740_991, 1, 5);
  const later = clock + 180 * minuteMs;
  lane.book(campaign, later, later, 0, 7, 1);
  const cells = cellsOf(campaign);
  expect(BigInt(cells.spend(later, later + minuteMs))).toBe(7n);
  expect(cells.impressions(later, later + minuteMs)).toBe(1);
  expect(BigInt(cells.spend(clock, clock + minuteMs))).toBe(0n);
});

test('items of many campaigns in any order add up as each alone', () => {
  const item = fc.record({
    campaign: fc.integer({ min: 0, max: 4 }),
    minutesAgo: fc.integer({ min: 0, max: 40 }),
    micros: fc.oneof(fc.integer({ min: 0, max: 1_000_000 }), fc.constant(9_007_199_254_740)),
  });
  fc.assert(
    fc.property(fc.array(item, { maxLength: 60 }), (items) => {
      const lane = new CellsOfALane();
      const campaigns = Array.from({ length: 5 }, () => lane.campaign());
      const expected = new Map<string, bigint>();
      for (const { campaign, minutesAgo, micros } of items) {
        const at = clock - minutesAgo * minuteMs;
        lane.book(campaigns[campaign], at, clock, micros, 0, 1);
        const key = `${campaign}/${at}`;
        expected.set(key, (expected.get(key) ?? 0n) + BigInt(micros) * 1_000n);
      }
      for (const [key, amount] of expected) {
        const [campaign, at] = key.split('/').map(Number);
        expect(BigInt(cellsOf(campaigns[campaign]).spend(at, at + minuteMs))).toBe(amount);
      }
    }),
    runs,
  );
});

test('ids are found with their newest occurrence, however often the set makes room', () => {
  const step = fc.record({ org: fc.integer({ min: 0, max: 3 }), id: fc.integer({ min: 0, max: 3_000 }) });
  // Beyond 2^32 offsets: the set keeps them modulo that.
  const firstOffset = 4_294_966_000;
  const recordsMax = 2_000;
  fc.assert(
    fc.property(fc.array(step, { minLength: 4_000, maxLength: 6_000 }), (steps) => {
      const set = new EventIdSet();
      const newest = new Map<string, number>();
      for (const [i, { org, id }] of steps.entries()) {
        const offset = firstOffset + i;
        if (set.isFull) set.makeRoom(Number.NEGATIVE_INFINITY, offset, recordsMax);
        const words = Int32Array.of(id, id ^ 0x55, 7, -id);
        const found = set.find(org, words, 0);
        const before = newest.get(`${org}/${id}`);
        const isKept = before !== undefined && offset - before <= recordsMax;
        if (isKept) {
          expect(set.recordsSince(found, offset)).toBe(offset - before);
          expect(set.clockAt(found)).toBe(clock + before);
        } else if (found >= 0) expect(set.recordsSince(found, offset)).toBeGreaterThan(recordsMax);
        set.put(found, org, words, 0, Float64Array.of(clock + offset), 0, offset);
        newest.set(`${org}/${id}`, offset);
      }
    }),
    { ...runs, ...long, numRuns: 10 },
  );
});

test('clocks and offsets of ids are known however far apart they lie', () => {
  const step = fc.record({
    id: fc.integer({ min: 0, max: 300 }),
    wait: fc.constantFrom(0, 1, 900, 65_535, 65_536, 40 * dayMs, -3_000),
    skip: fc.constantFrom(1, 2, 65_535, 65_536, 3_000_000_000),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 900, maxLength: 3_000, size: 'max' }), (steps) => {
      const set = new EventIdSet();
      const newest = new Map<number, { clock: number; offset: number }>();
      let clock = 1_000_000;
      let offset = 0;
      for (const { id, wait, skip } of steps) {
        clock += wait;
        offset += skip;
        if (set.isFull) set.makeRoom(Number.NEGATIVE_INFINITY, offset, 0xffffffff);
        const words = Int32Array.of(id, 1, 2, 3);
        const found = set.find(1, words, 0);
        const before = newest.get(id);
        if (before !== undefined && found >= 0) {
          expect(set.clockAt(found)).toBe(before.clock);
          expect(set.recordsSince(found, offset)).toBe((offset - before.offset) % 2 ** 32);
        }
        set.put(found, 1, words, 0, Float64Array.of(clock), 0, offset);
        newest.set(id, { clock, offset });
      }
    }),
    { ...runs, numRuns: 20 },
  );
});

/** A set that forgets by the clock; `meet` compares what it knows of an id with a plain map, and puts it. */
function rememberingFor(windowMs: number) {
  const set = new EventIdSet();
  const newest = new Map<number, number>();
  const meet = (id: number, now: number, offset: number): void => {
    if (set.isFull) set.makeRoom(now - windowMs, offset, 1_000_000);
    const words = Int32Array.of(id, 1, 2, 3);
    const found = set.find(1, words, 0);
    const before = newest.get(id) ?? Number.NEGATIVE_INFINITY;
    if (before >= now - windowMs) expect(set.clockAt(found)).toBe(before);
    set.put(found, 1, words, 0, Float64Array.of(now), 0, offset);
    newest.set(id, now);
  };
  return { set, meet };
}

test('ids are forgotten by the clock, and what is left is bounded by the window, not by the log', () => {
  const step = fc.record({ id: fc.integer({ min: 0, max: 40 }), wait: fc.integer({ min: 0, max: 10 }) });
  const windowMs = 5_000;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10_000, maxLength: 12_000 }), (steps) => {
      const { set, meet } = rememberingFor(windowMs);
      let now = clock;
      for (const [offset, { id, wait }] of steps.entries()) {
        now += wait;
        meet(id, now, offset);
        // About a thousand records a window; the rest is chunks half forgotten and room before the next look.
        expect(set.entries).toBeLessThan(5_000);
      }
    }),
    { ...runs, ...long, numRuns: 2 },
  );
});

test('after a burst ids are found as before, and the memory of the burst is let go', () => {
  const [burst, after] = [60_000, 60_000];
  const windowMs = 1_000;
  const { set, meet } = rememberingFor(windowMs);
  for (let n = 0; n < burst + after; n++) {
    // The burst lies within one window; afterwards a thousand records do.
    const now = n < burst ? clock : clock + windowMs + n;
    const id = (n * 7_919) % 90_000;
    meet(id, now, n);
  }
  expect(set.entries).toBeLessThan(5_000);
  expect(set.indexLength).toBeLessThan(40_000);
});

test('a campaign is found by both of its ids and by no others', () => {
  const pair = fc.tuple(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 200 }));
  fc.assert(
    fc.property(fc.uniqueArray(pair, { selector: String, maxLength: 2_000 }), pair, (pairs, other) => {
      const index = new CampaignIndex();
      for (const [slot, [org, campaign]] of pairs.entries()) index.add(org, campaign, slot);
      for (const [slot, [org, campaign]] of pairs.entries()) expect(index.find(org, campaign)).toBe(slot);
      const known = pairs.findIndex((each) => String(each) === String(other));
      expect(index.find(...other)).toBe(known);
    }),
    { ...runs, numRuns: 50 },
  );
});
