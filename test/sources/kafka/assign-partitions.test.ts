import fc from 'fast-check';
import { expect, test } from 'vitest';
import { assignPartitions } from '../../../src/sources/kafka/assign-partitions.ts';

const claims = fc
  .uniqueArray(fc.string({ minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 9 })
  .chain((members) =>
    fc.tuple(
      ...members.map((memberId) =>
        fc.record({ memberId: fc.constant(memberId), owned: fc.array(fc.integer({ min: -1, max: 40 })) }),
      ),
    ),
  );

test('every partition has one owner, shares differ by one at most, and the order of members does not matter', () => {
  fc.assert(
    fc.property(claims, fc.integer({ min: 0, max: 40 }), (members, partitions) => {
      const shares = assignPartitions(members, partitions);
      const all = [...shares.values()].flat().toSorted((a, b) => a - b);
      expect(all).toEqual(Array.from({ length: partitions }, (_, i) => i));
      const sizes = [...shares.values()].map(({ length }) => length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      expect(assignPartitions(members.toReversed(), partitions)).toEqual(shares);
    }),
    { seed: 20_260_301 },
  );
});

test('a newcomer takes its share and nothing else moves; one that leaves gives only its own away', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 64 }), (members, partitions) => {
      const names = Array.from({ length: members }, (_, i) => `m${i}`);
      const before = assignPartitions(
        names.map((memberId) => ({ memberId, owned: [] })),
        partitions,
      );
      const held = [...before].map(([memberId, owned]) => ({ memberId, owned }));
      const joined = assignPartitions([...held, { memberId: 'new', owned: [] }], partitions);
      for (const { memberId, owned } of held) {
        const kept = joined.get(memberId)!;
        expect(kept.every((each) => owned.includes(each))).toBe(true);
      }
      if (members === 1) return;
      const left = assignPartitions(held.slice(1), partitions);
      for (const { memberId, owned } of held.slice(1))
        expect(left.get(memberId)).toEqual(expect.arrayContaining(owned));
    }),
    { seed: 20_260_301 },
  );
});
