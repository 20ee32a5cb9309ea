import { expect, test } from 'vitest';
import { systemClock } from '../../../src/control/system-clock.ts';
import { KafkaConnection } from '../../../src/sources/kafka/connection.ts';
import { inspectKafka, type KafkaFinding } from '../../../src/sources/kafka/inspect-kafka.ts';
import { ensureTopics, readTopicConfig } from '../../../src/sources/kafka/topics.ts';
import { KafkaBench, plain } from './kafka-bench.ts';

const findingsOf = (findings: readonly KafkaFinding[]) =>
  Object.fromEntries(findings.map(({ id, status }) => [id, status]));

function options(bench: KafkaBench) {
  const { topic } = bench;
  return {
    topic,
    mode: 'live',
    partitions: 2,
    groupId: topic,
    resultTopics: [topic],
    retentionMs: null,
    clock: systemClock,
  } as const;
}

test('a topic in order has no finding but its single copy', async () => {
  await using bench = await KafkaBench.open({ partitions: 2 });
  await bench.source().append(1, null, Buffer.from('x'));
  expect(findingsOf(await inspectKafka(bench.connection, options(bench)))).toEqual({
    'kafka.reachable': 'ok',
    'kafka.version': 'ok',
    'kafka.topic': 'ok',
    'kafka.replicas': 'warning',
    'kafka.timestamps': 'ok',
    'kafka.retention': 'ok',
    'kafka.results': 'ok',
    'kafka.group': 'ok',
    'kafka.read': 'ok',
  });
});

test('what is wrong with a topic is found, each with what to do', async () => {
  await using bench = await KafkaBench.open({
    partitions: 1,
    mode: 'replayed',
    config: { 'cleanup.policy': 'compact' },
  });
  const producer = bench.connection.client.producer();
  await producer.connect();
  bench.onDispose(() => producer.disconnect());
  const ahead = String(Date.now() + 60_000);
  await producer.send({ topic: bench.topic, messages: [{ key: 'k', value: 'x', timestamp: ahead }] });
  const findings = await inspectKafka(bench.connection, { ...options(bench), partitions: 2 });
  const only = await inspectKafka(bench.connection, { ...options(bench), partitions: 1 });
  expect({ ...findingsOf(findings), 'kafka.read': findingsOf(only)['kafka.read'] }).toMatchObject({
    'kafka.topic': 'warning',
    'kafka.timestamps': 'failed',
    'kafka.retention': 'failed',
    'kafka.results': 'failed',
    'kafka.read': 'warning',
  });
  for (const { status, fix } of findings) expect(fix === null).toBe(status === 'ok');
});

test('a topic that forgets sooner than it should is found, whatever makes it forget', async () => {
  const day = 86_400_000;
  for (const [config, mode, retentionMs, says] of [
    [{ 'retention.ms': `${7 * day}` }, 'live', 7 * day, 'ok: .*for 168 h$'],
    [{ 'retention.ms': '-1' }, 'live', 7 * day, 'ok: .*for ever$'],
    [{ 'retention.ms': `${2 * day}` }, 'live', 7 * day, 'warning: .*48 h, kafka.retention_hours says 168 h'],
    [{ 'retention.ms': `${2 * day}` }, 'live', null, 'ok: .*48 h$'],
    [{ 'retention.ms': `${day / 2}` }, 'live', null, 'warning: .*12 h only'],
    [{ 'retention.ms': '-1', 'retention.bytes': '1000' }, 'live', null, 'warning: .*1000 bytes a partition'],
    [{ 'retention.ms': `${7 * day}` }, 'replayed', -1, 'failed: .*original times'],
    [{ 'retention.ms': '-1' }, 'replayed', -1, 'ok: .*for ever$'],
  ] as const) {
    await using bench = await KafkaBench.open({ partitions: 2, mode, config });
    const findings = await inspectKafka(bench.connection, { ...options(bench), mode, retentionMs });
    const { status, detail } = findings.find(({ id }) => id === 'kafka.retention')!;
    expect(`${status}: ${detail}`).toMatch(new RegExp(says));
  }
});

test('a topic made new keeps its records as long as it is told', async () => {
  await using bench = await KafkaBench.open();
  const specs = [3_600_000_000, -1, null].map((retentionMs, index) => {
    const topic = `${bench.topic}-${index}`;
    bench.onDispose(() => bench.admin.deleteTopics({ topics: [topic] }));
    return { topic, partitions: 1, replicationFactor: 1, mode: 'live', retentionMs } as const;
  });
  await ensureTopics(bench.connection, specs);
  const kept = await Promise.all(
    specs.map(async ({ topic }) => (await readTopicConfig(bench.admin, topic, ['retention.ms'])).get('retention.ms')),
  );
  // The local stack's own default is for ever.
  expect(kept).toEqual(['3600000000', '-1', '-1']);
});

test('more copies than there are brokers are refused with what to say instead', async () => {
  await using bench = await KafkaBench.open();
  const spec = {
    topic: `${bench.topic}-3`,
    partitions: 1,
    replicationFactor: 3,
    mode: 'live',
    retentionMs: null,
  } as const;
  await expect(ensureTopics(bench.connection, [spec])).rejects.toMatchObject({
    code: 'SOURCE_REFUSED',
    message: expect.stringContaining('there are 1: say --replication-factor 1'),
  });
});

test('brokers that are away and a topic that is not there are findings, not errors', async () => {
  await using bench = await KafkaBench.open();
  const away = new KafkaConnection({ ...plain, brokers: ['127.0.0.1:1'] });
  expect(findingsOf(await inspectKafka(away, options(bench)))).toEqual({ 'kafka.reachable': 'failed' });
  await away.close();
  const missing = await inspectKafka(bench.connection, { ...options(bench), topic: `${bench.topic}-not` });
  expect(findingsOf(missing)['kafka.topic']).toBe('failed');
});

test('topics are made once and never changed in place', async () => {
  await using bench = await KafkaBench.open({ partitions: 2 });
  const spec = { topic: bench.topic, partitions: 2, replicationFactor: 1, mode: 'live', retentionMs: null } as const;
  expect(await ensureTopics(bench.connection, [spec])).toEqual([
    { topic: bench.topic, outcome: 'kept', partitions: 2 },
  ]);
  for (const [change, says] of [
    [{ partitions: 4 }, 'has 2 partitions'],
    [{ mode: 'replayed' }, 'message.timestamp.type=LogAppendTime'],
  ] as const)
    await expect(ensureTopics(bench.connection, [{ ...spec, ...change }])).rejects.toMatchObject({
      code: 'SOURCE_REFUSED',
      message: expect.stringContaining(says),
    });
});
