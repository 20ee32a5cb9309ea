import { expect, test } from 'vitest';
import { randomRecords } from '../operators/random-world.ts';
import { runLane, whole } from '../operators/run-lane.ts';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { tableRows } from '../oracle/rows.ts';
import { seedsFrom } from '../soak.ts';
import { toLogRecord, toOracleEvent } from './to-oracle.ts';

const seeds = seedsFrom(2_000, 9, 300);

test.each(seeds)('the engine and the oracle agree on every table (seed %i)', (seed) => {
  const records = randomRecords(seed, 2_500);
  const expected = foldLog(records.map(toLogRecord), {
    partitions: 1,
    generation: 1,
    decode: ({ offset }) => toOracleEvent(records[offset]),
  });
  expect(compareTables(expected, tableRows(runLane(records, whole)), { show: 10 }), `seed ${seed}`).toEqual([]);
});
