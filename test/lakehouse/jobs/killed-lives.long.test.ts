import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { eraseFromLake } from '../../../src/adapters/lake/erase-from-lake.ts';
import { openLake, tablesOf } from '../../../src/adapters/lake/open-lake.ts';
import { systemClock } from '../../../src/control/system-clock.ts';
import { findOrphans } from '../../../src/lakehouse/operations/orphan-sweep.ts';
import { loadTable } from '../../../src/lakehouse/operations/snapshot-producer.ts';
import { isSoak } from '../../soak.ts';
import { seededRandom } from '../format/seeded.ts';
import { fileBronze } from '../layers/file-bronze.ts';
import { SilverWorld } from '../layers/silver-world.ts';
import { without } from '../layers/tally.ts';
import { silent, WorkedDirectory } from '../layers/worked-directory.ts';

// Nightly: two weeks of 300 campaigns of 40 organizations, and thirty kills.
const size = isSoak ? { days: 14, campaigns: 300, organizations: 40 } : { days: 2, campaigns: 20 };
const kills = isSoak ? 30 : 6;
const seed = 101;
const minutes = 60_000;

/** A life of all jobs; ends by itself, or is killed after so many ms. Resolves with how long it took. */
async function live(directory: string, killedAfterMs: number | null): Promise<{ code: number | null; ms: number }> {
  const from = performance.now();
  const life = join(import.meta.dirname, 'lake-life.ts');
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', life, directory], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  if (killedAfterMs !== null) {
    await Promise.race([ended, sleep(killedAfterMs)]);
    child.kill('SIGKILL');
  }
  const [code] = await ended;
  return { code, ms: performance.now() - from };
}

/** Files of every table that none of its snapshots names, with how long they lie there. */
async function orphans(directory: WorkedDirectory): Promise<string[]> {
  const lake = await openLake(directory.config);
  try {
    const found: string[] = [];
    for (const { name } of await tablesOf(lake)) {
      const options = { nowMs: systemClock.wallMs() + minutes, olderThanMs: 0 };
      const left = await findOrphans(lake.io, () => loadTable(lake.catalog.table(name)), options);
      found.push(...left.map(({ uri }) => uri));
    }
    await lake.io.deleteAll(found);
    return found;
  } finally {
    await lake.close();
  }
}

test(
  `jobs of the lake that are killed ${kills} times leave silver as the log is, and gold as the tables were (seed ${seed})`,
  async () => {
    using directory = await WorkedDirectory.make(seed, {}, undefined, size);
    const before = await directory.hotTally();
    // How long a life takes, on a directory that is not this one.
    using other = directory.copy();
    await fileBronze(other.config);
    const whole = await live(other.path, null);
    expect(whole.code).toBe(0);
    const random = seededRandom(seed);
    for (let kill = 0; kill < kills; kill++) await live(directory.path, 300 + random() * whole.ms);
    expect((await live(directory.path, null)).code).toBe(0);

    const world = SilverWorld.over(directory.path);
    const expected = await world.expectedTally();
    expect(Math.min(expected.size, before.size)).toBeGreaterThan(size.campaigns / 10);
    expect(await world.actualTally()).toEqual(expected);
    expect(await directory.goldTally()).toEqual(before);
    expect(await directory.hotTally()).toEqual(new Map());
    // What kills left is found by the sweep, and once it is gone nothing is missing.
    await orphans(directory);
    expect(await orphans(directory)).toEqual([]);
    expect(await world.actualTally()).toEqual(expected);
    expect(await directory.goldTally()).toEqual(before);
    const work = join(directory.path, 'work');
    expect(readdirSync(work).filter((name) => name !== `layers-${process.pid}`)).toEqual([]);

    const org = [...before.keys()][0].split(' of ')[1];
    await eraseFromLake(directory.config, org, { isDryRun: false, log: silent });
    expect(await world.actualTally()).toEqual(without(expected, org));
    expect(await directory.goldTally()).toEqual(without(before, org));
  },
  isSoak ? 120 * minutes : 10 * minutes,
);
