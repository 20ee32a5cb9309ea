import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eraseFromLake } from '../../../src/adapters/erase-from-lake.ts';
import { writeGoldLayer, writeSilverLayer } from '../../../src/adapters/write-layers.ts';
import { tables } from '../../../src/rows/tables.ts';
import { silent, WorkedDirectory } from '../layers/worked-directory.ts';

const quiet = { isDryRun: false, onProgress: () => {} };
const seed = 47;
let directory: WorkedDirectory;
beforeAll(async () => {
  directory = await WorkedDirectory.make(seed);
  await writeSilverLayer(directory.config, quiet);
  await writeGoldLayer(directory.config, quiet, silent);
}, 120_000);
afterAll(() => directory?.[Symbol.dispose]());

/** Files of the lake that have a text in them, receipts aside. */
function filesWith(text: string): string[] {
  const lake = join(directory.path, 'lake');
  return readdirSync(lake, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/erasures'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => path.includes(text) || readFileSync(path).includes(text));
}

test(`an erased organization is in no file, and the others are as they were (seed ${seed})`, async () => {
  const [before, beforeGold] = [await directory.hot(), await directory.gold()];
  const org = before.get('campaign_metrics_daily')?.[0].org_id as string;
  const planned = await eraseFromLake(directory.config, org, { isDryRun: true, log: silent });
  expect(await directory.gold()).toEqual(beforeGold);
  expect(filesWith(`org_id=${org}`).length).toBeGreaterThan(20);

  const report = await eraseFromLake(directory.config, org, { isDryRun: false, log: silent });
  const { untrusted, clickhouse } = planned;
  expect(report).toMatchObject({ untrusted, clickhouse, receipt: expect.stringContaining('/erasures/') });
  const went = ({ table, rows, files }: (typeof planned.lake)[number]) => ({ table, rows, files });
  expect(report.lake.map(went)).toEqual(planned.lake.map(went));
  expect(report.lake.map(({ table }) => table)).toEqual(
    expect.arrayContaining(['bronze.events', 'gold.campaign_metrics_daily', 'silver.impressions', 'silver.days']),
  );
  const [after, afterGold] = [await directory.hot(), await directory.gold()];
  for (const { name } of tables) {
    const others = (rows: ReadonlyMap<string, Record<string, string>[]>) =>
      rows.get(name)?.filter((row) => row.org_id !== org);
    expect(after.get(name), name).toEqual(others(before));
    expect(afterGold.get(name), name).toEqual(others(beforeGold));
  }
  expect(filesWith(`org_id=${org}`)).toEqual([]);
  const receipt = JSON.parse(readFileSync(new URL(report.receipt ?? ''), 'utf8')) as typeof report;
  expect(receipt.lake).toEqual(report.lake);
  for (const file of receipt.lake.flatMap(({ files }) => files))
    expect(() => readFileSync(new URL(file))).toThrow('ENOENT');

  const again = await eraseFromLake(directory.config, org, { isDryRun: false, log: silent });
  expect(again).toMatchObject({ lake: [], clickhouse: [], untrusted: 0 });
  expect(await writeSilverLayer(directory.config, quiet)).toMatchObject({ days: 0 });
  expect(await writeGoldLayer(directory.config, quiet, silent)).toMatchObject({ months: 0 });
}, 120_000);
