import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { attachStack } from '../../scripts/stack/stack.ts';
import { openLake } from '../../src/adapters/lake/open-lake.ts';
import type { Config } from '../../src/adapters/settings.ts';
import type { Engine } from '../../src/app.ts';
import { EngineError } from '../../src/model/errors.ts';
import { collectFacts } from '../model/collect-facts.ts';
import { EngineBench, eventually, impression } from './engine-bench.ts';

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

/** Where bronze may lie, beside the data directory. */
const places = {
  'in a catalog of SQLite': async () => ({}),
  'on S3': async () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = attachStack(['s3']).addresses.s3;
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials });
    const bucket = `aside-${randomBytes(4).toString('hex')}`;
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    client.destroy();
    const key = { access_key_id: accessKeyId, secret_access_key: secretAccessKey };
    return { bronze: { warehouse: `s3://${bucket}/lake` }, s3: { endpoint, region, path_style: true, ...key } };
  },
  'behind a REST catalog': async () => ({
    bronze: { catalog: 'rest' },
    iceberg_rest: { url: attachStack(['iceberg-rest']).addresses.icebergRest.url },
  }),
} as const;

/** Records of the tables of bronze by name, as their newest snapshots say. */
async function bronzeTables(config: Config): Promise<Record<string, number>> {
  await using lake = disposable(await openLake(config));
  const counted: Record<string, number> = {};
  for (const name of await lake.catalog.tables('bronze')) {
    const state = await lake.catalog.table(name).load();
    const newest = state?.metadata.snapshots.find(
      (each) => each['snapshot-id'] === state.metadata['current-snapshot-id'],
    );
    counted[name.table] = Number(newest?.summary['total-records'] ?? 0);
  }
  return counted;
}

function disposable<T extends { close(): Promise<void> }>(opened: T): T & AsyncDisposable {
  return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
}

test.each(Object.entries(places))(
  'bronze of a topic that was made anew is set aside with each new generation (%s)',
  async (_, place) => {
    await using bench = await EngineBench.open();
    const where: { bronze?: object } = await place();
    const settings = { ...where, bronze: { enabled: true, commit_interval_ms: 1_000, ...where.bronze } };
    // A catalog behind REST may hold tables of others.
    await using lake = disposable(await openLake(bench.load(settings).config));
    for (const name of await lake.catalog.tables('bronze')) await lake.catalog.drop(name);
    const first = await bench.start(settings);
    await work(bench, first, 5);
    await first.stop();
    const { events: begun } = await bronzeTables(bench.load(settings).config);
    expect(begun).toBeGreaterThan(0);
    const kept: Record<string, number> = {};
    for (const generation of [2, 3]) {
      const before = await bronzeTables(bench.load(settings).config);
      kept[`events_before_generation_${generation}`] = before.events;
      await bench.administer((admin) => admin.deleteTopics({ topics: [bench.topic] }));
      await eventually(() => bench.migrate());
      expect(await reasonOf(bench.start(settings))).toMatch(/^GENERATION_MISMATCH: .*--new-generation/);
      const engine = await bench.start(settings, { isNewGeneration: true });
      await work(bench, engine, 7);
      expect(engine.parts.bronze()?.location).toMatch(new RegExp(`events-${generation}$`));
      await engine.stop();
      const again = await bench.start(settings);
      await work(bench, again, 1);
      await again.stop();
      const { events, ...aside } = await bronzeTables(bench.load(settings).config);
      expect(aside).toEqual(kept);
      // All that this topic ever held, and nothing else.
      let held = 0;
      await bench.administer(async (admin) => {
        for (const { offset } of await admin.fetchTopicOffsets(bench.topic)) held += Number(offset);
      });
      expect(events).toBe(held);
    }
  },
);

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
