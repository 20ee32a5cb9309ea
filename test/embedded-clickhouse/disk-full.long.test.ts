import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/control/system-clock.ts';
import { ruleEvaluations } from '../../src/rows/tables.ts';
import { SmallDisk } from '../chaos/disk.ts';
import { Random } from '../simulation/random.ts';
import { sampleChunk } from '../sinks/clickhouse/sample-rows.ts';
import { isSoak } from '../soak.ts';
import { deliverForEver, openTestEngine, type TestEngine } from './embedded.ts';

const disk = SmallDisk.make(mkdtempSync(join(tmpdir(), 'paceline-disk-')), 128);
afterAll(() => {
  disk.unmount();
  rmSync(disk.directory, { recursive: true });
});

async function countRows(engine: TestEngine): Promise<number> {
  const { status, text } = await engine.ask(`SELECT count() FROM ads.${ruleEvaluations.name} FINAL`);
  return status === 200 ? Number(text) : Number.NaN;
}

/** Kills the engine and reads with the next one, which looks at every part on the disk anew. */
async function countAfterRestart(engine: TestEngine): Promise<number> {
  process.kill(engine.engine.pid, 'SIGKILL');
  return await countWhenUp(engine);
}

/** A merge that found the disk full may end the engine after the last insert came through. */
async function countWhenUp(engine: TestEngine): Promise<number> {
  for (;;) {
    const rows = await countRows(engine).catch(() => Number.NaN);
    if (!Number.isNaN(rows)) return rows;
    await systemClock.sleep(20);
  }
}

test.skipIf(!existsSync('/dev/full'))(
  'a write that the disk did not take ends the engine, which comes back',
  async () => {
    const engine = await openTestEngine();
    onTestFinished(() => engine.close());
    const sink = engine.sinkAt();
    await sink.migrate();
    const { pid } = engine.engine;
    const answer = await engine
      .ask(`INSERT INTO FUNCTION file('/dev/full', 'TSV', 'a UInt64') SELECT 1`)
      .then(({ text }) => text, String);
    expect(answer).toMatch(/NOT_ENOUGH_SPACE|fetch failed/);
    await deliverForEver(sink, [sampleChunk(ruleEvaluations, 0, 10)]);
    expect(engine.engine.pid).not.toBe(pid);
    expect(await countRows(engine)).toBe(10);
    await sink.close();
  },
);

test.skipIf(disk.whyNot !== null)(
  'a disk that is full now and then loses no row that was taken',
  async () => {
    const engine = await openTestEngine(join(disk.directory, 'clickhouse'));
    onTestFinished(() => engine.close());
    const sink = engine.sinkAt();
    await sink.migrate();
    const random = new Random(20261126);
    const rounds = isSoak ? 600 : 60;
    const rowsPerRound = 150;
    const pids = new Set<number>();
    for (let round = 0; round < rounds; round++) {
      const chunk = sampleChunk(ruleEvaluations, round * rowsPerRound, (round + 1) * rowsPerRound, { seq: round });
      const delivery = deliverForEver(sink, [chunk]);
      await systemClock.sleep(random.between(0, 6));
      // In the middle of a write, room for a file or two of the part.
      const isFull = disk.fill(random.between(0, 20_000));
      await systemClock.sleep(random.between(1, 6));
      if (isFull) disk.free();
      await delivery;
      pids.add(engine.engine.pid);
    }
    expect(pids.size).toBeGreaterThan(1);
    expect(await countWhenUp(engine)).toBe(rounds * rowsPerRound);
    expect(await countAfterRestart(engine)).toBe(rounds * rowsPerRound);
    await sink.close();
  },
  isSoak ? 900_000 : 120_000,
);
