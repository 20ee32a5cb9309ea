import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { Engine } from '../../src/app.ts';
import { EngineError } from '../../src/model/errors.ts';
import { collectFacts, EngineBench, eventually, impression } from './engine-bench.ts';

// The ground changes below an engine between two starts: the topic, or what Redis held.
const org = 'acme';

async function work(bench: EngineBench, engine: Engine, count: number): Promise<void> {
  await bench.produce([impression(org, count)]);
  await eventually(async () => {
    await engine.drain();
    expect(engine.status().lanes.length).toBeGreaterThan(0);
  });
}

async function reasonOf(failing: Promise<unknown>): Promise<string> {
  const error = await failing.then(
    () => 'nothing was wrong',
    (reason: unknown) => reason,
  );
  if (!(error instanceof EngineError)) throw new Error(`no error of ours: ${String(error)}`, { cause: error });
  return `${error.code}: ${error.message}. ${error.next}`;
}

test('a topic with more partitions, and one made anew, are refused; a new generation begins from the start', async () => {
  await using bench = await EngineBench.open();
  const first = await bench.start();
  await work(bench, first, 5);
  await first.stop();
  await bench.administer((admin) => admin.createPartitions({ topicPartitions: [{ topic: bench.topic, count: 2 }] }));
  const grown = await reasonOf(bench.start());
  expect(grown).toMatch(/^GENERATION_MISMATCH: .* 1 partitions.* 2 partitions.*--new-generation/);
  await bench.administer((admin) => admin.deleteTopics({ topics: [bench.topic] }));
  await eventually(() => bench.migrate());
  const [, before, after] =
    /topic (\S+), 1 partitions.*topic (\S+), 1 partitions/.exec(await reasonOf(bench.start())) ?? [];
  expect(before).toBeTruthy();
  expect(after).not.toBe(before);
  const second = await bench.start({}, { isNewGeneration: true });
  expect(second.parts.generation).toBe(2);
  await work(bench, second, 7);
  await eventually(async () => expect(await bench.impressions()).toBe(7));
});

test('a topic that is made anew below a running engine ends it, and both are named', async () => {
  await using bench = await EngineBench.open();
  const engine = await bench.start();
  await work(bench, engine, 5);
  const failed = reasonOf(engine.failed);
  await bench.administer((admin) => admin.deleteTopics({ topics: [bench.topic] }));
  await eventually(() => bench.migrate());
  expect(await failed).toMatch(/^SOURCE_REFUSED: .*made anew \(id \S+ became \S+\).*--new-generation/);
});

test('lanes begin anew with a new generation although the group remembers where they were', async () => {
  await using bench = await EngineBench.open();
  using snapshots = collectFacts('snapshot.written');
  const first = await bench.start();
  await work(bench, first, 3);
  // From then on the group is told.
  await eventually(() => expect(snapshots.facts.some(({ nextOffset }) => nextOffset > 0)).toBe(true));
  await work(bench, first, 2);
  await first.stop();
  await emptyRedis(bench);
  rmSync(join(bench.directory, 'snapshots'), { recursive: true, force: true });
  const lost = await bench.start();
  const said = await reasonOf(lost.failed);
  expect(said).toMatch(/^STATE_LOST: lane .* knows nothing of it.*--new-generation/);
  expect(await (await fetch(`${lost.addresses.http}/readyz`)).text()).toContain('failed');
  await lost.stop();
  const again = await bench.start({}, { isNewGeneration: true });
  await eventually(async () => {
    await again.drain();
    expect(await bench.impressions()).toBe(5);
  });
});

test('a state in the data directory refuses the lanes of another instance, and says what to set', async () => {
  await using bench = await EngineBench.open();
  const first = await bench.start({ redis: { url: null } });
  await work(bench, first, 5);
  await first.stop();
  const second = await bench.start({ redis: { url: null } }, {}, 'b');
  expect(await reasonOf(second.failed)).toMatch(/^STATE_LOST: lane .* another instance.*set redis.url/);
  await second.stop();
  const again = await bench.start({ redis: { url: null } });
  await work(bench, again, 7);
  await eventually(async () => expect(await bench.impressions()).toBe(12));
});

test('bronze of a topic that was made anew is set aside with the new generation', async () => {
  await using bench = await EngineBench.open();
  const withBronze = { bronze: { enabled: true, commit_interval_ms: 1_000 } };
  const first = await bench.start(withBronze);
  await work(bench, first, 5);
  await first.stop();
  await bench.administer((admin) => admin.deleteTopics({ topics: [bench.topic] }));
  await eventually(() => bench.migrate());
  const second = await bench.start(withBronze, { isNewGeneration: true });
  await work(bench, second, 7);
  await eventually(() => {
    expect(second.parts.bronze()?.records).toBeGreaterThan(0);
    expect(second.parts.bronze()?.location).toMatch(/events-2$/);
  });
});

test('what Redis lost comes back from the snapshot, and what came after it from the log', async () => {
  await using bench = await EngineBench.open();
  using snapshots = collectFacts('snapshot.written');
  using restored = collectFacts('state.restored');
  const first = await bench.start();
  await work(bench, first, 5);
  await eventually(() => expect(snapshots.facts.some(({ nextOffset }) => nextOffset > 0)).toBe(true));
  await work(bench, first, 7);
  await first.stop();
  await emptyRedis(bench);
  const second = await bench.start();
  await work(bench, second, 11);
  expect(restored.facts).toMatchObject([{ lane: `${bench.topic}:0`, reason: 'Redis does not hold the lane' }]);
  await eventually(async () => expect(await bench.impressions()).toBe(23));
});

/** Takes the keys of this engine away, and of no other. */
async function emptyRedis({ stack, names }: EngineBench): Promise<void> {
  const redis = new Redis(stack.addresses.redisState.url);
  try {
    const keys = await redis.keys(`${names.keyPrefix}*`);
    expect(keys.length).toBeGreaterThan(0);
    await redis.del(keys);
  } finally {
    redis.disconnect();
  }
}
