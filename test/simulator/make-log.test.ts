import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { benchLog } from '../../bench/make-log.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { minuteMs } from '../../src/model/time.ts';
import { openLogReader } from '../../src/sources/recorded/recorded-log.ts';

const clock = { wallMs: () => 0 as never, steadyMs: () => 0, sleep: async () => {} };
const encoder = { encode: (type: string) => Buffer.from(type) };
const options = { events: 20_000, partitions: 4, campaigns: 40, organizations: 8, minutes: 35, seed: 1 };

test('the log of the benchmark has the promised mix, skew and span, and is made once', async () => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'paceline-bench-log-'));
  try {
    const made = await benchLog(options, [], { encoder, clock, cacheDir });
    const { impression, click, conversion, spend, spend_adjustment, duplicate } = made.byType;
    const share = (count: number) => count / (options.events - duplicate);
    expect(impression + click + conversion + spend + spend_adjustment + duplicate).toBe(options.events);
    expect(Math.abs(share(impression) - 0.8)).toBeLessThan(0.01);
    expect(Math.abs(share(click) - 0.12)).toBeLessThan(0.01);
    expect(Math.abs(share(conversion) - 0.03)).toBeLessThan(0.005);
    expect(Math.abs(share(spend + spend_adjustment) - 0.05)).toBeLessThan(0.005);

    const log = await openLogReader({ dir: made.dir, topic: eventsTopic, clock });
    const perKey = new Map<string, number>();
    let first = Number.POSITIVE_INFINITY;
    let last = 0;
    for (let partition = 0; partition < options.partitions; partition++) {
      const { start, end } = await log.bounds(partition);
      for await (const run of log.readBack(partition, start, end)) {
        for (let i = 0; i < run.count; i++) {
          const key = Buffer.from(run.bytes.subarray(run.keyStarts[i], run.keyEnds[i])).toString();
          if (run.keyStarts[i] >= 0) perKey.set(key, (perKey.get(key) ?? 0) + 1);
          expect(run.logTimes[i]).toBeGreaterThanOrEqual(i === 0 ? 0 : run.logTimes[i - 1]);
          first = Math.min(first, run.logTimes[i]);
          last = Math.max(last, run.logTimes[i]);
        }
      }
    }
    await log.close();
    expect(last - first).toBe(35 * minuteMs);
    // Zipf with slope 1: the first organization has twice what the second has.
    const ratio = (perKey.get('org-0001') ?? 0) / (perKey.get('org-0002') ?? 1);
    expect(ratio).toBeGreaterThan(1.7);
    expect(ratio).toBeLessThan(2.2);

    const again = await benchLog(options, [], { encoder, clock, cacheDir });
    expect(again).toEqual({ ...made, isFromCache: true });
    expect((await benchLog({ ...options, seed: 2 }, [], { encoder, clock, cacheDir })).isFromCache).toBe(false);
  } finally {
    rmSync(cacheDir, { recursive: true, force: true });
  }
});
