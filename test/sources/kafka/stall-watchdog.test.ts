import { expect, test } from 'vitest';
import { EngineError } from '../../../src/model/errors.ts';
import { onFact } from '../../../src/model/facts.ts';
import type { WallTimeMs } from '../../../src/model/time.ts';
import { StallWatchdog, stallMs } from '../../../src/sources/kafka/stall-watchdog.ts';

/** A lane in virtual time, looked at once a second for two minutes; the test says how it behaves. */
async function watch(lane: {
  position(nowMs: number): number;
  asked(nowMs: number): boolean;
  end(): Promise<number>;
}): Promise<{ what: string; atMs: number }[]> {
  let nowMs = 0;
  let askedMs = 0;
  const seen: { what: string; atMs: number }[] = [];
  const note = (what: string) => seen.push({ what, atMs: nowMs });
  const dog = new StallWatchdog({
    clock: { wallMs: () => nowMs as WallTimeMs, steadyMs: () => nowMs, sleep: () => Promise.resolve() },
    lanes: () => [{ partition: 3, name: 't:3', position: lane.position(nowMs), askedMs }],
    stableEnd: () => lane.end(),
    reseek: () => note('reseek'),
    rejoin: () => note('rejoin'),
  });
  const stop = onFact('source.stalled', ({ position, end, action }) => note(`${action} told: ${position} of ${end}`));
  for (; nowMs < 120_000; nowMs += 1_000) {
    if (lane.asked(nowMs)) askedMs = nowMs;
    await dog.look();
  }
  stop();
  return seen;
}

const always = () => true;

test('a lane that stands still before records is read anew, then the seat is taken anew, with evidence', async () => {
  const seen = await watch({ position: () => 7, asked: always, end: async () => 9 });
  expect(seen.slice(0, 4)).toEqual([
    { what: 'reseek told: 7 of 9', atMs: stallMs },
    { what: 'reseek', atMs: stallMs },
    { what: 'rejoin told: 7 of 9', atMs: 2 * stallMs },
    { what: 'rejoin', atMs: 2 * stallMs },
  ]);
  expect(seen.filter(({ what }) => what === 'reseek')).toHaveLength(1);
});

test('a lane that was helped begins anew', async () => {
  const seen = await watch({ position: (nowMs) => (nowMs < 20_000 ? 7 : 8), asked: always, end: async () => 9 });
  expect(
    seen
      .filter(({ what }) => !what.includes('told'))
      .map(({ what }) => what)
      .slice(0, 3),
  ).toEqual(['reseek', 'reseek', 'rejoin']);
});

test.each([
  { title: 'has read all', lane: { position: () => 9, asked: always, end: (): Promise<number> => Promise.resolve(9) } },
  {
    title: 'moves',
    lane: { position: (nowMs: number) => nowMs, asked: always, end: (): Promise<number> => Promise.resolve(1e9) },
  },
  {
    title: 'nobody polls',
    lane: {
      position: () => 7,
      asked: (nowMs: number) => nowMs % 10_000 === 0,
      end: (): Promise<number> => Promise.resolve(9),
    },
  },
  {
    title: 'has its brokers away',
    lane: {
      position: () => 7,
      asked: always,
      end: (): Promise<number> => Promise.reject(new EngineError('SOURCE_UNAVAILABLE', 'away')),
    },
  },
])('a lane that $title is no stall', async ({ lane }) => {
  expect(await watch(lane)).toEqual([]);
});
