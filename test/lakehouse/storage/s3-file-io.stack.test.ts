import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { attachStack } from '../../../scripts/stack/stack.ts';
import { S3FileIO, type S3Options } from '../../../src/lakehouse/storage/s3-file-io.ts';
import { fileIoExam } from '../../exams/file-io-exam.ts';

const bucket = `exam-${randomBytes(4).toString('hex')}`;
let options: S3Options;
let io: S3FileIO;

beforeAll(async () => {
  const { endpoint, region, accessKeyId, secretAccessKey } = attachStack(['s3']).addresses.s3;
  const credentials = { accessKeyId, secretAccessKey };
  options = { endpoint, region, isPathStyle: true, credentials, multipartAboveBytes: 10 * 1024 * 1024 };
  io = new S3FileIO(options);
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
});
afterAll(() => io?.close());

fileIoExam('an S3 store', async () => {
  return { io, folder: `s3://${bucket}/lake`, knowsItsOwn: true, close: async () => {} };
});

test('a large file goes up in parts, once, and a lost answer of it is known as our own', async () => {
  const bytes = randomBytes(23 * 1024 * 1024);
  const uri = `s3://${bucket}/large`;
  await io.create(uri, bytes);
  expect(Buffer.compare(await io.read(uri), bytes)).toBe(0);
  await io.create(uri, bytes);
  bytes[5] ^= 1;
  await expect(io.create(uri, bytes)).rejects.toMatchObject({ code: 'SINK_UNAVAILABLE' });
});

test('wrong keys, a bucket that is not there and a store that is away say so, without the secret', async () => {
  const wrong = new S3FileIO({ ...options, credentials: { accessKeyId: 'paceline', secretAccessKey: 'not-this' } });
  const away = new S3FileIO({ ...options, endpoint: 'http://127.0.0.1:9' });
  const tries = [
    [wrong, `s3://${bucket}/x`, /SignatureDoesNotMatch/, 'LAKE_REFUSED'],
    [io, 's3://no-such-bucket-here/x', /NoSuchBucket/, 'LAKE_REFUSED'],
    [away, `s3://${bucket}/x`, /ECONNREFUSED/, 'SINK_UNAVAILABLE'],
  ] as const;
  for (const [store, uri, words, code] of tries) {
    const error = await store.create(uri, new Uint8Array(1)).catch((caught: Error) => caught);
    expect(error).toMatchObject({ code, message: expect.stringMatching(words) });
    expect(String(error)).not.toContain('not-this');
  }
  wrong.close();
  away.close();
});
