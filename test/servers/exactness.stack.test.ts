import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { attachStack } from '../../scripts/stack/stack.ts';
import { orderSnapshots } from '../../src/rows/order-snapshots.ts';
import { conversionsDaily, otherRevenue, unplannedSpend } from '../../src/rows/tables.ts';
import { isExact, printFindings } from '../chaos/compare-directory.ts';
import { Random } from '../simulation/random.ts';
import { failClickHouse, killEngines } from './disturb.ts';
import { proveRun } from './prove-servers.ts';
import { ServerRun } from './server-run.ts';
import { ServerStage } from './server-stage.ts';

const seed = 1;
/** Tables of which four campaigns of one day, which are of no order, may well have no row. */
const rare: readonly string[] = [unplannedSpend.name, otherRevenue.name, conversionsDaily.name, orderSnapshots.name];

test("two engines on real servers give the oracle's tables, in peace, when they are killed, and when one is killed for good", async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-exactness-'));
  const stack = attachStack(['kafka', 'registry', 'redis-state', 'postgres']);
  const world = { seed, days: 1, campaigns: 4, partitions: 8 };
  const stage = await ServerStage.open(directory, stack, world, () => undefined);
  expect(stage.expected.records).toBeGreaterThan(5_000);
  const peace = await proveRun(stage, 'in peace', [], new Random(seed));
  expect(isExact(peace.findings), `seed ${seed}\n${printFindings(peace.findings)}`).toBe(true);
  const hurt = await proveRun(stage, 'hurt', [killEngines, failClickHouse], new Random(seed));
  expect(isExact(hurt.findings), `seed ${seed}, ${hurt.name}\n${printFindings(hurt.findings)}`).toBe(true);
  expect(Math.min(...hurt.times), hurt.name).toBeGreaterThan(0);
  await using run = await ServerRun.open(stage, 'one-is-left');
  await run.workOffAlone();
  const alone = await run.compare();
  expect(isExact(alone), `seed ${seed}, one is left\n${printFindings(alone)}`).toBe(true);
  for (const [name, { compared }] of Object.entries(peace.findings))
    if (!rare.includes(name)) expect(compared, name).toBeGreaterThan(0);
  rmSync(directory, { recursive: true });
}, 240_000);
