import { expect, onTestFinished, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { BrokenInvariant } from '../../src/model/errors.ts';
import { type FactName, type Facts, onFact } from '../../src/model/facts.ts';
import { partitionOfKey } from '../../src/model/hash.ts';
import { decodeRows } from '../../src/rows/row-binary.ts';
import { alertEvents, campaignMetricsDaily, deadLetters, type Row, type Table, tables } from '../../src/rows/tables.ts';
import type { LaneProgram } from '../../src/runtime/lane-program.ts';
import { CampaignLane } from '../../src/topology/campaign-topology.ts';
import { CalmWorld } from '../topology/calm-world.ts';
import type { ProgramUnderTest } from '../topology/program-under-test.ts';

// What a bug of ours may do to a lane: its program throws. Everything else goes on, and every number stays exact.

/** Whether a program throws; told of the offsets that it was given, and whether the record was refused already. */
type Trap = (offsets: readonly number[], isRefused: boolean) => Error | null;

const { encoder } = makeEventCodec('binary');
const start = Date.UTC(2026, 2, 2, 12);
/** An organization of each partition. */
const orgs = [0, 1].map((partition) => {
  const names = Array.from({ length: 20 }, (_, i) => `org-${i}`);
  return names.find((name) => partitionOfKey(Buffer.from(name), 0, name.length, 2) === partition) as string;
});

let ids = 0;

/** Campaign lanes, of which the first falls into the traps. */
class TrappedWorld extends CalmWorld {
  applyTrap: Trap = () => null;
  commitTrap: () => Error | null = () => null;

  constructor() {
    const streams = tables.map(({ name }) => name);
    const program: Partial<ProgramUnderTest> = {
      partitions: 2,
      sinks: [
        { name: 'tables', streams },
        { name: 'alerts', streams: [alertEvents.name] },
      ],
      tickValue: encoder.encode('tick', {}),
      makeProgram: (lane) => this.#trapped(new CampaignLane(lane), lane.partition),
      makeDecoder: () => createDecoder(new EmbeddedRegistry()),
      makeRecord: (_, partition) => ({ key: Buffer.from(orgs[partition]), value: click(orgs[partition]) }),
    };
    super(program as ProgramUnderTest, start);
  }

  #trapped(program: CampaignLane, partition: number): LaneProgram {
    if (partition !== 0) return program;
    const { apply, harvest } = program;
    program.apply = (batch, run) => {
      apply.call(program, batch, run as never);
      const trap = this.applyTrap([...batch.offsets.subarray(0, batch.count)], batch.rejects.length > 0);
      if (trap !== null) throw trap;
    };
    program.harvest = (seq) => {
      const harvested = harvest.call(program, seq);
      const trap = this.commitTrap();
      if (trap !== null) throw trap;
      return harvested;
    };
    return program;
  }

  /** Rows of a table as FINAL shows them. */
  rows(table: Table): Row[] {
    const final = new Map<string, Row>();
    for (const { streams } of this.tables.calls.flat()) {
      for (const { stream, bytes } of streams.filter((each) => each.stream === table.name)) {
        expect(stream).toBe(table.name);
        for (const row of decodeRows(table, bytes)) {
          const key = table.key.map((column) => String(row[column])).join('|');
          const known = final.get(key);
          if (known === undefined || (row.version as bigint) >= (known.version as bigint)) final.set(key, row);
        }
      }
    }
    return [...final.values()];
  }

  clicksOf(partition: number): number {
    const rows = this.rows(campaignMetricsDaily).filter(({ org_id }) => org_id === orgs[partition]);
    return rows.reduce((sum, { clicks }) => sum + Number(clicks), 0);
  }
}

function click(org: string): Uint8Array {
  ids += 1;
  const event_id = ids.toString(16).padStart(32, '0');
  const fields = { event_id, org_id: org, campaign_id: 'c-1', event_time: start + 1_000_000, source: 'adserver' };
  return encoder.encode('click', { ...fields, currency: 'EUR', cost_micros: 1_000 });
}

function collect<Name extends FactName>(name: Name): Facts[Name][] {
  const facts: Facts[Name][] = [];
  onTestFinished(onFact(name, (fact) => facts.push(fact)));
  return facts;
}

async function runFilled(world: TrappedWorld, partition0: number): Promise<void> {
  const runner = world.runner({ commitIntervalMs: 100, catchUpIntervalMs: 100, pollRecordsMax: 64 });
  await world.settle(runner.start());
  world.produce(0, partition0);
  world.produce(1, 200);
  await world.pass(5_000);
  await world.settle(runner.drain(5_000));
}

test('a program that throws once is thrown away, and the lane is exact', async () => {
  const world = new TrappedWorld();
  let traps = 0;
  world.applyTrap = (offsets) => (offsets.includes(130) && traps++ === 0 ? new TypeError('a stray') : null);
  const stumbled = collect('lane.stumbled');
  await runFilled(world, 300);
  expect(stumbled).toMatchObject([{ lane: 'simulated:0', while: 'apply' }]);
  expect([world.clicksOf(0), world.clicksOf(1)]).toEqual([300, 200]);
  expect(world.rows(deadLetters)).toEqual([]);
  expect(world.errors).toEqual([]);
});

