import { expect, test } from 'vitest';
import { Writing } from '../../../src/lakehouse/storage/writing.ts';

test('at most so many writes are under way, and trouble waits for those that were started', async () => {
  const writing = new Writing(2);
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const log: string[] = [];
  const write = (n: number) => async () => {
    log.push(`start ${n}`);
    await gates[n].promise;
    log.push(`end ${n}`);
  };
  await writing.start(write(0));
  await writing.start(write(1));
  const third = writing.start(write(2));
  expect(log).toEqual(['start 0', 'start 1']);
  gates[0].reject(new Error('the disk is full'));
  await Promise.resolve();
  gates[1].resolve();
  await expect(third).rejects.toThrow('the disk is full');
  expect(log).toEqual(['start 0', 'start 1', 'end 1']);
  await expect(writing.end()).rejects.toThrow('the disk is full');
});
