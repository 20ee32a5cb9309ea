import { expect, test } from 'vitest';
import { outOfPatience } from '../../src/cli/patience.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { WallTimeMs } from '../../src/model/time.ts';

/** Time that passes where it is waited for. */
function context() {
  let now = 0;
  const stop = new AbortController();
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  return {
    stop,
    now: () => now,
    watch: { signal: stop.signal, clock: { wallMs: () => 0 as WallTimeMs, steadyMs: () => now, sleep } },
  };
}
const away = new EngineError('SINK_UNAVAILABLE', 'the catalog answers 500');

test('where nothing moves while a server is waited for, patience ends, with the trouble by name', async () => {
  const { watch, now } = context();
  const error = await outOfPatience(() => ({ progress: 'same', trouble: away }), 10_000, watch);
  expect(error).toMatchObject({
    code: 'RUN_INCOMPLETE',
    exitCode: 75,
    message: 'for 10000 ms nothing moved: the catalog answers 500',
  });
  expect(now()).toBe(10_000);
});

test('whatever moves, and whatever time without trouble, gives new patience', async () => {
  const { watch, now } = context();
  const look = () => {
    const isMoving = now() <= 60_000;
    const isCalm = now() > 60_000 && now() <= 120_000;
    return { progress: isMoving ? String(now()) : 'same', trouble: isCalm ? null : away };
  };
  expect(await outOfPatience(look, 10_000, watch)).toMatchObject({ code: 'RUN_INCOMPLETE' });
  expect(now()).toBe(130_000);
});

test('no waiting gives a right that we lack', async () => {
  const { watch, now } = context();
  const refused = new EngineError('LAKE_REFUSED', 'no such right');
  expect(await outOfPatience(() => ({ progress: '', trouble: refused }), 10_000, watch)).toBe(refused);
  expect(now()).toBe(0);
});

test('a run that ends is watched no longer', async () => {
  const { watch, stop } = context();
  const look = () => {
    stop.abort();
    return { progress: '', trouble: away };
  };
  expect(await outOfPatience(look, 10_000, watch)).toBeNull();
});
