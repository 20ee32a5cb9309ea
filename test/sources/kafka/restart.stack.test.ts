import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chooseDir, downloadsDir } from '../../../scripts/stack/places.ts';
import { portDefaults } from '../../../scripts/stack/ports.ts';
import { type Stack, startStack } from '../../../scripts/stack/stack.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import type { KafkaConnectionOptions } from '../../../src/sources/kafka/connection.ts';
import { openKafkaSource } from '../../../src/sources/kafka/open-kafka-source.ts';
import { plainRecords } from '../../exams/source-exam.ts';
import { KafkaBench } from './kafka-bench.ts';

/** A broker of our own, so that nobody else feels it die. */
const dir = mkdtempSync(join(tmpdir(), 'paceline-restart-'));
const port = 26_092;
const options: KafkaConnectionOptions = { brokers: [`127.0.0.1:${port}`], clientId: 'test', tls: null, sasl: null };
let stack: Stack;

beforeAll(async () => {
  symlinkSync(downloadsDir(chooseDir()), downloadsDir(dir));
  stack = await startStack(['kafka'], {
    dir,
    ports: {
      ...portDefaults,
      kafka: port,
      'kafka-controller': port + 1,
      'kafka-sasl': port + 2,
      'kafka-tls': port + 3,
    },
  });
});
afterAll(async () => {
  await stack?.stop();
  rmSync(dir, { recursive: true, force: true });
});

test.each(['killed', 'stopped in order'])(
  'a broker that is %s and comes back is read on from where we were',
  async (how) => {
    await using bench = await KafkaBench.open({ partitions: 2 }, options);
    const troubles: string[] = [];
    const opened = await openKafkaSource({
      ...options,
      topic: bench.topic,
      mode: 'live',
      groupId: bench.topic,
      sessionTimeoutMs: 6_000,
      clock: systemClock,
      onDamagedBatch: 'report',
      onTrouble: ({ code }) => troubles.push(code),
    });
    const { source, assignment } = opened;
    const assignments: (readonly number[])[] = [];
    await assignment.start({
      assigned: (partitions) => assignments.push(partitions),
      revoking: async () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    const written: string[] = [];
    const read: string[] = [];
    let isDone = false;
    /** As the runner does: trouble that passes is waited out, all else fails the test. */
    const patiently = async (work: () => Promise<void>) => {
      try {
        await work();
      } catch (error) {
        if ((error as { code?: string }).code !== 'SOURCE_UNAVAILABLE') throw error;
        troubles.push('SOURCE_UNAVAILABLE');
        await sleep(100);
      }
    };
    const writing = (async () => {
      for (let i = 0; !isDone; i++) {
        await patiently(async () => {
          await source.append(i % 2, null, Buffer.from(`${i}`));
          written.push(`${i}`);
        });
        await sleep(5);
      }
    })();
    const reading = (async () => {
      // Not by their number: what was read may hold a record whose acknowledgement was lost.
      while (!isDone || written.some((value) => !read.includes(value)))
        for (const partition of [0, 1])
          await patiently(async () => {
            const run = await source.poll(partition, { records: 100, bytes: 100_000 });
            if (run !== null) read.push(...plainRecords(run).map(({ value }) => value ?? ''));
            else await source.waitForRecords([0, 1], 200);
          });
    })();
    while (read.length < 20) await sleep(20);
    if (how === 'killed') {
      await stack.kill('kafka');
      await sleep(1_500);
      await stack.start('kafka');
    } else await stack.restart('kafka');
    const backAt = performance.now();
    const count = written.length;
    while (written.length < count + 20) await sleep(20);
    console.log(`${how}: reading and writing again after ${(performance.now() - backAt).toFixed(0)} ms`);
    isDone = true;
    await Promise.all([writing, reading]);
    expect(troubles).toContain('SOURCE_UNAVAILABLE');
    // What was acknowledged is there; what was not may be there too, so it is not asked about.
    expect(written.filter((value) => !read.includes(value))).toEqual([]);
    const perLane = [0, 1].map((lane) => read.map(Number).filter((value) => value % 2 === lane));
    for (const lane of perLane) expect(lane).toEqual(lane.toSorted((a, b) => a - b));
    expect(new Set(read).size).toBe(read.length);
    expect(assignments.at(-1)).toEqual([0, 1]);
    await assignment.stop();
    await opened.close();
  },
);