test('the one record over which it throws each time is a dead letter, and all others count', async () => {
  const world = new TrappedWorld();
  world.applyTrap = (offsets, isRefused) => (offsets.includes(130) && !isRefused ? new TypeError('always') : null);
  const failed = collect('records.failed');
  await runFilled(world, 300);
  expect([world.clicksOf(0), world.clicksOf(1)]).toEqual([299, 200]);
  expect(world.rows(deadLetters)).toMatchObject([{ reason: 'internal_error', log_offset: 130n, org_id: orgs[0] }]);
  expect(failed).toMatchObject([{ stage: 'apply', offset: 130, records: 1 }]);
  expect(world.errors).toEqual([]);
});

test('several such records, side by side and apart', async () => {
  const world = new TrappedWorld();
  const bad = [7, 8, 140, 299];
  world.applyTrap = (offsets, isRefused) =>
    offsets.some((offset) => bad.includes(offset)) && !isRefused ? new TypeError('always') : null;
  await runFilled(world, 300);
  expect(world.clicksOf(0)).toBe(296);
  expect(world.rows(deadLetters).map(({ log_offset }) => Number(log_offset))).toEqual(bad);
});

test.each([
  ['says that its memory is wrong', new BrokenInvariant('invariant broken: two and two')],
  ['throws whatever becomes of the record', new TypeError('always')],
])('a lane whose program %s halts alone, and is not committed', async (_, error) => {
  const world = new TrappedWorld();
  world.applyTrap = (offsets) => (offsets.includes(130) ? error : null);
  const paused = collect('lane.paused');
  const runner = world.runner({ commitIntervalMs: 100, catchUpIntervalMs: 100, pollRecordsMax: 64 });
  await world.settle(runner.start());
  world.produce(0, 300);
  world.produce(1, 200);
  await world.pass(5_000);
  expect(paused.at(-1)).toMatchObject({ partition: 0, reason: 'halted', error: { code: 'LANE_BROKEN' } });
  expect(runner.isReady()).toBe(false);
  expect(runner.status().lanes[0]).toMatchObject({
    pausedReason: 'halted',
    trouble: expect.stringContaining('offset 130'),
  });
  world.produce(1, 50);
  await world.pass(1_000);
  expect(world.clicksOf(1)).toBe(250);
  expect(world.clicksOf(0)).toBeLessThanOrEqual(130);
  expect(world.server.snapshot('simulated:0').meta?.nextOffset).toBeLessThanOrEqual(130);
  expect(await world.settle(runner.drain(5_000)), 'a halted lane holds nobody up').toBe(true);
  expect(world.errors).toEqual([]);
});

/** One record is refused and comes again, each time by a new process or not; clicks and letters at the end. */
async function sendAgain(restarts: boolean): Promise<{ clicks: number; letters: number }> {
  const world = new TrappedWorld();
  const settings = { commitIntervalMs: 100, catchUpIntervalMs: 100, pollRecordsMax: 64 };
  world.applyTrap = (offsets, isRefused) => (offsets.includes(130) && !isRefused ? new TypeError('always') : null);
  let runner = world.runner(settings);
  await world.settle(runner.start());
  world.produce(0, 300);
  await world.pass(3_000);
  for (let n = 0; n < 2; n++) {
    if (restarts) {
      await world.settle(runner.drain(5_000));
      runner = world.runner(settings);
      await world.settle(runner.start());
    }
    const { key, value } = world.log.partitions[0][130];
    world.log.append(0, { key, value });
    world.produce(0, 10);
    await world.pass(3_000);
  }
  await world.settle(runner.drain(5_000));
  return { clicks: world.clicksOf(0), letters: world.rows(deadLetters).length };
}

test('a delivery that was refused and comes again is a duplicate, whether the process that refused it lives or not', async () => {
  const expected = { clicks: 319, letters: 1 };
  expect(await sendAgain(false)).toEqual(expected);
  expect(await sendAgain(true)).toEqual(expected);
});

test('a release that mends it goes on where the lane stopped', async () => {
  const world = new TrappedWorld();
  world.applyTrap = (offsets) => (offsets.includes(130) ? new BrokenInvariant('invariant broken: for now') : null);
  await runFilled(world, 300);
  world.applyTrap = () => null;
  await world.settle(world.runner().untilEnd());
  expect([world.clicksOf(0), world.rows(deadLetters).length]).toEqual([300, 0]);
});

test('a bounded run over a broken lane ends with its code', async () => {
  const world = new TrappedWorld();
  world.produce(0, 200);
  world.applyTrap = (offsets) => (offsets.includes(130) ? new BrokenInvariant('invariant broken: two and two') : null);
  await expect(world.settle(world.runner().untilEnd())).rejects.toMatchObject({ code: 'LANE_BROKEN' });
});

test('a program that throws at a commit is opened anew; twice in a row halts the lane', async () => {
  const world = new TrappedWorld();
  let traps = 0;
  world.commitTrap = () => (traps++ === 1 ? new TypeError('a stray') : null);
  await runFilled(world, 300);
  expect([world.clicksOf(0), world.clicksOf(1)]).toEqual([300, 200]);

  const broken = new TrappedWorld();
  broken.commitTrap = () => new TypeError('always');
  const paused = collect('lane.paused');
  await runFilled(broken, 300);
  expect(paused.at(-1)).toMatchObject({ partition: 0, reason: 'halted', error: { code: 'LANE_BROKEN' } });
  expect([broken.clicksOf(0), broken.clicksOf(1)]).toEqual([0, 200]);
});
