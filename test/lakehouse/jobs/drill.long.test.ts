import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DrillOptions, drillLake } from '../../../src/adapters/lake/drill-lake.ts';
import { dropRestored, restoreWeek } from '../../../src/adapters/lake/restore-week.ts';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { writeGoldLayer } from '../../../src/adapters/lake/write-layers.ts';
import { restoredName, tables } from '../../../src/rows/tables.ts';
import { silent, type TextRow, WorkedDirectory } from '../layers/worked-directory.ts';

const seed = 53;
let directory: WorkedDirectory;
let before: ReadonlyMap<string, TextRow[]>;
beforeAll(async () => {
  directory = await WorkedDirectory.make(seed);
  before = await directory.hot();
}, 120_000);
afterAll(() => directory?.[Symbol.dispose]());

const options = (drawn: Partial<DrillOptions>): DrillOptions => ({
  ...{ seed: 1, chosen: null, onDrawn: () => {}, onProgress: () => {} },
  ...drawn,
});

const mondayOf = (day: string): string => {
  const ms = Date.parse(`${day.slice(0, 10)}T00:00:00Z`);
  return new Date(ms - ((new Date(ms).getUTCDay() + 6) % 7) * 86_400_000).toISOString().slice(0, 10);
};

/** Rows of all tables in a week of an organization, as ClickHouse had them. */
function rowsOf(org: string, monday: string): number {
  return tables.reduce((sum, { name, partitionBy }) => {
    const own = (before.get(name) ?? []).filter((row) => row.org_id === org && mondayOf(row[partitionBy]) === monday);
    return sum + own.length;
  }, 0);
}

test(`weeks of gold are what bronze gives, to the byte, and what their receipts say (seed ${seed})`, async () => {
  await expect(drillLake(directory.config, options({}))).rejects.toMatchObject({ code: 'HISTORY_INCOMPLETE' });
  await runTiers(directory.config, { log: silent, onMoved: () => {}, onProgress: () => {} });
  const seen = new Set<string>();
  for (const drawnBy of [1, 2, 3]) {
    const drawn: string[] = [];
    const report = await drillLake(
      directory.config,
      options({ seed: drawnBy, onDrawn: ({ org, week }) => drawn.push(org, week) }),
    );
    expect(report).toMatchObject({ seed: drawnBy, differences: 0, restated: 0, example: null });
    expect([report.org, report.week]).toEqual(drawn);
    expect(report.rows).toBe(rowsOf(report.org, report.week));
    expect(report.rows).toBeGreaterThan(0);
    expect(report.receipts).toBeGreaterThan(0);
    expect(report.records).toBeGreaterThan(1_000);
    seen.add(`${report.org}/${report.week}`);
  }
  const again = await drillLake(directory.config, options({ seed: 3 }));
  expect(seen).toContain(`${again.org}/${again.week}`);
  const noted = await directory.goldRows('drills', ['drilled_at']);
  expect(noted.map(({ seed: one, differences }) => [one, differences])).toEqual([
    ['1', '0'],
    ['2', '0'],
    ['3', '0'],
    ['3', '0'],
  ]);
}, 180_000);

test('a row of gold that no record gives is found, and told', async () => {
  const [{ name, key }] = tables;
  const row = before.get(name)?.find((one) => Number(one.impressions) > 0) as TextRow;
  const changed: TextRow = { ...row, impressions: '7', version: `${BigInt(row.version) + 1n}` };
  const names = Object.keys(row);
  await directory.change(
    `INSERT INTO ads.${name} (${names.join(', ')}) VALUES (${names.map((column) => `'${changed[column]}'`).join(', ')})`,
  );
  await writeGoldLayer(directory.config, { isDryRun: false, onProgress: () => {} }, silent);
  const chosen = { org: row.org_id, week: mondayOf(row.date) };
  const report = await drillLake(directory.config, options({ chosen }));
  expect(report).toMatchObject({ ...chosen, differences: 1 });
  const which = key.map((column) =>
    column === 'date' ? Date.parse(`${row.date}T00:00:00Z`) / 86_400_000 : row[column],
  );
  expect(report.example).toContain(`${name}: ${which.join('/')} has version ${changed.version} in gold`);
}, 180_000);

test('a week is brought back beside the tables of the engine, as it was, and goes again', async () => {
  const evaluations = tables.find(({ name }) => name === 'rule_evaluations') as (typeof tables)[number];
  const row = before.get(evaluations.name)?.[0] as TextRow;
  const [org, week] = [row.org_id, mondayOf(row[evaluations.partitionBy])];
  for (let again = 0; again < 2; again++) {
    const restored = await restoreWeek(directory.config, { org, week }, silent);
    expect(restored.reduce((sum, one) => sum + one.rows, 0)).toBe(rowsOf(org, week));
  }
  const wanted = (before.get(evaluations.name) ?? []).filter(
    (one) => one.org_id === org && mondayOf(one[evaluations.partitionBy]) === week,
  );
  expect(await directory.hotRows(restoredName(evaluations), evaluations.key)).toEqual(wanted);
  expect(await directory.hotRows(evaluations.name, evaluations.key)).toEqual([]);
  await expect(restoreWeek(directory.config, { org, week: '2020-W01' }, silent)).rejects.toMatchObject({
    code: 'HISTORY_INCOMPLETE',
    message: `gold has no row of ${org} in the week of 2019-12-30`,
  });
  await expect(restoreWeek(directory.config, { org: "a'b", week }, silent)).rejects.toMatchObject({ code: 'USAGE' });
  expect(await dropRestored(directory.config, silent)).toContain(restoredName(evaluations));
  expect(await dropRestored(directory.config, silent)).toEqual([]);
}, 180_000);

test('a week that nobody can look at is told why', async () => {
  const ask = (org: string, week: string) => drillLake(directory.config, options({ chosen: { org, week } }));
  await expect(ask('nobody', '2026-03-02')).rejects.toMatchObject({
    code: 'HISTORY_INCOMPLETE',
    message: 'gold has no closed week 2026-03-02 of nobody; "paceline lake gold" writes closed weeks',
  });
  await expect(ask('acme', '2026-03-03')).rejects.toMatchObject({
    code: 'USAGE',
    message: '2026-03-03 is no Monday; its week begins on 2026-03-02',
  });
  for (const wrong of ['2026-W54', '2026-02-30', 'march', '2026-W00'])
    await expect(ask('acme', wrong)).rejects.toMatchObject({ code: 'USAGE' });
});
