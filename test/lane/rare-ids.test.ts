import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RareIds } from '../../src/lane/rare-ids.ts';
import { ByteReader, ByteWriter } from '../../src/model/byte-codec.ts';
import { laneLimits } from '../../src/model/lane-limits.ts';
import { dayMs } from '../../src/model/time.ts';

const start = Date.UTC(2026, 2, 10);

const idMax = 1_500;
/** Now and then nothing comes for so long that all before it may be forgotten. */
const wait = fc.oneof({ weight: 400, arbitrary: fc.nat(dayMs / 200) }, { weight: 1, arbitrary: fc.nat(40 * dayMs) });
/** Records of few identities over many days; some chunks of the memory. */
const records = fc.array(
  fc.record({ org: fc.integer({ min: 0, max: 2 }), id: fc.integer({ min: 0, max: idMax }), wait }),
  { minLength: 4_000, maxLength: 5_000 },
);
/** Thousands of records take for ever to shrink; the seed and the path are printed all the same. */
const runs = { seed: 20_261_126, numRuns: 20, endOnFailure: true };

function words(id: number): Int32Array {
  return Int32Array.of(id, -id, id * 7, 5);
}

function read(into: RareIds, write: (out: ByteWriter) => void, isWanted: (group: number) => boolean): void {
  const out = new ByteWriter();
  write(out);
  into.read(new ByteReader(out.take()), isWanted);
}

test('an identity is a duplicate for as long as money may be late, and no longer', () => {
  fc.assert(
    fc.property(records, (all) => {
      const ids = new RareIds();
      const rememberedAt = new Map<string, number>();
      let clock = start;
      for (const { org, id, wait } of all) {
        clock += wait;
        const before = rememberedAt.get(`${org}/${id}`) ?? Number.NEGATIVE_INFINITY;
        const isDuplicate = clock - before <= laneLimits.moneyLatenessMs;
        expect(ids.isDuplicate(org, words(id), 0, clock)).toBe(isDuplicate);
        if (!isDuplicate) rememberedAt.set(`${org}/${id}`, clock);
      }
    }),
    runs,
  );
});

test('bases of the days and the deltas behind them make the same memory again', () => {
  fc.assert(
    fc.property(records, fc.nat(3_900), fc.nat(100), (all, baseAfter, gap) => {
      const [ids, restored] = [new RareIds(), new RareIds()];
      let clock = start;
      for (const [n, { org, id, wait }] of all.entries()) {
        clock += wait;
        ids.isDuplicate(org, words(id), 0, clock);
        if (n === baseAfter) {
          ids.settle();
          for (let group = 0; group < laneLimits.rareDayGroups; group++)
            read(restored, (to) => ids.writeGroup(to, group), only(group));
        } else if (n > baseAfter && n % (gap + 1) === 0) {
          const groups = ids.freshGroups();
          read(
            restored,
            (to) => ids.writeFresh(to),
            (group) => groups.has(group),
          );
          ids.settle();
        }
      }
      read(
        restored,
        (to) => ids.writeFresh(to),
        () => true,
      );
      for (let org = 0; org < 3; org++) {
        for (let id = 0; id <= idMax; id++) {
          expect(restored.isDuplicate(org, words(id), 0, clock)).toBe(ids.isDuplicate(org, words(id), 0, clock));
        }
      }
    }),
    runs,
  );
});

test('a restore keeps the newest occurrence, in whatever order groups of days are read', () => {
  const [ids, restored] = [new RareIds(), new RareIds()];
  const firstDay = Math.ceil(start / dayMs / laneLimits.rareDayGroups) * laneLimits.rareDayGroups;
  // Remembered in the last group, and again, when it was forgotten, in one that is read before.
  for (const day of [firstDay + 38, firstDay + 71]) expect(ids.isDuplicate(1, words(1), 0, day * dayMs)).toBe(false);
  for (let group = 0; group < laneLimits.rareDayGroups; group++)
    read(restored, (to) => ids.writeGroup(to, group), only(group));
  expect(restored.isDuplicate(1, words(1), 0, (firstDay + 72) * dayMs)).toBe(true);
});

function only(group: number): (each: number) => boolean {
  return (each) => each === group;
}
