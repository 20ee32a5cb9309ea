import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTopicLog } from '../../src/adapters/log/topic-log.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';

const clock: Clock = {
  wallMs: () => 1_700_000_000_000 as WallTimeMs,
  steadyMs: () => 1_700_000_000_000,
  sleep: async () => {},
};

test('the newest record of a partition is found again after a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-topic-'));
  const open = () => openTopicLog({ dir, topic: 'ads.alerts.v1', partitions: 2, clock });
  const record = (text: string) => ({ key: Buffer.from('o1'), value: Buffer.from(JSON.stringify({ text })) });
  try {
    const first = await open();
    expect(await first.lastValue(1)).toBeNull();
    await first.append(1, [record('a'), record('b')]);
    await first.close();
    const second = await open();
    expect(Buffer.from((await second.lastValue(1))!).toString()).toBe('{"text":"b"}');
    await second.append(1, [record('c')]);
    expect(Buffer.from((await second.lastValue(1))!).toString()).toBe('{"text":"c"}');
    expect(await second.lastValue(0)).toBeNull();
    await second.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
