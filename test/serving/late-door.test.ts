import { expect, it } from 'vitest';
import type { Door, HttpCall } from '../../src/serving/http/door.ts';
import { LateDoor } from '../../src/serving/http/late-door.ts';

const call = {} as HttpCall;

function countingDoor() {
  const seen = { loads: 0, answers: 0 };
  const door: Door = {
    name: 'slow',
    takes: () => true,
    answer: async () => {
      seen.answers += 1;
    },
  };
  const load = async () => {
    seen.loads += 1;
    return door;
  };
  return { seen, late: new LateDoor('slow', (path) => path === '/slow', load) };
}

it('loads a door with its first calls, once for all of them', async () => {
  const { seen, late } = countingDoor();
  expect(late.takes('/slow')).toBe(true);
  expect(late.takes('/fast')).toBe(false);
  expect(seen).toEqual({ loads: 0, answers: 0 });
  await Promise.all([late.answer(call), late.answer(call)]);
  await late.answer(call);
  expect(seen).toEqual({ loads: 1, answers: 3 });
});

it('hands on what loading throws', async () => {
  const late = new LateDoor(
    'gone',
    () => true,
    () => Promise.reject(new Error('no such file')),
  );
  await expect(late.answer(call)).rejects.toThrow('no such file');
});
