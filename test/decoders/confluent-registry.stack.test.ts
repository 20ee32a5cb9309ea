import { expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { releasedSchemas } from '../../src/decoders/event-schemas.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import type { Clock } from '../../src/model/time.ts';
import { toRun } from '../simulation/simulated-log.ts';

const url = process.env.PACELINE_TEST_REGISTRY ?? 'http://127.0.0.1:18081/apis/ccompat/v7';
const clock: Clock = { wallMs: () => 0 as never, steadyMs: () => 0, sleep: () => Promise.resolve() };

test('our schemas are registered once, and records framed with their ids are read', async () => {
  const registry = new ConfluentRegistry({ url }, clock);
  await registry.check();
  const ids = await registry.register('BACKWARD');
  expect(await registry.register('BACKWARD')).toEqual(ids);
  expect(await registry.lookUp()).toEqual(ids);
  expect(ids.byReleased.size).toBe(releasedSchemas().length);
  const codec = makeEventCodec('binary', { registry, ids: ids.byKind });
  const value = codec.encoder.encode('tick', {});
  expect(Buffer.from(value).readInt32BE(1)).toBe(ids.byKind.get('tick'));
  const decoder = codec.makeDecoder();
  const batch = new EventBatch(16);
  const run = toRun('t', 0, [{ offset: 0, logTimeMs: 1, key: null, value, leaderEpoch: 0, damaged: 0 }], 0);
  for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) await decoder.learn(id);
  expect(batch.rejects).toEqual([]);
  expect(await registry.schema(987_654_321)).toBeNull();
});
