import { copyFileSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { refreshHistoryViews } from '../../../src/adapters/lake/history-views.ts';
import { queryLake } from '../../../src/adapters/lake/query-lake.ts';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { writeGoldLayer } from '../../../src/adapters/lake/write-layers.ts';
import { embeddedPlace, openEmbeddedTables } from '../../../src/adapters/tables.ts';
import { openQueries } from '../../../src/app.ts';
import { askClickHouse, rowsOf } from '../../../src/control/query-client.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { goldName, historyName, type Table, tables } from '../../../src/rows/tables.ts';
import { plain, silent, type TextRow, WorkedDirectory } from '../layers/worked-directory.ts';

const run = { log: silent, onMoved: () => {}, onProgress: () => {} };
const seed = 47;
const folder = process.cwd();
let base: WorkedDirectory;
let before: Map<string, TextRow[]>;
beforeAll(async () => {
  base = await WorkedDirectory.make(seed);
  before = await base.hot();
}, 120_000);
afterAll(() => {
  process.chdir(folder);
  base?.[Symbol.dispose]();
});

/** What a reader sees of all times. */
async function asking<T>(
  directory: WorkedDirectory,
  work: (ask: (sql: string) => Promise<Record<string, unknown>[]>) => Promise<T>,
): Promise<T> {
  await using queries = await openQueries(directory.config, silent, systemClock);
  return await work(async (sql) => rowsOf(await queries.ask(sql)));
}

async function allByLake(directory: WorkedDirectory, table: Table): Promise<TextRow[]> {
  const sql = `SELECT * FROM ${historyName(table)}`;
  const { columns, rows } = await queryLake(directory.config, { sql, atMs: null }, silent);
  const named = (rows ?? []).map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
  return plain(named, table.key);
}

async function expectAll(directory: WorkedDirectory, expected = before): Promise<void> {
  await asking(directory, async (ask) => {
    for (const table of tables) {
      const rows = plain(await ask(`SELECT * FROM ${historyName(table)}`), table.key);
      expect(rows, table.name).toEqual(expected.get(table.name));
    }
  });
  const hasLake = existsSync(join(directory.path, 'catalog.sqlite'));
  if (hasLake) expect(await allByLake(directory, tables[0])).toEqual(expected.get(tables[0].name));
}

test(`questions about all times are answered alike before a month leaves and after it (seed ${seed})`, async () => {
  using directory = base.copy();
  await expectAll(directory);
  await runTiers(directory.config, run);
  for (const [name, rows] of await directory.hot()) expect(rows, name).toEqual([]);
  await expectAll(directory);

  // Of the same types too, so that no query has to change with the days.
  const [days] = tables;
  await asking(directory, async (ask) => {
    const typesOf = async (name: string) =>
      (await ask(`DESCRIBE ${name}`)).map((one) => [
        one.name,
        String(one.type).replace(/LowCardinality\((.*)\)/, '$1'),
      ]);
    for (const table of tables) expect(await typesOf(historyName(table))).toEqual(await typesOf(table.name));
  });

  // What comes late lies in ClickHouse again, over what gold has.
  const late = before.get(days.name)?.find((row) => Number(row.impressions) > 0) as TextRow;
  const restated: TextRow = { ...late, impressions: '7', version: `${BigInt(late.version) + 1n}` };
  const names = Object.keys(late);
  await directory.change(
    `INSERT INTO ads.${days.name} (${names.join(', ')}) VALUES (${names.map((name) => `'${restated[name]}'`).join(', ')})`,
  );
  const expected = new Map(before);
  expected.set(days.name, before.get(days.name)?.map((row) => (row === late ? restated : row)) ?? []);
  await expectAll(directory, expected);
  await runTiers(directory.config, run);
  await expectAll(directory, expected);
}, 180_000);

test('rows that are on their way out are seen, and once', async () => {
  using directory = base.copy();
  await writeGoldLayer(directory.config, { isDryRun: false, onProgress: () => {} }, silent);
  const [days] = tables;
  const data = join(directory.path, 'lake/gold', days.name, 'data');
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.parquet'));
  const [one, other] = [join(data, files[0]), join(data, files[files.length - 1])];
  copyFileSync(one, `${one}.kept`);
  copyFileSync(other, one);
  await expect(runTiers(directory.config, run)).rejects.toMatchObject({ code: 'COPY_DIFFERS' });
  await expectAll(directory);
}, 180_000);

test('who asks for one organization opens no file of another', async () => {
  using directory = base.copy();
  await runTiers(directory.config, run);
  const table = tables.find(({ name }) => name === 'rule_evaluations') as Table;
  const rows = before.get(table.name) ?? [];
  const org = rows[0].org_id;
  const own = rows.filter((row) => row.org_id === org).length;
  expect(own).toBeLessThan(rows.length);
  const sql = `SELECT count() AS count FROM ${historyName(table)} WHERE org_id = '${org}' FORMAT JSON`;
  await using queries = await openQueries(directory.config, silent, systemClock);
  const answer = await queries.ask(sql);
  const { data, statistics } = JSON.parse(answer.kind === 'text' ? answer.text : '') as {
    data: [{ count: string }];
    statistics: { rows_read: number };
  };
  expect(Number(data[0].count)).toBe(own);
  expect(statistics.rows_read).toBe(own);
}, 180_000);

test('a reader of one organization sees its own rows of all times, and no others', async () => {
  using directory = base.copy();
  await runTiers(directory.config, run);
  const [days] = tables;
  const rows = before.get(days.name) ?? [];
  const org = rows[0].org_id;
  const token = 'a-token-that-nobody-guesses';
  const place = { ...embeddedPlace(directory.config, 0), readers: `own ${token} ${org}` };
  const opened = await openEmbeddedTables(place, { clock: systemClock, log: silent });
  try {
    const own = { url: opened.reader.url, headers: { 'x-clickhouse-key': token } };
    await refreshHistoryViews(directory.config, opened.writer);
    const asked = `SELECT org_id, count() AS rows FROM ${historyName(days)} GROUP BY org_id`;
    const count = String(rows.filter((row) => row.org_id === org).length);
    expect(rowsOf(await askClickHouse(own, asked))).toEqual([{ org_id: org, rows: count }]);
    const inLake = rowsOf(await askClickHouse(opened.reader, "SELECT name FROM system.tables WHERE database = 'lake'"));
    const gold = inLake.map(({ name }) => String(name)).find((name) => name.startsWith(goldName(days)));
    expect(gold).toBeDefined();
    for (const name of [`${days.name}_leaving_202603_0123abcd`, `lake.${gold}`, `lake.\`${gold}\``])
      await expect(askClickHouse(own, `SELECT count() FROM ${name}`), name).rejects.toThrow('are in the views all_…');
  } finally {
    await opened.close();
  }
}, 180_000);

test('all times cannot be asked as they were at an instant, and the answer says what can', async () => {
  const asked = queryLake(base.config, { sql: 'SELECT count() FROM all_alert_events', atMs: 0 }, silent);
  await expect(asked).rejects.toMatchObject({
    code: 'USAGE',
    message: 'all_alert_events tells of now: ask gold.alert_events with --at',
  });
});
