import { expect, test } from 'vitest';
import { isOfBefore, live, queryTables, unpackRelease } from '../upgrade/release.ts';

test('an engine of 0.1 goes on with the column; rows from before, also those in its outbox, do not know it', async () => {
  using release = unpackRelease();
  const { code, log } = await live(release.data);
  expect(code, log).toBe(0);
  const [rows] = await queryTables(release.data, [
    'SELECT partition, version, remaining_micros AS found, budget_micros - spend_micros AS due FROM ads.pacing_snapshots FINAL',
  ]);
  const [before, since] = [rows.filter(isOfBefore), rows.filter((row) => !isOfBefore(row))];
  expect(before.map(({ found }) => found)).toEqual(before.map(() => null));
  expect(since.map(({ found }) => found)).toEqual(since.map(({ due }) => due));
  expect(before.length).toBeGreaterThan(10);
  expect(since.filter(({ found }) => found !== null).length).toBeGreaterThan(0);
}, 60_000);
