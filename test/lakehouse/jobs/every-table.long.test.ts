import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drillLake } from '../../../src/adapters/lake/drill-lake.ts';
import { eraseFromLake } from '../../../src/adapters/lake/erase-from-lake.ts';
import { writeHistoryViews } from '../../../src/adapters/lake/history-views.ts';
import { withLake } from '../../../src/adapters/lake/open-lake.ts';
import { queryLake } from '../../../src/adapters/lake/query-lake.ts';
import { restoreWeek } from '../../../src/adapters/lake/restore-week.ts';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { embeddedTablesDirectory } from '../../../src/adapters/tables.ts';
import type { QueryEndpoint } from '../../../src/control/query-client.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { startEmbeddedClickHouse } from '../../../src/embedded-clickhouse/start-embedded-clickhouse.ts';
import {
  goldName,
  historyName,
  latestTables,
  restoredName,
  type Table,
  tables,
  tenantTables,
} from '../../../src/rows/tables.ts';
import { accessOf, guardOf } from '../../../src/sinks/clickhouse/access.ts';
import { silent, WorkedDirectory } from '../layers/worked-directory.ts';

// Whatever is done to the lake is done to every table that there is: a row of its own in each, of two organizations,
// followed through all of it. A table that some step forgets is named here.
const seed = 83;
let directory: WorkedDirectory;
let own: string;
let other: string;
beforeAll(async () => {
  directory = await WorkedDirectory.make(seed);
  const days = await directory.hotRows('campaign_metrics_daily', ['org_id']);
  [own, other] = [...new Set(days.map(({ org_id }) => org_id))];
}, 180_000);
afterAll(() => directory?.[Symbol.dispose]());

const week = '2026-03-02';
/** In that week, and of the month of the simulated world. */
const instantOf = ({ columns, partitionBy }: Table) =>
  columns.find(({ name }) => name === partitionBy)?.type === 'Date32' ? '2026-03-07' : '2026-03-07 12:34:56.789';

/** A row of each table that no record gives. */
const madeUp = (orgs: readonly string[], into = (table: Table) => table.name): string[] =>
  tables.map((table) => {
    const rows = orgs.map((org) => `('${org}', '${instantOf(table)}', 1)`);
    return `INSERT INTO ads.${into(table)} (org_id, ${table.partitionBy}, version) VALUES ${rows.join(', ')}`;
  });
/** Versions of the engine are generation and offset: never so small. */
const isMadeUp = (org: string) => `org_id = '${org}' AND version = 1`;

async function countIn(sql: (table: Table) => string): Promise<Record<string, string>> {
  const counts: Record<string, string> = {};
  for (const table of tables) {
    const { rows } = await queryLake(directory.config, { sql: sql(table), atMs: null }, silent);
    counts[table.name] = String(rows?.[0][0]);
  }
  return counts;
}
const each = (count: number) => Object.fromEntries(tables.map(({ name }) => [name, String(count)]));

/** The tables as a server has them, for statements of whoever may do everything. */
async function onServer<T>(
  work: (run: (sql: string) => Promise<string>, endpoint: QueryEndpoint) => Promise<T>,
): Promise<T> {
  const dir = embeddedTablesDirectory(directory.path);
  const server = await startEmbeddedClickHouse({
    dir,
    port: 0,
    clock: systemClock,
    files: join(directory.path, 'lake'),
  });
  const endpoint = { url: server.url, headers: { 'x-clickhouse-key': server.writeToken } };
  const run = async (body: string): Promise<string> => {
    const answer = await fetch(server.url, { method: 'POST', headers: endpoint.headers, body });
    const text = await answer.text();
    expect(answer.status, `${body}: ${text}`).toBe(200);
    return text;
  };
  try {
    return await work(run, endpoint);
  } finally {
    await server.stop();
  }
}

test('every table of ClickHouse that has rows of organizations is known to what guards and moves them', async () => {
  const text = await onServer((run) =>
    run(
      "SELECT name FROM system.tables WHERE database = 'ads' AND engine != 'View' AND name IN (SELECT table FROM system.columns WHERE database = 'ads' AND name = 'org_id') FORMAT TSV",
    ),
  );
  const found = text.trim().split('\n');
  expect(found).toEqual(expect.arrayContaining(tables.map(({ name }) => name)));
  expect(found.filter((name) => !tenantTables.includes(name))).toEqual([]);
}, 60_000);

test(`a row of every table leaves, is asked for, comes back and is missed by the drill (seed ${seed})`, async () => {
  await directory.change(...madeUp([own, other]));
  const { moved } = await runTiers(directory.config, { log: silent, onMoved: () => {}, onProgress: () => {} });
  expect([...new Set(moved.map(({ table }) => table))].sort()).toEqual(tables.map(({ name }) => name).sort());
  for (const table of tables) expect(await directory.hotRows(table.name, table.key), table.name).toEqual([]);
  expect(await countIn((table) => `SELECT count() FROM gold.${table.name} WHERE ${isMadeUp(own)}`)).toEqual(each(1));
  expect(await countIn((table) => `SELECT count() FROM ${historyName(table)} WHERE ${isMadeUp(own)}`)).toEqual(each(1));
  for (const table of tables)
    expect(await directory.history(table), table.name).toEqual(
      expect.arrayContaining([expect.objectContaining({ org_id: own, version: '1' })]),
    );

  const restored = await restoreWeek(directory.config, { org: own, week }, silent);
  expect(restored.map(({ table }) => table).sort()).toEqual(tables.map(restoredName).sort());

  // No record gives them: one difference of each table, and no other.
  const chosen = { org: own, week };
  const drill = await drillLake(directory.config, { seed: 1, chosen, onDrawn: () => {}, onProgress: () => {} });
  expect(drill.differences).toBe(tables.length);
}, 300_000);

