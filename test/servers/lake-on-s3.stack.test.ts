import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStack } from '../../scripts/stack/stack.ts';
import { writeSimulatedLog } from '../../src/adapters/log/simulated-log.ts';
import { checkServers } from '../../src/adapters/servers/check-servers.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { StoredLog } from '../chaos/read-log.ts';

// The embedded engine whose lake lies in an S3 store, read by ClickHouse's own reader.
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const s3 = attachStack(['s3']).addresses.s3;
const bucket = `lake-${randomBytes(4).toString('hex')}`;
const data = mkdtempSync(join(tmpdir(), 'paceline-s3-'));

function load(secret: string = s3.secretAccessKey) {
  const overrides = {
    data_directory: data,
    http: { port: 0 },
    clickhouse: { port: 0 },
    bronze: { warehouse: `s3://${bucket}/lake` },
    s3: { endpoint: s3.endpoint, path_style: true, access_key_id: s3.accessKeyId, secret_access_key: secret },
  };
  return loadConfig([], { shippedConfigDirectory, overrides });
}

beforeAll(async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = s3;
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const { plans } = load().config;
  const world = { seed: 5, days: 1, campaigns: 20, partitions: 2, encoding: 'binary' } as const;
  await writeSimulatedLog({ dir: data, ...world, plans, clock: systemClock });
});
afterAll(() => rmSync(data, { recursive: true }));

function readWithClickHouse(sql: string): string {
  const script = `const { query } = require('chdb'); process.stdout.write(query(${JSON.stringify(sql)}).toString());`;
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: join(import.meta.dirname, '../..') });
}

test('every record of the log lies once in the bronze table on S3, also after a second run', async () => {
  for (let life = 0; life < 2; life++) {
    const engine = await startEngine(load(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
    await engine.drain();
    await engine.stop();
  }
  await using stored = await StoredLog.open(join(data, 'log'), eventsTopic);
  let records = 0;
  for (let partition = 0; partition < stored.partitions; partition++)
    for await (const _ of stored.records(partition)) records += 1;
  const table = `icebergS3('${s3.endpoint}/${bucket}/lake/bronze/events', '${s3.accessKeyId}', '${s3.secretAccessKey}')`;
  const counts = readWithClickHouse(`SELECT count(), uniqExact(partition, log_offset) FROM ${table} FORMAT TSV`);
  expect(counts.trim().split('\t').map(Number)).toEqual([records, records]);
});

test('doctor tries the place, and says what is wrong with a key without showing it', async () => {
  const context = { clock: systemClock, log };
  const verdict = async (secret: string) =>
    (await checkServers(load(secret).config, context)).map(({ id, status }) => `${id} ${status}`);
  expect(await verdict(s3.secretAccessKey)).toEqual(['s3.writable ok']);
  expect(await verdict('not-the-key')).toEqual(['s3.writable failed']);
  expect(JSON.stringify(await checkServers(load('not-the-key').config, context))).not.toContain('not-the-key');
});
