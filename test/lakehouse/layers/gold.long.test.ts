import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeGoldLayer } from '../../../src/adapters/lake/write-layers.ts';
import { tables } from '../../../src/rows/tables.ts';
import { silent, WorkedDirectory } from './worked-directory.ts';

const quiet = { isDryRun: false, onProgress: () => {} };
const seed = 41;
let directory: WorkedDirectory;
beforeAll(async () => {
  directory = await WorkedDirectory.make(seed);
}, 120_000);
afterAll(() => directory?.[Symbol.dispose]());

test(`gold is what the tables say, row for row, and writing it again does nothing (seed ${seed})`, async () => {
  const { config } = directory;
  const planned = await writeGoldLayer(config, { ...quiet, isDryRun: true }, silent);
  const report = await writeGoldLayer(config, quiet, silent);
  expect(report).toMatchObject({ months: planned.months, overtaken: 0 });
  let total = 0;
  const [gold, hot] = [await directory.gold(), await directory.hot()];
  for (const [name, rows] of hot) {
    expect(gold.get(name), name).toEqual(rows);
    total += rows.length;
  }
  expect(report.rows).toBe(total);
  expect(total).toBeGreaterThan(1_000);
  expect(await writeGoldLayer(config, quiet, silent)).toMatchObject({ months: 0, rows: 0 });
});

test('a month that ClickHouse has no longer takes in what still changes in it', async () => {
  const { name, key } = tables[0];
  const before = await directory.goldRows(name, key);
  const restated = before.find((row) => Number(row.impressions) > 0)!;
  await directory.change(
    `CREATE TABLE ads.kept AS ads.${name}`,
    `INSERT INTO ads.kept SELECT * REPLACE (version + 1 AS version, impressions + 7 AS impressions) FROM ads.${name} FINAL
     WHERE org_id = '${restated.org_id}' AND campaign_id = '${restated.campaign_id}' AND date = '${restated.date}'`,
    `TRUNCATE TABLE ads.${name}`,
    `INSERT INTO ads.${name} SELECT * FROM ads.kept`,
    'DROP TABLE ads.kept',
  );
  expect(await directory.hotRows(name, key)).toHaveLength(1);
  expect(await writeGoldLayer(directory.config, quiet, silent)).toMatchObject({ months: 1, overtaken: 0 });
  const expected = before.map((row) =>
    row === restated
      ? { ...row, impressions: String(Number(row.impressions) + 7), version: String(BigInt(row.version) + 1n) }
      : row,
  );
  expect(await directory.goldRows(name, key)).toEqual(expected);
});