test('the login of an organization sees its own rows of every table and time, and nobody else’s, on ClickHouse itself', async () => {
  using scratch = folder();
  // As on a server: gold is a table of the same database, and a month is on its way out.
  const leaving = (table: Table) => `${table.name}_leaving_202603_0a1b2c3d`;
  await onServer(async (run, endpoint) => {
    for (const table of tables) await run(`CREATE TABLE ads.${leaving(table)} AS ads.${table.name}`);
    for (const statement of madeUp([own, other], leaving))
      await run(statement.replaceAll(', 1)', ', 2)').replaceAll('2026-03-07', '2026-03-06'));
    for (const statement of madeUp([own, other]))
      await run(statement.replaceAll(', 1)', ', 3)').replaceAll('2026-03-07', '2026-04-09'));
    const clickhouse = { ...directory.config.clickhouse, url: endpoint.url, database: 'ads' };
    await withLake(directory.config, (lake) =>
      writeHistoryViews({ ...directory.config, clickhouse }, { endpoint, lake }),
    );
  });
  const dir = embeddedTablesDirectory(directory.path);
  const configuration = scratch.configure(own, tables.map(leaving));
  const queries = tables.flatMap((table) => [
    `SELECT org_id, toString(min(version)), toString(max(version)), toString(countIf(version = 2)) FROM ads.${historyName(table)} GROUP BY org_id`,
    `SELECT DISTINCT org_id FROM ads.${goldName(table)}`,
    `SELECT DISTINCT org_id FROM ads.${leaving(table)}`,
    `SELECT DISTINCT org_id FROM ads.${table.name}`,
    `SELECT count() FROM ads.${restoredName(table)}`,
  ]);
  const answers = scratch.ask(dir, configuration, queries);
  for (const [at, { name }] of tables.entries()) {
    const [all, gold, out, hot, restored] = answers.slice(at * 5, at * 5 + 5);
    expect(
      all.rows?.map((row) => JSON.parse(row)),
      `${name} ${all.refused}`,
    ).toEqual([[own, '1', expect.stringMatching(/\d/), '1']]);
    for (const one of [gold, out, hot]) expect(one, name).toEqual({ rows: [`["${own}"]`] });
    expect(restored.refused, name).toContain('ACCESS_DENIED');
  }
  // Without the rights of the role there is nothing to see: it is they that the answers above came by.
  const bare = scratch.ask(dir, scratch.configure(own, [], false), queries.slice(0, 1));
  expect(bare[0].refused).toContain('ACCESS_DENIED');
  await onServer(async (run) => {
    for (const table of tables) await run(`DROP TABLE ads.${goldName(table)} SYNC`);
  });
}, 180_000);

test('an organization that is erased is in no table any more, hot, leaving, restored or in gold', async () => {
  const { config } = directory;
  const hot = [...tables.map(({ name }) => name), ...tables.map((table) => `${table.name}_leaving_202603_0a1b2c3d`)];
  await eraseFromLake(config, own, { isDryRun: false, log: silent });
  for (const name of [...hot, ...tables.map(restoredName), ...latestTables.map(({ name }) => name)]) {
    const rows = await directory.hotRows(name, ['org_id']);
    expect(
      rows.filter(({ org_id }) => org_id === own),
      name,
    ).toEqual([]);
    if (hot.includes(name)) expect(rows.filter(({ org_id }) => org_id === other).length, name).toBeGreaterThan(0);
  }
  for (const { name } of tables) {
    const rows = await directory.goldRows(name, ['org_id']);
    expect(
      rows.filter(({ org_id }) => org_id === own),
      name,
    ).toEqual([]);
    expect(rows.filter(({ org_id }) => org_id === other).length, name).toBeGreaterThan(0);
  }
}, 300_000);

interface Answer {
  readonly rows?: string[];
  readonly refused?: string;
}

/** Users in files are what the engine of ClickHouse takes without a server; rights are those that `migrate` gives. */
function folder() {
  const path = mkdtempSync(join(tmpdir(), 'paceline-users-'));
  let made = 0;
  return {
    configure(org: string, leaving: readonly string[], withRights = true): string {
      const options = { database: 'ads', cluster: null };
      const rights = withRights ? accessOf([...tables, ...latestTables], [], tables, options) : [];
      const statements = [...rights, ...leaving.flatMap((name) => guardOf(name, options))];
      const grants = statements.flatMap((one) => /^GRANT (SELECT ON .*) TO paceline_tenant$/.exec(one)?.[1] ?? []);
      const guards = statements.flatMap((one) => {
        const [, name, condition] = /paceline_own ON ads\.(\w+) USING (.*) TO paceline_tenant$/.exec(one) ?? [];
        return name === undefined ? [] : [[name, condition.replace("getSetting('SQL_org_id')", `'${org}'`)]];
      });
      const users = join(path, `users-${made}.xml`);
      writeFileSync(
        users,
        `<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default>
          <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
          <grants>${['SELECT ON ads.schema_migrations', ...grants].map((one) => `<query>GRANT ${one}</query>`).join('')}</grants>
          <databases><ads>${guards.map(([name, filter]) => `<${name}><filter>${filter}</filter></${name}>`).join('')}</ads></databases>
        </default></users></clickhouse>`,
      );
      const file = join(path, `config-${made++}.xml`);
      writeFileSync(file, `<clickhouse><users_config>${users}</users_config></clickhouse>`);
      return file;
    },
    ask(dir: string, configuration: string, queries: readonly string[]): Answer[] {
      const script = join(import.meta.dirname, 'ask-as-user.ts');
      const args = ['--disable-warning=ExperimentalWarning', script, dir, configuration, ...queries];
      const text = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Answer);
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
