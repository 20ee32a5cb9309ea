import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Drive, printTables, runLane, whole } from '../operators/run-lane.ts';

// The memory of delivery ids is not committed: after a crash it is read back from the tail of the log.
const seed = 20_260_302;
const minute = 60_000;
const start = Date.UTC(2026, 2, 1, 10);

/** Few ids and steps that meet the edge of the window, two hours, again and again. */
const steps = fc.array(
  fc.record({
    id: fc.nat(4),
    stepMs: fc.constantFrom(0, 0, 1, minute / 2, minute, 40 * minute, 120 * minute - 1, 120 * minute, 121 * minute),
  }),
  { minLength: 2, maxLength: 40 },
);
/** Sizes of batches, each committed and followed by a crash. */
const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 9 });

/** Offset 1 lies before the record that begins the tail, and yet exactly two hours back. */
const atTheEdge: [{ id: number; stepMs: number }[], number[]] = [
  [0, 120 * minute, 0, 120 * minute, 0].map((stepMs, index) => ({ id: index === 4 ? 1 : index, stepMs })),
  [2, 1, 1],
];

test('a duplicate is a duplicate whatever crashes lie between', () => {
  fc.assert(
    fc.property(steps, cuts, (events, sizes) => {
      let logTime = start;
      const records = events.map(({ id, stepMs }, offset) => {
        logTime += stepMs;
        const ids = { org: 'acme', campaign: 'c', eventId: id };
        return { kind: 'impression' as const, offset, logTime, eventTime: logTime, ...ids };
      });
      let at = 0;
      const drive: Drive = { batch: () => sizes[at++ % sizes.length], commits: () => true, crashes: () => true };
      expect(printTables(runLane(records, drive))).toBe(printTables(runLane(records, whole)));
    }),
    { seed, numRuns: 300, examples: [atTheEdge] },
  );
});
