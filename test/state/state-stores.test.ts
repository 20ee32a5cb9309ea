import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { MemoryStateStore } from '../../src/state/memory-state-store.ts';
import { EmbeddedStateStore } from '../../src/state/sqlite/embedded-state-store.ts';
import { admitGeneration } from '../../src/state/stream-generation.ts';
import { stateStoreExam } from '../exams/state-store-exam.ts';
import { commitOf } from './lane-commits.ts';

const directories: string[] = [];
afterEach(() => {
  for (const dir of directories.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function newPath(): string {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-state-'));
  directories.push(dir);
  return join(dir, 'state.sqlite');
}

stateStoreExam('the embedded store', async () => {
  const path = newPath();
  const bench = {
    store: new EmbeddedStateStore(path),
    reopen: async () => {
      await bench.store.close();
      bench.store = new EmbeddedStateStore(path);
    },
    dispose: () => bench.store.close(),
  };
  return bench;
});

stateStoreExam('the memory store', async () => {
  const store = new MemoryStateStore();
  return { store, reopen: () => store.close(), dispose: () => store.close() };
});

test('a blob that changed on the disk is refused', async () => {
  const path = newPath();
  const store = new EmbeddedStateStore(path);
  await store.claim('ads:0', 'a');
  const empty = { bases: [], oldestDeltaSeq: 0, outbox: null, acknowledged: [], nextOffset: 1 };
  await store.commit([{ lane: 'ads:0', token: 'a', prevSeq: 0, seq: 1, delta: new Uint8Array([1, 2]), ...empty }]);
  await store.close();
  const db = new DatabaseSync(path);
  db.exec("UPDATE blobs SET bytes = x'0103'");
  db.close();
  const again = new EmbeddedStateStore(path);
  await expect(again.claim('ads:0', 'b')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
  await again.close();
});

test('a log that lost its tail begins a new generation of the same stream, once', async () => {
  const store = new EmbeddedStateStore(newPath());
  const identity = { clusterId: 'c', topicId: 't', partitions: 1, mode: 'live' } as const;
  expect(await admitGeneration(store, 'ads', identity)).toBe(1);
  await store.claim('ads:0', 'a');
  await store.commit([commitOf('ads:0', 'a', 1)]);
  expect(await admitGeneration(store, 'ads', identity, { accept: true, isCut: async () => false })).toBe(1);
  expect(await admitGeneration(store, 'ads', identity, { accept: true, isCut: async () => true })).toBe(2);
  expect((await store.claim('ads:0', 'b')).meta).toBeNull();
  await store.close();
});

test('a lane that somebody else has worked is not begun anew in a file that knows nothing of it', async () => {
  const store = new EmbeddedStateStore(newPath(), async (lane) => lane === 'ads:1');
  expect((await store.claim('ads:0', 'a')).meta).toBeNull();
  await expect(store.claim('ads:1', 'a')).rejects.toMatchObject({
    code: 'STATE_LOST',
    message: expect.stringContaining('set redis.url'),
  });
  await store.commit([commitOf('ads:0', 'a', 1)]);
  await store.close();
});

test('a newer format and a file that is none are refused', async () => {
  const path = newPath();
  await new EmbeddedStateStore(path).close();
  const db = new DatabaseSync(path);
  db.exec('UPDATE format SET number = 99');
  db.close();
  expect(() => new EmbeddedStateStore(path)).toThrow(expect.objectContaining({ code: 'STATE_FORMAT' }));
  const other = newPath();
  writeFileSync(other, 'no database at all, only text that is long enough'.repeat(50));
  expect(() => new EmbeddedStateStore(other)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }));
});

test('another stream is refused until a person accepts it as a new generation', async () => {
  const store = new MemoryStateStore();
  const first = { clusterId: 'c1', topicId: 't1', partitions: 8, mode: 'live' } as const;
  expect(await admitGeneration(store, 'ads', first)).toBe(1);
  expect(await admitGeneration(store, 'ads', { ...first })).toBe(1);
  for (const other of [
    { ...first, clusterId: 'c2' },
    { ...first, topicId: 't2' },
    { ...first, partitions: 9 },
    { ...first, mode: 'replayed' as const },
  ])
    await expect(admitGeneration(store, 'ads', other)).rejects.toMatchObject({
      code: 'GENERATION_MISMATCH',
      message: expect.stringMatching(/cluster c1, topic t1, 8 partitions, live.*cluster c/),
    });
  const second = { ...first, clusterId: 'c2' };
  expect(await admitGeneration(store, 'ads', second, { accept: true })).toBe(2);
  expect(await admitGeneration(store, 'ads', second, { accept: true })).toBe(2);
});
