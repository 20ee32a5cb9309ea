import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bronzeTableName } from '../../src/adapters/lake/bronze-catalog.ts';
import { openLake } from '../../src/adapters/lake/open-lake.ts';
import { isBronzeCut } from '../../src/adapters/log/log-cut.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { ParquetEncoder } from '../../src/lakehouse/format/parquet-encoder.ts';
import { BronzeTable } from '../../src/lakehouse/layers/bronze/bronze-table.ts';
import { randomIds } from '../../src/lakehouse/storage/id-source.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { Source } from '../../src/sources/source.ts';
import { makeRun } from '../lakehouse/layers/bronze-rows.ts';
import { MemoryLog } from '../runtime/bronze-doubles.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-cut-'));
afterAll(() => rmSync(dir, { recursive: true }));
writeFileSync(join(dir, 'p.yaml'), 'data_directory: data\n');
const { config } = loadConfig([join(dir, 'p.yaml')], { shippedConfigDirectory: dir });
const identity = { clusterId: 'c', topicId: 't', partitions: 2, mode: 'live' as const };

/** A log of the topic that answers every seek as `seek` does. */
function logOf(seek: Source['seek'], topicId = identity.topicId) {
  const source = Object.assign(new MemoryLog([20, 20]), { seek });
  return { source, identity: { ...identity, topicId } };
}

test('a new generation is due where bronze alone has read what the log has lost', async () => {
  const never = logOf(async () => {
    throw new EngineError('LOG_TRUNCATED', 'nobody asks');
  });
  expect(await isBronzeCut(config, never), 'there is no lake yet').toBe(false);
  const { catalog, io, root, close } = await openLake(config);
  const table = new BronzeTable({
    catalog: catalog.table(bronzeTableName),
    io,
    ids: randomIds,
    encoder: new ParquetEncoder(),
    topic: 'ads.events.v1',
    identity,
    location: `${root}/bronze/events`,
    nowMs: () => Date.UTC(2026, 5, 1),
    pause: async () => {},
  });
  await table.open();
  table.add(makeRun(0, 0, 12), 3);
  table.add(makeRun(1, 0, 5), 4);
  await table.commit();
  await close();
  const asked: unknown[] = [];
  const whole = logOf(async (...at) => void asked.push(at));
  expect(await isBronzeCut(config, whole)).toBe(false);
  expect(asked).toEqual([
    [0, 12, 3],
    [1, 5, 4],
  ]);
  const refusing = (code: 'LOG_TRUNCATED' | 'OFFSET_OUT_OF_RANGE' | 'SOURCE_UNAVAILABLE', topicId?: string) =>
    logOf(async (partition) => {
      if (partition === 1) throw new EngineError(code, 'of partition 1');
    }, topicId);
  expect(await isBronzeCut(config, refusing('LOG_TRUNCATED'))).toBe(true);
  expect(await isBronzeCut(config, refusing('OFFSET_OUT_OF_RANGE'))).toBe(true);
  await expect(isBronzeCut(config, refusing('SOURCE_UNAVAILABLE'))).rejects.toThrow('of partition 1');
  // The table of another stream is set aside anyway.
  expect(await isBronzeCut(config, refusing('LOG_TRUNCATED', 'another'))).toBe(false);
});
