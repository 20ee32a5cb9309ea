import { expect, test } from 'vitest';
import { startProgramThread } from '../../src/runtime/program-worker.ts';

const adapter = new URL('./program-adapter.ts', import.meta.url);
const never = (error: Error) => {
  throw error;
};

test('a worker drains on another thread, tells its numbers and stops', async () => {
  const worker = await startProgramThread({ name: 'bronze', adapter, settings: { records: 50 }, onError: never });
  expect(worker.stats()).toEqual({ records: expect.any(Number), commits: expect.any(Number) });
  expect(worker.trouble()).toBeNull();
  await worker.drain();
  expect(worker.stats()).toMatchObject({ records: 50, commits: 1 });
  await worker.stop();
  await expect(worker.drain()).rejects.toThrow('stopped');
});

test('a worker that cannot open rejects the start with the coded error', async () => {
  const start = startProgramThread({
    name: 'bronze',
    adapter,
    settings: { records: 1, isBroken: true },
    onError: never,
  });
  await expect(start).rejects.toMatchObject({ code: 'GENERATION_MISMATCH' });
});

test('a worker that cannot go on tells it once, and drains reject', async () => {
  const errors: Error[] = [];
  const worker = await startProgramThread({
    name: 'bronze',
    adapter,
    settings: { records: 50, failsAtCommit: true },
    onError: (error) => errors.push(error),
  });
  await expect(worker.drain()).rejects.toMatchObject({ code: 'BRONZE_ROLLED_BACK' });
  await worker.stop();
  expect(errors).toMatchObject([{ code: 'BRONZE_ROLLED_BACK' }]);
});
