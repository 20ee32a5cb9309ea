import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, expect, test } from 'vitest';
import { attachStack } from '../../../scripts/stack/stack.ts';
import { drillLake } from '../../../src/adapters/lake/drill-lake.ts';
import { eraseFromLake } from '../../../src/adapters/lake/erase-from-lake.ts';
import { openLake } from '../../../src/adapters/lake/open-lake.ts';
import { queryLake } from '../../../src/adapters/lake/query-lake.ts';
import { runTiers } from '../../../src/adapters/lake/tier-lake.ts';
import { writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import type { Config } from '../../../src/adapters/settings.ts';
import { historyName, tables } from '../../../src/rows/tables.ts';
import { asLogin, makeDatabase } from '../../plans/postgres/server.ts';
import { plain, silent, WorkedDirectory } from '../layers/worked-directory.ts';

const { addresses } = attachStack(['s3', 'iceberg-rest', 'postgres']);
const folder = process.cwd();
afterAll(() => process.chdir(folder));

async function onS3(): Promise<Record<string, unknown>> {
  const { endpoint, region, accessKeyId, secretAccessKey } = addresses.s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  const bucket = `tiers-${randomBytes(4).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const key = { access_key_id: accessKeyId, secret_access_key: secretAccessKey };
  return { bronze: { warehouse: `s3://${bucket}/lake` }, s3: { endpoint, region, path_style: true, ...key } };
}

/** Tables of others lie there too, so ours go before and after. */
async function behindRest(): Promise<Record<string, unknown>> {
  return { bronze: { catalog: 'rest' }, iceberg_rest: { url: addresses.icebergRest.url } };
}

/** Both at once: the catalog's server reads and writes metadata in the store too. */
async function onS3BehindRest(): Promise<Record<string, unknown>> {
  const [store, catalog] = [await onS3(), await behindRest()];
  return { ...store, ...catalog, bronze: { ...(store.bronze as object), ...(catalog.bronze as object) } };
}

async function dropAll(directory: WorkedDirectory): Promise<void> {
  const lake = await openLake(directory.config);
  try {
    for (const namespace of await lake.catalog.namespaces())
      for (const name of await lake.catalog.tables(namespace)) await lake.catalog.drop(name);
  } finally {
    await lake.close();
  }
}

const python = `${process.env.PACELINE_READERS_VENV ?? join(tmpdir(), 'paceline-readers-venv')}/bin/python`;
const hasReaders = existsSync(python);
if (!hasReaders) console.warn('no pyiceberg (npm run test:readers installs it): what it reads was NOT checked');

/** Rows of a table as pyiceberg counts them, over the same catalog and store. */
function countByPyiceberg({ bronze, s3, iceberg_rest, data_directory }: Config, table: string): number {
  const own =
    bronze.catalog === 'rest'
      ? { type: 'rest', uri: iceberg_rest.url }
      : { type: 'sql', uri: `sqlite:///${data_directory}/catalog.sqlite` };
  const store = {
    ...{ 's3.endpoint': s3.endpoint, 's3.access-key-id': s3.access_key_id, 's3.region': s3.region },
    's3.secret-access-key': s3.secret_access_key,
  };
  const properties = Object.entries({ ...own, ...(s3.endpoint === null ? {} : store) });
  const script = `import json, sys
from pyiceberg.catalog import load_catalog
catalog = load_catalog("paceline", **json.loads(sys.argv[1]))
print(catalog.load_table(sys.argv[2]).scan(selected_fields=("org_id",)).to_arrow().num_rows)`;
  const asked = JSON.stringify(Object.fromEntries(properties));
  return Number(execFileSync(python, ['-c', script, asked, table], { encoding: 'utf8' }).trim());
}

test.each([
  ['on S3', onS3, 67],
  ['behind a REST catalog', behindRest, 68],
  ['on S3 behind a REST catalog', onS3BehindRest, 68],
] as const)(
  'months leave, are asked, drilled and erased %s (seed %#)',
  async (_, place, seed) => {
    await using database = await makeDatabase();
    const service = await database.login('paceline_service');
    const settings = { ...(await place()), postgres: { url: service.url } };
    using directory = await WorkedDirectory.make(seed, settings, dropAll);
    try {
      const { config } = directory;
      const before = await directory.hot();
      await writeSilverLayer(config, { isDryRun: false, onProgress: () => {} });
      const { moved } = await runTiers(config, { log: silent, onMoved: () => {}, onProgress: () => {} });
      expect(moved.length).toBeGreaterThan(4);
      for (const { name, key } of tables) {
        expect(await directory.hotRows(name, key), name).toEqual([]);
        expect(await directory.goldRows(name, key), name).toEqual(before.get(name));
      }
      // ClickHouse reads the store itself, with the key that the configuration has.
      const [days] = tables;
      expect(await directory.history(days)).toEqual(before.get(days.name));
      const { columns, rows } = await queryLake(
        config,
        { sql: `SELECT * FROM ${historyName(days)}`, atMs: null },
        silent,
      );
      const named = (rows ?? []).map((row) => Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])));
      expect(plain(named, days.key)).toEqual(before.get(days.name));

      const drill = await drillLake(config, { seed, chosen: null, onDrawn: () => {}, onProgress: () => {} });
      expect(drill).toMatchObject({ differences: 0, restated: 0 });

      if (hasReaders) expect(countByPyiceberg(config, `gold.${days.name}`)).toBe(before.get(days.name)?.length);

      const org = before.get(days.name)?.[0].org_id as string;
      const erased = await eraseFromLake(config, org, { isDryRun: false, log: silent });
      expect(erased.lake.length).toBeGreaterThan(5);
      const left = before.get(days.name)?.filter((row) => row.org_id !== org);
      expect(await directory.goldRows(days.name, days.key)).toEqual(left);
      expect(await directory.history(days)).toEqual(left);

      const noted = await asLogin(service, async (client) => {
        const found = await client.query(
          "SELECT action, org_id, table_name FROM paceline.audit_logs WHERE action IN ('moved', 'erased') AND actor = $1",
          ['paceline tier run'],
        );
        const gone = await client.query(
          "SELECT org_id FROM paceline.audit_logs WHERE action = 'erased' AND org_id = $1",
          [org],
        );
        return { moved: found.rowCount, erased: gone.rowCount };
      });
      expect(noted.moved).toBe(moved.length);
      expect(noted.erased).toBe(1);
    } finally {
      await dropAll(directory);
    }
  },
  300_000,
);
