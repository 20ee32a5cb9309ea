import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planErasure } from '../../../src/adapters/erase-organization.ts';
import { eraseFromLake } from '../../../src/adapters/lake/erase-from-lake.ts';
import { openLayerTools } from '../../../src/adapters/lake/layer-tools.ts';
import { openLake } from '../../../src/adapters/lake/open-lake.ts';
import { layerParts, writeGoldLayer, writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { describeKind } from '../../../src/decoders/event-objects.ts';
import { eventKinds } from '../../../src/events/kinds.ts';
import { writeSilver } from '../../../src/lakehouse/jobs/write-silver.ts';
import { systemOrg } from '../../../src/model/ids.ts';
import { tables } from '../../../src/rows/tables.ts';
import { fileBronze } from '../layers/file-bronze.ts';
import { mainFile, silent, WorkedDirectory } from '../layers/worked-directory.ts';

/** A directory of the same log whose silver has not been written yet. */
async function unwritten(): Promise<WorkedDirectory> {
  const copy = directory.copy();
  await fileBronze(copy.config);
  return copy;
}

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
function filesWith(text: string, { path }: WorkedDirectory = directory): string[] {
  const lake = join(path, 'lake');
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

test('a job of silver that has read an organization before it was erased writes the others, and not it', async () => {
  using copy = await unwritten();
  const { config } = copy;
  const orgs = new Set((await directory.hot()).get('campaign_metrics_daily')?.map(({ org_id }) => org_id));
  const [org, ...others] = [...orgs];
  const lake = await openLake(config);
  await using tools = await openLayerTools(config);
  let erased: SpawnSyncReturns<string> | null = null;
  const engine = {
    run: async (statement: string) => {
      const rows = await tools.engine.run(statement);
      // The slice is read, and lies in a file of this machine.
      if (erased === null && statement.includes('slice.parquet'))
        erased = spawnSync(process.execPath, [mainFile, 'lake', 'erase', org, '--confirm', '--data', copy.path], {
          encoding: 'utf8',
        });
      return rows;
    },
  } as typeof tools.engine;
  const bronze = lake.catalog.table({ namespace: 'bronze', table: 'events' });
  const { objects, registryUrl } = tools;
  const values = {
    isReleased: (kind: string, id: number) => objects.isReleased(kind, id),
    decode: (kind: string, value: Uint8Array) => objects.decode(kind, value),
    registryUrl,
  };
  const report = await writeSilver({
    ...{ ...layerParts(lake, tools), engine, values, bronze, systemOrg, isDryRun: false },
    ...{ kinds: eventKinds.map(describeKind), rowsMax: 1e6, sliceRecordsMax: 1e6, location: `${lake.root}/silver` },
  });
  await lake.close();
  expect(erased).toMatchObject({ status: 0, stdout: expect.stringContaining('bronze.events') });
  expect(report).toMatchObject({ overtaken: 0, rows: expect.any(Number) });
  expect(filesWith(`org_id=${org}`, copy)).toEqual([]);
  for (const other of others) expect(filesWith(`org_id=${other}`, copy).length, other).toBeGreaterThan(3);
  expect(await writeSilverLayer(config, quiet)).toMatchObject({ days: 0 });
}, 120_000);

test('of an organization under legal hold nothing is erased', async () => {
  const held = { ...directory.config, tiers: { ...directory.config.tiers, legal_hold: ['acme'] } };
  await expect(eraseFromLake(held, 'acme', { isDryRun: false, log: silent })).rejects.toThrow('legal hold');
  await expect(planErasure(held, 'acme', silent)).rejects.toThrow('tiers.legal_hold');
});
