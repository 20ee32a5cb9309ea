import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { attachStack } from '../../../scripts/stack/stack.ts';
import { checkServers } from '../../../src/adapters/servers/check-servers.ts';
import { loadConfig } from '../../../src/adapters/settings.ts';
import { makeLogger } from '../../../src/control/logs/logger.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { RestCatalog } from '../../../src/lakehouse/catalog/rest-catalog.ts';
import type { RestLogin } from '../../../src/lakehouse/catalog/rest-session.ts';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import { sortedBy } from '../../../src/lakehouse/format/sort-order.ts';
import { maintainTable, maintenanceSteps } from '../../../src/lakehouse/jobs/maintain-table.ts';
import { bronzeLayout, bronzeSchema, bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { BronzeTable } from '../../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';
import { catalogExam } from '../../exams/catalog-exam.ts';
import { tableRows } from '../format/table-reading.ts';
import { makeRun } from '../layers/bronze-rows.ts';

// Iceberg's own REST catalog: what it takes is what the protocol means.
const { url } = attachStack(['iceberg-rest']).addresses.icebergRest;
const folder = mkdtempSync(join(tmpdir(), 'paceline-rest-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const io = new LocalFileIO();
const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' as const };
const oauth: RestLogin = { kind: 'oauth2', clientId: 'a', clientSecret: 'b', scope: 'catalog', serverUrl: null };

const opened: RestCatalog[] = [];
afterAll(async () => {
  for (const catalog of opened) await catalog.close();
});

function openCatalog(login: RestLogin = { kind: 'none' }): RestCatalog {
  const catalog = new RestCatalog({ url, warehouse: null, login, ca: null }, () => Date.now());
  opened.push(catalog);
  return catalog;
}

function catalogOf(table: string, login?: RestLogin): CatalogTable {
  return openCatalog(login).table({ namespace: 'bronze', table });
}

catalogExam('REST', async () => {
  const namespace = `exam_${randomBytes(4).toString('hex')}`;
  return { namespace, location: localUri(join(folder, namespace)), open: () => openCatalog() };
});

function bronze(name: string, catalog: CatalogTable): BronzeTable {
  return new BronzeTable({
    catalog,
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: 'ads.events.v1',
    identity,
    location: localUri(join(folder, name)),
    nowMs: () => Date.now(),
    pause: async () => {},
  });
}

test('two writers, a newcomer and the one who looks after the table keep every record once', async () => {
  const name = `events_${randomBytes(4).toString('hex')}`;
  const [a, b] = [catalogOf(name), catalogOf(name, oauth)];
  const [one, two] = [bronze(name, a), bronze(name, b)];
  await Promise.all([one.open(), two.open()]);
  for (let i = 0; i < 6; i++) {
    one.add(makeRun(0, i * 10, i * 10 + 10));
    two.add(makeRun(1, i * 10, i * 10 + 10));
    await Promise.all([one.commit(), two.commit()]);
  }
  const options = {
    catalog: a,
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    layout: bronzeLayout,
    nowMs: () => Date.now(),
    pause: async () => {},
    compaction: { targetBytes: 1e6, rowsMax: 1e5, filesMin: 2 },
    orphansOlderThanMs: 3_600_000,
    snapshotsOlderThanMs: 0,
    snapshotsToKeep: 1,
    isDryRun: false,
  };
  for (const step of maintenanceSteps) await maintainTable(step, options);
  const state = (await a.load())!;
  const rows = await tableRows(io, state);
  const keys = rows.map((row) => Number(row.partition) * 1_000 + Number(row.log_offset)).sort((x, y) => x - y);
  expect(keys).toEqual([0, 1].flatMap((partition) => Array.from({ length: 60 }, (_, i) => partition * 1_000 + i)));
  const newcomer = bronze(name, catalogOf(name));
  expect(await newcomer.open()).toEqual(
    new Map([
      [0, 60],
      [1, 60],
    ]),
  );
});

test('every update that we make is one that Iceberg takes, and it reads back as we meant it', async () => {
  const name = `updates_${randomBytes(4).toString('hex')}`;
  const catalog = catalogOf(name);
  const table = {
    uuid: randomIds.uuid(),
    location: localUri(join(folder, name)),
    schema: bronzeSchema,
    spec: bronzeSpec,
  };
  const made = await catalog.create({
    ...table,
    properties: { 'write.format.default': 'parquet' },
    sortOrder: sortedBy(1, [5, 6]),
  });
  expect(made.metadata['default-sort-order-id']).toBe(1);
  const column = { id: 11, name: 'region', required: false, type: 'string' } as const;
  const after = await catalog.commit(
    made,
    [
      { type: 'assert-table-uuid', uuid: made.metadata['table-uuid'] },
      { type: 'assert-current-schema-id', 'current-schema-id': 0 },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': 10 },
      { type: 'assert-default-spec-id', 'default-spec-id': 0 },
    ],
    [
      {
        action: 'add-schema',
        schema: { ...bronzeSchema, 'schema-id': 1, fields: [...bronzeSchema.fields, column] },
        'last-column-id': 11,
      },
      { action: 'set-current-schema', 'schema-id': -1 },
      { action: 'add-sort-order', 'sort-order': sortedBy(2, [6]) },
      { action: 'set-default-sort-order', 'sort-order-id': -1 },
      { action: 'set-properties', updates: { x: '1', y: '2' } },
      { action: 'remove-properties', removals: ['x'] },
    ],
  );
  expect(after.metadata).toMatchObject({ 'current-schema-id': 1, 'last-column-id': 11, 'default-sort-order-id': 2 });
  expect(after.metadata.properties).toMatchObject({ y: '2' });
  expect(after.metadata.properties.x).toBeUndefined();
  await expect(
    catalog.commit(
      made,
      [{ type: 'assert-current-schema-id', 'current-schema-id': 0 }],
      [{ action: 'remove-properties', removals: ['y'] }],
    ),
  ).rejects.toMatchObject({ code: 'CATALOG_CONFLICT' });
});

test('a catalog that is away says so, at start and in the middle', async () => {
  const away = new RestCatalog(
    { url: 'http://127.0.0.1:9', warehouse: null, login: { kind: 'none' }, ca: null },
    () => 0,
  ).table({ namespace: 'bronze', table: 'x' });
  await expect(away.load()).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
});

test('doctor asks the catalog, and says what is wrong with the settings', async () => {
  const log = makeLogger({ level: 'silent', clock: systemClock });
  const verdict = async (iceberg_rest: Record<string, string>) => {
    const overrides = { bronze: { catalog: 'rest' }, iceberg_rest };
    const { config } = loadConfig([], {
      shippedConfigDirectory: join(import.meta.dirname, '../../../config'),
      overrides,
    });
    return (await checkServers(config, { clock: systemClock, log })).map(({ id, status, detail }) => [
      id,
      status,
      detail,
    ]);
  };
  expect(await verdict({ url })).toEqual([['iceberg.reachable', 'ok', expect.stringContaining('127.0.0.1')]]);
  expect(await verdict({ url: 'http://127.0.0.1:9' })).toEqual([
    ['iceberg.reachable', 'failed', expect.stringContaining('gives no answer')],
  ]);
  // Half a login is refused where settings are read, before anybody is asked.
  await expect(verdict({ url, client_id: 'alone' })).rejects.toThrow('iceberg_rest.client_secret');
});
