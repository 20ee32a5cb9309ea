import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { chooseDir, kafkaLibsDir } from '../../../scripts/stack/places.ts';
import { KafkaBench, stackBrokers } from './kafka-bench.ts';

const run = promisify(execFile);
const size = 4_000;
const count = 60_000;

// 240 MB of records in one or two batches: what a Java application makes that has set batch.size high.
test.each(['zstd', 'lz4', 'snappy', 'gzip'])(
  'large batches of Java, packed with %s, are read whole in little memory',
  async (codec) => {
    await using bench = await KafkaBench.open({ config: { 'max.message.bytes': String(128 * 1024 * 1024) } });
    const libs = join(kafkaLibsDir(chooseDir()), '*');
    const source = join(import.meta.dirname, 'LargeBatches.java');
    await run('java', [
      '-Xmx1500m',
      '-cp',
      libs,
      source,
      stackBrokers[0],
      bench.topic,
      codec,
      String(count),
      String(size),
    ]);
    const reader = bench.source();
    expect(await reader.bounds(0)).toEqual({ start: 0, end: count });
    let next = 0;
    let heldMax = 0;
    const began = process.memoryUsage().rss;
    while (next < count) {
      const polled = await reader.poll(0, { records: 10_000, bytes: 4 * 1024 * 1024 });
      if (polled === null) continue;
      expect(polled.unreadable).toBeNull();
      for (let row = 0; row < polled.count; row++) {
        const from = polled.valueStarts[row];
        if (polled.offsets[row] !== next || polled.valueEnds[row] - from !== size)
          throw new Error(`lost after ${next}`);
        const digits = String(next);
        if (Buffer.from(polled.bytes.subarray(from, from + digits.length)).toString('latin1') !== digits)
          throw new Error(`offset ${next} holds another record`);
        next += 1;
      }
      heldMax = Math.max(heldMax, polled.bytes.buffer.byteLength);
    }
    expect(heldMax).toBeLessThan(20 * 1024 * 1024);
    expect(process.memoryUsage().rss - began).toBeLessThan(160 * 1024 * 1024);
  },
);
