import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { writeSilverLayer } from '../../../src/adapters/lake/write-layers.ts';
import { makeEventCodec } from '../../../src/adapters/log/event-codec.ts';
import { describeKind } from '../../../src/decoders/event-objects.ts';
import { eventKinds } from '../../../src/events/kinds.ts';
import { type AddedRecord, type SilverRows, SilverWorld, typeOf } from './silver-world.ts';

const quiet = { isDryRun: false, onProgress: () => {} };
const dayMs = 86_400_000;
const hourMs = 3_600_000;

async function expectSilver(world: SilverWorld): Promise<SilverRows> {
  const [actual, expected] = [await world.actual(), await world.expected()];
  for (const [name, rows] of expected) expect(actual.get(name), name).toEqual(rows);
  return expected;
}

test.each([
  ['binary', 31],
  ['jsonl', 32],
] as const)(
  '%s: every closed day is in silver, every event once, with all its fields (seed %i)',
  async (encoding, seed) => {
    using world = await SilverWorld.make({ seed, days: 2, encoding });
    const planned = await writeSilverLayer(world.config, { ...quiet, isDryRun: true });
    const report = await writeSilverLayer(world.config, quiet);
    expect(report).toMatchObject({ days: planned.days, slices: planned.slices, overtaken: 0 });
    expect(report.closedThroughMs).toBe(await world.closedThrough());
    const expected = await expectSilver(world);
    const rows = [...expected.values()].reduce((sum, all) => sum + all.length, 0);
    expect(report.rows).toBe(rows);
    expect(report.events).toBeGreaterThan(rows);
    expect(await writeSilverLayer(world.config, quiet)).toMatchObject({ days: 0, slices: 0, events: 0 });
  },
);

/** Ticks that bring both lanes to an instant. */
function ticksAt(logTimeMs: number): AddedRecord[] {
  const value = makeEventCodec('binary').encoder.encode('tick', {});
  return [0, 1].map((partition) => ({ partition, logTimeMs, key: null, value }));
}

/** A record of the log again, in the schema of an id, with other fields. */
async function again(
  world: SilverWorld,
  kind: string,
  schemaId: number,
  pick: (fields: Record<string, unknown>) => boolean,
  change: Record<string, unknown>,
  logTimeMs: number,
): Promise<AddedRecord> {
  const reader = typeOf(`${kind}.avsc`);
  for await (const { value, partition, key } of world.records()) {
    if (value === null || key === null || value[0] !== 0) continue;
    const bytes = Buffer.from(value);
    if (bytes.readInt32BE(1) !== currentIds[kind]) continue;
    let fields: Record<string, unknown>;
    try {
      fields = reader.fromBuffer(bytes.subarray(5)) as Record<string, unknown>;
    } catch {
      continue; // One of the faults of the simulated world.
    }
    if (!pick(fields)) continue;
    const frame = Buffer.alloc(5);
    frame.writeInt32BE(schemaId, 1);
    const writer = schemaId === currentIds[kind] ? reader : typeOf(`released/${kind}.v1.avsc`);
    const encoded = writer.toBuffer({ ...fields, ...change });
    const own = { partition, logTimeMs, key: Buffer.from(key).toString(), value: Buffer.concat([frame, encoded]) };
    return own;
  }
  throw new Error(`the world has no such ${kind}`);
}

const currentIds: Readonly<Record<string, number>> = { impression: 1, click: 20, conversion: 4 };
const clickV1 = 2;

test('what comes late writes its day anew, repeats are found across days, old schemas and new columns fit', async () => {
  using world = await SilverWorld.make({ seed: 33, days: 2, encoding: 'binary' });
  await writeSilverLayer(world.config, quiet);
  const clock = (await world.closedThrough()) + hourMs;
  const firstDay = Math.floor(clock / dayMs) * dayMs - 2 * dayMs;
  const secondDay = firstDay + dayMs;
  const isOf = (day: number) => (fields: Record<string, unknown>) =>
    Math.floor(Number(fields.event_time) / dayMs) * dayMs === day;
  const id = (byte: number) => Buffer.alloc(16, byte);
  await world.append([
    // Late, and so the same day again.
    await again(
      world,
      'conversion',
      4,
      () => true,
      { event_id: id(1), event_time: firstDay + hourMs, conversion_time: firstDay + hourMs, touch_time: null },
      clock,
    ),
    // A repeat of an event of the second day that says the first.
    await again(world, 'impression', 1, isOf(secondDay), { event_time: firstDay + hourMs }, clock),
    // Before it was known that it is a repeat, for its first lies in a day that is not closed.
    await again(world, 'click', 20, () => true, { event_id: id(2), event_time: clock }, clock),
    await again(world, 'click', 20, () => true, { event_id: id(2), event_time: secondDay + hourMs }, clock + 1),
    // By a producer of years ago, who knows no batch_count.
    await again(world, 'click', clickV1, () => true, { event_id: id(3), event_time: secondDay + hourMs }, clock + 2),
    ...ticksAt(clock + 3),
  ]);
  const late = await writeSilverLayer(world.config, quiet);
  expect(late.days).toBeGreaterThan(0);
  expect((await world.actual()).get('clicks')?.filter((row) => row.event_id === '02'.repeat(16))).toHaveLength(1);
  // The day of the first of them is over: both cannot stay.
  await world.append(ticksAt(Math.floor(clock / dayMs) * dayMs + dayMs + hourMs));
  const closing = await writeSilverLayer(world.config, quiet);
  expect(closing.days).toBeGreaterThan(0);
  const expected = await expectSilver(world);
  const twos = expected.get('clicks')?.filter((row) => row.event_id === '02'.repeat(16));
  expect(twos?.map((row) => row.event_time)).toEqual([clock]);
  const old = expected.get('clicks')?.find((row) => row.event_id === '03'.repeat(16));
  expect(old).toMatchObject({ batch_count: 1, schema_id: clickV1 });

  const region = { name: 'region', type: 'string', doc: 'Where.', absent: null } as const;
  const kinds = eventKinds
    .map(describeKind)
    .map((one) => (one.kind === 'click' ? { ...one, fields: [...one.fields, region] } : one));
  const clicked = await again(
    world,
    'click',
    20,
    () => true,
    { event_id: id(4), event_time: secondDay },
    clock + 2 * dayMs,
  );
  await world.append([clicked, ...ticksAt(clock + 2 * dayMs)]);
  await writeSilverLayer(world.config, { ...quiet, kinds });
  await expectSilver(world);
});

const life = join(import.meta.dirname, 'silver-life.ts');

test('lives that are killed at any moment, and two at once, leave every event once', async () => {
  using world = await SilverWorld.make({ seed: 34, days: 1, encoding: 'binary' });
  await world.append(ticksAt((await world.closedThrough()) + 2 * hourMs));
  const live = () => spawn(process.execPath, [life, world.directory], { stdio: ['ignore', 'ignore', 'inherit'] });
  for (const afterMs of [700, 1_200, 1_700, 2_300, 3_000, 4_000]) {
    const child = live();
    const ended = once(child, 'exit');
    await Promise.race([ended, sleep(afterMs)]);
    child.kill('SIGKILL');
    await ended;
  }
  const two = [live(), live()];
  for (const [code] of await Promise.all(two.map((child) => once(child, 'exit')))) expect(code).toBe(0);
  const last = await writeSilverLayer(world.config, quiet);
  expect(last.overtaken).toBe(0);
  await expectSilver(world);
  expect(await writeSilverLayer(world.config, quiet)).toMatchObject({ days: 0 });
});
