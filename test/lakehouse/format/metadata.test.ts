import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import avro from 'avsc';
import { expect, test } from 'vitest';
import { CatalogRows } from '../../../src/lakehouse/catalog/catalog-rows.ts';
import { SqlCatalog } from '../../../src/lakehouse/catalog/sql-catalog.ts';
import { SqliteRows } from '../../../src/lakehouse/catalog/sqlite-rows.ts';
import { AvroDecoder, AvroEncoder } from '../../../src/lakehouse/format/avro-codec.ts';
import { readAvroFile } from '../../../src/lakehouse/format/avro-container.ts';
import { parseLossless, stringifyLossless } from '../../../src/lakehouse/format/lossless-json.ts';
import { type DataFile, readManifest, writeManifest } from '../../../src/lakehouse/format/manifest.ts';
import { avroName } from '../../../src/lakehouse/format/manifest-schema.ts';
import { bronzeSchema, bronzeSpec } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import { randomIds } from '../../../src/lakehouse/storage/id-source.ts';
import { LocalFileIO, localUri } from '../../../src/lakehouse/storage/local-file-io.ts';

test('ids beyond 2^53 survive JSON, small integers stay numbers', () => {
  const text = '{"snapshot-id":7594423871603561477,"refs":{"main":{"snapshot-id":5}},"other":9007199254740993,"n":1.5}';
  const value = parseLossless(text);
  expect(value).toEqual({
    'snapshot-id': 7594423871603561477n,
    refs: { main: { 'snapshot-id': 5n } },
    other: 9007199254740993n,
    n: 1.5,
  });
  expect(stringifyLossless(value)).toBe(text);
});

test('Avro longs have the bytes of the Avro specification, to both ends of 64 bits', () => {
  const bytesOf = (value: number | bigint) => {
    const encoder = new AvroEncoder();
    encoder.long(value);
    return [...encoder.take()];
  };
  expect([0, -1, 1, -64, 64, -65].map(bytesOf)).toEqual([[0], [1], [2], [127], [128, 1], [129, 1]]);
  for (const value of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 31n)]) {
    expect(BigInt(new AvroDecoder(Uint8Array.from(bytesOf(value))).long())).toBe(value);
  }
});

const file: DataFile = {
  path: 'file:///t/data/org_id=b.org%3Aeu/x.parquet',
  partition: ['b.org:eu', 20514],
  recordCount: 3,
  sizeBytes: 999,
  columnSizes: new Map([[1, 50]]),
  valueCounts: new Map([[1, 3]]),
  nullCounts: new Map([[1, 0]]),
  lowerBounds: new Map([[1, Buffer.from('b')]]),
  upperBounds: new Map([[1, Buffer.from('c')]]),
  splitOffsets: [4],
};
const entry = { status: 1, snapshotId: 2n ** 62n + 1n, sequenceNumber: null, fileSequenceNumber: null, file };

test('a manifest reads back as it was written, in our reader and in another', () => {
  const bytes = writeManifest(bronzeSchema, bronzeSpec, [entry], randomIds.sync());
  expect(readManifest(bytes, bronzeSpec)).toMatchObject([
    { ...entry, file: { ...file, lowerBounds: expect.any(Map) } },
  ]);
  const { metadata } = readAvroFile(bytes);
  const type = avro.Type.forSchema(JSON.parse(metadata['avro.schema']), {
    registry: {},
    wrapUnions: false,
    typeHook: (schema) => {
      if ((schema as unknown) !== 'long') return undefined;
      return avro.types.LongType.__with({
        fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
        toBuffer: () => Buffer.alloc(8),
        fromJSON: BigInt,
        toJSON: Number,
        isValid: (value: unknown) => typeof value === 'bigint',
        compare: () => 0,
      });
    },
  });
  const body = new AvroEncoder();
  body.value(JSON.parse(metadata['avro.schema']), readAvroFile(bytes).records[0]);
  const record = type.fromBuffer(Buffer.from(body.take())) as { snapshot_id: bigint; data_file: { file_path: string } };
  expect(record.snapshot_id).toBe(entry.snapshotId);
  expect(record.data_file.file_path).toBe(file.path);
});

test("a manifest's header names schema, spec and every field's id", () => {
  const { metadata, schema } = readAvroFile(writeManifest(bronzeSchema, bronzeSpec, [entry], randomIds.sync()));
  expect(JSON.parse(metadata.schema)).toEqual(bronzeSchema);
  expect(JSON.parse(metadata['partition-spec'])).toEqual(bronzeSpec.fields);
  expect(metadata).toMatchObject({
    'schema-id': '0',
    'partition-spec-id': '0',
    'format-version': '2',
    content: 'data',
  });
  expect(schema.fields.map((field) => [field.name, field['field-id']])).toEqual([
    ['status', 0],
    ['snapshot_id', 1],
    ['sequence_number', 3],
    ['file_sequence_number', 4],
    ['data_file', 2],
  ]);
  expect(metadata['avro.schema']).toContain('"element-id":133');
});

test('names that Avro does not allow are written the way Iceberg readers expect', () => {
  expect(avroName('a-b')).toBe('a_x2Db');
});

test('a damaged manifest says so', () => {
  const bytes = writeManifest(bronzeSchema, bronzeSpec, [entry], randomIds.sync());
  expect(() => readManifest(bytes.subarray(0, bytes.length - 5), bronzeSpec)).toThrow('cannot be read');
  expect(() => readManifest(Buffer.from('no avro here'), bronzeSpec)).toThrow('not an Avro file');
});

test('a commit on an old pointer is a conflict and leaves no file behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'paceline-catalog-'));
  try {
    const io = new LocalFileIO();
    const catalogs = [0, 1].map(() => {
      const rows = new CatalogRows(new SqliteRows(join(folder, 'catalog.sqlite')), 'p');
      return new SqlCatalog({ rows, io, ids: randomIds, nowMs: () => 5 });
    });
    const [a, b] = catalogs.map((catalog) => catalog.table({ namespace: 'n', table: 't' }));
    const table = {
      uuid: randomIds.uuid(),
      location: localUri(folder),
      schema: bronzeSchema,
      spec: bronzeSpec,
      properties: {},
    };
    expect(await a.load()).toBeNull();
    const created = await a.create(table);
    expect((await b.create(table)).metadataLocation).toBe(created.metadataLocation);
    const change = [{ action: 'set-properties', updates: { x: '1' } }] as const;
    const committed = await a.commit(created, [], change);
    await expect(b.commit(created, [], change)).rejects.toMatchObject({ code: 'CATALOG_CONFLICT' });
    expect(await b.load()).toEqual(committed);
    expect(committed.metadata['last-updated-ms']).toBeGreaterThan(created.metadata['last-updated-ms']);
    for (const catalog of catalogs) await catalog.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
