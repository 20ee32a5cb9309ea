import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { attachStack } from '../../../scripts/stack/stack.ts';
import { listTables } from '../../../src/adapters/lake/look-at-lake.ts';
import { writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { SilverWorld } from './silver-world.ts';

const { addresses } = attachStack(['s3', 'iceberg-rest']);
const quiet = { isDryRun: false, onProgress: () => {} };

async function onS3(): Promise<Record<string, unknown>> {
  const { endpoint, region, accessKeyId, secretAccessKey } = addresses.s3;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  const bucket = `silver-${randomBytes(4).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const key = { access_key_id: accessKeyId, secret_access_key: secretAccessKey };
  return { bronze: { warehouse: `s3://${bucket}/lake` }, s3: { endpoint, region, path_style: true, ...key } };
}

async function behindRest(): Promise<Record<string, unknown>> {
  return { bronze: { catalog: 'rest' }, iceberg_rest: { url: addresses.icebergRest.url } };
}

test.each([
  ['on S3', onS3, 61],
  ['behind a REST catalog', behindRest, 62],
] as const)('silver %s is the fold of the log (seed %#)', async (_, settings, seed) => {
  using world = await SilverWorld.make({ seed, days: 2, encoding: 'binary' }, await settings());
  const report = await writeSilverLayer(world.config, quiet);
  expect(report.overtaken).toBe(0);
  const [actual, expected] = [await world.actual(), await world.expected()];
  for (const [name, rows] of expected) expect(actual.get(name), name).toEqual(rows);
  expect(await writeSilverLayer(world.config, quiet)).toMatchObject({ days: 0 });
  const listed = (await listTables(world.config)).map(({ table }) => table);
  expect(listed).toEqual(expect.arrayContaining(['bronze.events', 'silver.impressions', 'silver.days']));
});
