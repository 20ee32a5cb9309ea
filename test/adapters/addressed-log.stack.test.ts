import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { AddressedLog } from '../../src/adapters/records/event-log.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { partitionOfKey } from '../../src/model/hash.ts';
import { KafkaBench, stackBrokers } from '../sources/kafka/kafka-bench.ts';

const partitions = 3;
const org = 'acme';
const partition = partitionOfKey(Buffer.from(org), 0, org.length, partitions);

function open(topic: string, mode: 'live' | 'replayed') {
  const overrides = { log: { topic, partitions, mode }, kafka: { brokers: stackBrokers }, bronze: { enabled: false } };
  const { config } = loadConfig([], { shippedConfigDirectory: `${import.meta.dirname}/../../config`, overrides });
  const log = makeLogger({ level: 'silent', clock: systemClock });
  return new AddressedLog(config, { clock: systemClock, log, writer: null });
}

const click = (n: number) =>
  Buffer.from(
    JSON.stringify({
      ...{ type: 'click', event_id: String(n).padStart(32, '0'), org_id: org, campaign_id: 'c', source: 'adserver' },
      ...{ event_time: Date.now() - 60_000, currency: 'EUR', cost_micros: 7 },
    }),
  );
const hashOf = (value: Uint8Array) => createHash('sha256').update(value).digest('hex');

test('records go to the end of a topic of Kafka under their key, are found there by their hash, and read by address', async () => {
  await using bench = await KafkaBench.open({ partitions, mode: 'live' });
  await using log = open(bench.topic, 'live');
  const before = await log.placeOf(org);
  expect(before).toEqual({ partition, offset: 0 });
  const values = Array.from({ length: 20 }, (_, n) => click(n));
  const offsets = await log.append(org, values);
  expect(offsets).toEqual(values.map((_, n) => n));
  const found = await log.find(before, org, Date.now() + 60_000);
  expect(values.map((value) => found.get(hashOf(value)))).toEqual(offsets.map((offset) => [offset]));
  expect((await log.find(before, 'globex', Date.now() + 60_000)).size).toBe(0);
  const record = await log.record({ partition, offset: 7 });
  expect(record).toMatchObject({ topic: bench.topic, partition, offset: 7, heldBy: 'log' });
  expect(Buffer.from(record!.value!).equals(values[7])).toBe(true);
  expect(Buffer.from(record!.key!).toString()).toBe(org);
  expect(await log.record({ partition, offset: 20 })).toBe(null);
  expect(await log.record({ partition: 9, offset: 0 })).toBe(null);
  const [read] = await log.read([record!]);
  expect(read).toMatchObject({ problem: null, orgId: org, kind: 'click', idMemory: 'delivery', isSystem: false });
});

test('nothing is added to a replayed stream', async () => {
  await using bench = await KafkaBench.open({ partitions, mode: 'replayed' });
  await using log = open(bench.topic, 'replayed');
  await expect(log.placeOf(org)).rejects.toMatchObject({ code: 'REPLAY_REFUSED' });
  await expect(log.append(org, [click(1)])).rejects.toMatchObject({ code: 'REPLAY_REFUSED' });
});
