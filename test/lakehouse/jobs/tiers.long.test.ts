import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planTiers, runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { writeGoldLayer } from '../../../src/adapters/lake/write-layers.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { embeddedTablesDirectory } from '../../../src/adapters/tables.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import { tables } from '../../../src/rows/tables.ts';
import { mainFile, silent, type TextRow, WorkedDirectory } from '../layers/worked-directory.ts';

const run = { log: silent, onMoved: () => {}, onProgress: () => {} };
const seed = 43;
let base: WorkedDirectory;
let before: Map<string, TextRow[]>;
beforeAll(async () => {
  base = await WorkedDirectory.make(seed);
  before = await base.hot();
}, 120_000);
afterAll(() => base?.[Symbol.dispose]());

async function expectAllInGold(directory: WorkedDirectory): Promise<void> {
  const [gold, hot] = [await directory.gold(), await directory.hot()];
  for (const [name, rows] of before) expect(gold.get(name), name).toEqual(rows);
  for (const [name, rows] of hot) expect(rows, name).toEqual([]);
}

const receipts = (directory: WorkedDirectory) => directory.goldRows('receipts', ['table_name', 'month', 'verified_at']);

test(`months that are over leave ClickHouse with a receipt each, and what comes late follows them (seed ${seed})`, async () => {
  using directory = base.copy();
  const { months } = await planTiers(directory.config, silent);
  expect(months.every(({ isDue, isLeaving }) => isDue && !isLeaving)).toBe(true);
  const { moved } = await runTiers(directory.config, run);
  expect(moved.map(({ table, month, rows }) => [table, month, rows])).toEqual(
    months.map(({ table, month, rows }) => [table, month, rows]),
  );
  await expectAllInGold(directory);
  expect(await receipts(directory)).toHaveLength(moved.length);
  expect(await runTiers(directory.config, run)).toEqual({ moved: [], expired: [] });

  const { name, key } = tables[0];
  const late = before.get(name)?.find((row) => Number(row.impressions) > 0) as TextRow;
  const columns = Object.keys(late);
  const values = columns.map((column) => (column === 'version' ? `${BigInt(late.version) + 1n}` : `'${late[column]}'`));
  await directory.change(`INSERT INTO ads.${name} (${columns.join(', ')}) VALUES (${values.join(', ')})`);
  expect((await runTiers(directory.config, run)).moved).toMatchObject([{ table: name, rows: 1, organizations: 1 }]);
  const rows = await directory.goldRows(name, key);
  expect(rows).toHaveLength(before.get(name)?.length ?? 0);
  expect(rows.filter((row) => row.version === String(BigInt(late.version) + 1n))).toHaveLength(1);
  expect(await receipts(directory)).toHaveLength(moved.length + 1);
});

test('runs that are killed at any moment lose and double nothing', async () => {
  using directory = base.copy();
  const start = () =>
    spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', mainFile, 'tier', 'run', '--data', directory.path],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  for (const afterMs of [2_600, 3_200, 4_000, 5_000]) {
    const child = start();
    const ended = once(child, 'exit');
    await Promise.race([ended, sleep(afterMs)]);
    child.kill('SIGKILL');
    await ended;
  }
  await runTiers(directory.config, run);
  await expectAllInGold(directory);
  expect((await planTiers(directory.config, silent)).months).toEqual([]);
}, 180_000);

test('two runs at once move every row once; whoever is overtaken says by whom, to be run again', async () => {
  using directory = base.copy();
  const server = await startEmbeddedClickHouse({
    ...{ dir: embeddedTablesDirectory(directory.path), port: 0, clock: systemClock },
    files: join(directory.path, 'lake'),
  });
  try {
    const life = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'tier-life.ts'), directory.path];
    const live = async (): Promise<string> => {
      const args = [...life, server.url, server.writeToken];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      return await text(child.stdout);
    };
    for (const ended of await Promise.all([live(), live()]))
      expect(ended).toMatch(/^(done|75 (RUN_INCOMPLETE|CATALOG_CONFLICT): )/);
    expect(await live()).toBe('done');
  } finally {
    await server.stop();
  }
  await expectAllInGold(directory);
  expect((await planTiers(directory.config, silent)).months).toEqual([]);
}, 180_000);

test('a second run by hand on a data directory does not begin, and says who is there', async () => {
  using directory = base.copy();
  const call = ['--disable-warning=ExperimentalWarning', mainFile, 'tier', 'run', '--data', directory.path];
  const start = () => {
    const child = spawn(process.execPath, call, { stdio: ['ignore', 'ignore', 'pipe'] });
    return { pid: child.pid, said: text(child.stderr), ended: once(child, 'exit') as Promise<[number]> };
  };
  const [first, second] = [start(), start()];
  const codes = [(await first.ended)[0], (await second.ended)[0]];
  expect(codes.toSorted((a, b) => a - b)).toEqual([0, 73]);
  const [winner, loser] = codes[0] === 0 ? [first, second] : [second, first];
  expect(await loser.said).toMatch(new RegExp(`error DATA_DIR_LOCKED: .*${winner.pid}`));
  await expectAllInGold(directory);
}, 180_000);

test('a copy that is not what ClickHouse has is noticed, and nothing is dropped', async () => {
  using directory = base.copy();
  await writeGoldLayer(directory.config, { isDryRun: false, onProgress: () => {} }, silent);
  const { name } = tables[0];
  const data = join(directory.path, 'lake/gold', name, 'data');
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.parquet'));
  const [one, other] = [join(data, files[0]), join(data, files[files.length - 1])];
  copyFileSync(one, `${one}.kept`);
  copyFileSync(other, one);
  await expect(runTiers(directory.config, run)).rejects.toMatchObject({ code: 'COPY_DIFFERS' });
  const { months } = await planTiers(directory.config, silent);
  const rows = months.filter(({ table }) => table === name).reduce((sum, month) => sum + month.rows, 0);
  expect(rows).toBeGreaterThanOrEqual(before.get(name)?.length ?? 0);
  expect(months.some(({ table, isLeaving }) => table === name && isLeaving)).toBe(true);
  copyFileSync(`${one}.kept`, one);
  await runTiers(directory.config, run);
  await expectAllInGold(directory);
});

test('the lake deletes what is old enough, but nothing of an organization that is held', async () => {
  using directory = base.copy();
  await runTiers(directory.config, run);
  const { name, key } = tables[0];
  const held = before.get(name)?.[0].org_id as string;
  const load = (tiers: Record<string, unknown>) =>
    loadConfig([], {
      shippedConfigDirectory: join(mainFile, '../../config'),
      overrides: { data_directory: directory.path, tiers },
    }).config;
  const strict = load({ lake_days: 40, legal_hold: [held], lake_days_of: { 'gold.rule_evaluations': 36_500 } });
  const { expired } = await planTiers(strict, silent);
  expect(expired.map(({ table }) => table)).toContain(`gold.${name}`);
  expect(await directory.goldRows(name, key)).toEqual(before.get(name));
  expect((await runTiers(strict, run)).expired).toEqual(expired);
  expect(await directory.goldRows(name, key)).toEqual(before.get(name)?.filter((row) => row.org_id === held));
  const evaluations = tables.find((table) => table.name === 'rule_evaluations')!;
  expect(await directory.goldRows(evaluations.name, evaluations.key)).toEqual(before.get(evaluations.name));
});
