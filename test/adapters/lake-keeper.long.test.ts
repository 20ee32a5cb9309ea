import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jobsOn, LakeKeeper, nextDue } from '../../src/adapters/lake/lake-keeper.ts';
import { type Config, loadConfig } from '../../src/adapters/settings.ts';
import { embeddedPlace, openEmbeddedTables } from '../../src/adapters/tables.ts';
import { askClickHouse, rowsOf } from '../../src/control/query-client.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { type Facts, onFact } from '../../src/model/facts.ts';
import type { Clock } from '../../src/model/time.ts';
import { historyName, tables } from '../../src/rows/tables.ts';
import { mainFile, plain, silent, type TextRow, WorkedDirectory } from '../lakehouse/layers/worked-directory.ts';

const seed = 59;
let directory: WorkedDirectory;
let before: ReadonlyMap<string, TextRow[]>;
beforeAll(async () => {
  directory = await WorkedDirectory.make(seed);
  before = await directory.hot();
}, 120_000);
afterAll(() => directory?.[Symbol.dispose]());

function configOf(lakehouse: Partial<Config['lakehouse']>): Config {
  const shippedConfigDirectory = new URL('../../config', `file://${mainFile}`).pathname;
  return loadConfig([], { shippedConfigDirectory, overrides: { data_directory: directory.path, lakehouse } }).config;
}

/** The first `hours` waits are over at once, and the rest never end by themselves. */
function hastyClock(waits: number): Clock {
  let left = waits;
  return {
    wallMs: () => systemClock.wallMs(),
    steadyMs: () => systemClock.steadyMs(),
    sleep: async (ms, signal) => {
      if (left-- > 0) return await nextTurn();
      await systemClock.sleep(Math.max(ms, 3_600_000), signal);
    },
  } as Clock;
}

test('jobs are due daily at their hour, and the drill on every so many-th day', () => {
  const at = (text: string) => Date.parse(`${text}:00Z`);
  expect(nextDue(at('2026-03-02T02:59'), 3)).toBe(at('2026-03-02T03:00'));
  expect(nextDue(at('2026-03-02T03:00'), 3)).toBe(at('2026-03-03T03:00'));
  const { lakehouse } = configOf({ schedule: ['drill', 'maintain', 'silver'], drill_days: 7 });
  const days = Array.from({ length: 14 }, (_, day) => jobsOn(at('2026-03-02T03:00') + day * 86_400_000, lakehouse));
  expect(days.filter((jobs) => jobs.includes('drill'))).toEqual([
    ['silver', 'maintain', 'drill'],
    ['silver', 'maintain', 'drill'],
  ]);
});

test(`an engine that holds its tables has months moved, and says how the lake is (seed ${seed})`, async () => {
  const config = configOf({ schedule: ['silver', 'gold', 'tier'], look_minutes: 1 });
  const opened = await openEmbeddedTables(embeddedPlace(config, 0), { clock: systemClock, log: silent });
  const { promise: done, resolve } = Promise.withResolvers<void>();
  const jobs: Facts['lake.job'][] = [];
  const looks: Facts['lake.looked'][] = [];
  const stops = [
    onFact('lake.job', (fact) => {
      jobs.push(fact);
      if (fact.job === 'tier') resolve();
    }),
    onFact('lake.looked', (fact) => looks.push(fact)),
  ];
  try {
    const lent = { reader: opened.reader, writer: opened.writer };
    {
      await using keeper = new LakeKeeper({
        config: { ...config, lakehouse: { ...config.lakehouse, look_minutes: 0 } },
        lent,
        clock: hastyClock(1),
      });
      keeper.start();
      await done;
    }
    expect(jobs.map(({ job, error }) => [job, error])).toEqual([
      ['silver', null],
      ['gold', null],
      ['tier', null],
    ]);
    expect(jobs[2].report).toMatchObject({ months: expect.any(Number), rows: expect.any(Number) });
    const looked = Promise.withResolvers<void>();
    stops.push(onFact('lake.looked', () => looked.resolve()));
    {
      const looking = { ...config, lakehouse: { ...config.lakehouse, schedule: [] } };
      await using keeper = new LakeKeeper({ config: looking, lent, clock: hastyClock(1) });
      keeper.start();
      await looked.promise;
    }
    const [look] = looks;
    expect(look.hot).toEqual({ rows: expect.any(Number), bytes: expect.any(Number) });
    expect(look.layers.map(({ layer }) => layer)).toEqual(['bronze', 'silver', 'gold']);
    for (const { files, rows, bytes, completeThroughMs } of look.layers)
      for (const number of [files, rows, bytes, completeThroughMs]) expect(number).toBeGreaterThan(0);
    expect(look.lastVerifiedMs).toBeGreaterThan(Date.UTC(2026, 0));
    expect(look.lastDrill).toBeNull();
    for (const { name, key } of tables) {
      expect(rowsOf(await askClickHouse(opened.reader, `SELECT * FROM ${name} FINAL`)), name).toEqual([]);
      const all = rowsOf(await askClickHouse(opened.reader, `SELECT * FROM ${historyName({ name })}`));
      expect(plain(all, key), name).toEqual(before.get(name));
    }
  } finally {
    for (const stop of stops) stop();
    await opened.close();
  }
}, 180_000);

test('a job that fails, or finds what it must not, is told, and the next goes on', async () => {
  const told: [string, unknown][] = [];
  const done = Promise.withResolvers<void>();
  const stop = onFact('lake.job', ({ job, error }) => {
    told.push([job, error instanceof Error ? error.message : error]);
    if (job === 'drill') done.resolve();
  });
  try {
    await using keeper = new LakeKeeper({
      config: configOf({ schedule: ['silver', 'maintain', 'drill'], drill_days: 1, look_minutes: 0 }),
      lent: null,
      clock: hastyClock(1),
      run: async ({ job }) => {
        if (job === 'silver') throw new Error('the disk is away');
        return job === 'drill' ? { differences: 2, example: 'a row' } : {};
      },
    });
    keeper.start();
    await done.promise;
  } finally {
    stop();
  }
  expect(told).toEqual([
    ['silver', 'the disk is away'],
    ['maintain', null],
    ['drill', 'a row'],
  ]);
});
