import { expect, onTestFinished, test } from 'vitest';
import { DiskWatch, diskReserveBytes } from '../../src/adapters/watch-disks.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { Metrics } from '../../src/control/metrics/metrics.ts';
import { FactObserver } from '../../src/control/observe-facts.ts';
import { systemClock } from '../../src/control/system-clock.ts';

test('a full disk is said at once and by its name, and once more when it is over', async () => {
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = makeLogger({
    level: 'info',
    clock: systemClock,
    destination: { write: (line) => void lines.push(line) },
  });
  const observer = new FactObserver(metrics, log, systemClock);
  onTestFinished(() => observer[Symbol.dispose]());
  const free = new Map([
    ['/data', 10 * diskReserveBytes],
    ['/lake', 10 * diskReserveBytes],
  ]);
  const disks = [
    { use: 'data', directory: '/data' },
    { use: 'warehouse', directory: '/lake' },
  ] as const;
  using watch = new DiskWatch(disks, systemClock, async (directory) => free.get(directory) ?? 0);
  await watch.start();
  expect(watch.whyFull()).toBeNull();
  free.set('/lake', diskReserveBytes - 1);
  await watch.look();
  expect(watch.whyFull()).toMatch(/^the disk of \/lake \(warehouse\) is full: 63 MiB are free/);
  expect(metrics.value('paceline_disk_free_bytes', { use: 'warehouse' })).toBe(diskReserveBytes - 1);
  // A little room that comes and goes is none.
  free.set('/lake', diskReserveBytes + 1);
  await watch.look();
  expect(watch.whyFull()).not.toBeNull();
  free.set('/lake', 2 * diskReserveBytes);
  await watch.look();
  expect(watch.whyFull()).toBeNull();
  const events = lines.map((line) => (JSON.parse(line) as { event?: string; msg?: string }).event);
  expect(events.filter((event) => event?.startsWith('disk.'))).toEqual(['disk.full', 'disk.freed']);
});

test('a disk that is gone is said too', async () => {
  const disks = [{ use: 'data', directory: '/nowhere/at/all' }] as const;
  using watch = new DiskWatch(disks, systemClock);
  await watch.start();
  expect(watch.whyFull()).toMatch(/^the disk of \/nowhere\/at\/all cannot be asked for room: ENOENT/);
});

test('the disk of a directory that is there is looked at', async () => {
  using watch = new DiskWatch([{ use: 'data', directory: import.meta.dirname }], systemClock);
  await watch.look();
  expect(watch.whyFull() ?? '').not.toContain('Infinity');
});
