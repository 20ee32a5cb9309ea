import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { ConfluentRegistry } from '../../src/decoders/registry/confluent-registry.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';
import type { Source } from '../../src/sources/source.ts';
import { type PlainRecord, plainRecords } from '../exams/source-exam.ts';
import { KafkaBench, stackBrokers } from '../sources/kafka/kafka-bench.ts';

const registryUrl = process.env.PACELINE_TEST_REGISTRY ?? 'http://127.0.0.1:18081/apis/ccompat/v7';
const partitions = 2;

/** The command as users run it: a process of its own. */
function paceline(...args: readonly string[]): Record<string, unknown> {
  const main = join(import.meta.dirname, '../../src/main.ts');
  const flags = ['--disable-warning=ExperimentalWarning', main, ...args, '--json'];
  return JSON.parse(execFileSync(process.execPath, flags, { encoding: 'utf8' })) as Record<string, unknown>;
}

async function readAll(source: Source, partition: number): Promise<Omit<PlainRecord, 'offset'>[]> {
  const { start, end } = await source.bounds(partition);
  const records: PlainRecord[] = [];
  for await (const run of source.readBack(partition, start, end)) records.push(...plainRecords(run));
  return records.map(({ offset: _, ...record }) => record);
}

test.each([null, registryUrl])('a simulated log arrives whole in a topic (registry: %s)', async (url) => {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-produce-'));
  await using bench = await KafkaBench.open({
    partitions,
    mode: 'replayed',
    config: { 'max.message.bytes': '4194304' },
  });
  bench.onDispose(async () => rmSync(dir, { recursive: true }));
  const sim = join(dir, 'sim');
  paceline('simulate', '--days', '1', '--campaigns', '3', '--partitions', String(partitions), '--out', sim);
  const config = join(dir, 'paceline.yaml');
  const settings = {
    log: { topic: bench.topic, mode: 'replayed', partitions },
    kafka: { brokers: stackBrokers },
    registry: { url },
  };
  writeFileSync(config, JSON.stringify(settings));
  const ids = url === null ? null : await new ConfluentRegistry({ url }, systemClock).register('BACKWARD');
  const topic = 'ads.events.v1';
  const { records } = paceline('produce', sim, '--topic', topic, '--config', config);
  const log = await openLogReader({ dir: join(sim, 'log'), topic, clock: systemClock });
  bench.onDispose(() => log.close());
  let count = 0;
  for (let partition = 0; partition < partitions; partition++) {
    const [written, arrived] = [await readAll(log, partition), await readAll(bench.source(), partition)];
    const reframed = written.map((record) => {
      const value = Buffer.from(record.value ?? '', 'latin1');
      const id = value.length < 5 || value[0] !== 0 ? undefined : ids?.byReleased.get(value.readInt32BE(1));
      if (id !== undefined) value.writeInt32BE(id, 1);
      return { ...record, value: record.value === null ? null : value.toString('latin1') };
    });
    expect(arrived).toEqual(reframed);
    count += arrived.length;
  }
  expect(records).toBe(count);
  expect(count).toBeGreaterThan(1_000);
});
