import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/control/system-clock.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';

/** Writes a log with odd records and what readers must find, then lets three lives make the table of it. */
const [folder] = process.argv.slice(2);
const orgs = ['acme', 'b.org:eu', 'Z-9', 'x_'.repeat(32), '..'];
const dayMs = 86_400_000;
const firstDay = Date.UTC(2026, 2, 1);

interface Expected {
  readonly partition: number;
  readonly offset: number;
  readonly org: string;
  /** Days since the epoch; null = the day of the log time. */
  readonly day: number | null;
  readonly key: string | null;
  readonly value: string;
}

const source = await openRecordedLog({
  dir: join(folder, 'log'),
  topic: 'ads.events.v1',
  partitions: 2,
  mode: 'live',
  encoding: 'binary',
  clock: systemClock,
});
const expected: Promise<Expected>[] = [];
for (let i = 0; i < 4_000; i++) {
  const partition = i % 2;
  const at = firstDay + (i % 3) * dayMs + i * 1_000;
  const isRaw = i % 50 === 0;
  const hasBadKey = i % 70 === 0;
  const key = i % 90 === 0 ? null : Buffer.from(hasBadKey ? 'no/org ü' : orgs[i % orgs.length]);
  const value = isRaw
    ? Buffer.from([0, 255, i & 255, 10, 13])
    : Buffer.from(`{"t":${at}} padding ${'ü'.repeat(i % 40)}`);
  const isTrusted = key !== null && !hasBadKey && !isRaw;
  const fact = {
    partition,
    org: isTrusted ? orgs[i % orgs.length] : '_system',
    day: isTrusted ? Math.floor(at / dayMs) : null,
    key: key?.toString('base64') ?? null,
    value: value.toString('base64'),
  };
  expected.push(source.append(partition, key, value).then((offset) => ({ ...fact, offset })));
}
writeFileSync(join(folder, 'expected.json'), JSON.stringify(await Promise.all(expected)));
await source.close();

const life = new URL('./bronze-life.ts', import.meta.url).pathname;
for (const [dieAt, signal] of [
  ['3 before', 'SIGKILL'],
  ['2 after', 'SIGKILL'],
  ['', null],
] as const) {
  const result = spawnSync(process.execPath, [life, folder, dieAt], { stdio: 'inherit' });
  if (result.signal !== signal || (signal === null && result.status !== 0)) {
    throw new Error(`a life with "${dieAt}" ended with ${result.signal ?? result.status}`);
  }
}
console.log(`built: ${expected.length} records, three lives, two of them killed in a commit`);
