import { setTimeout as sleepFor } from 'node:timers/promises';
import type { Clock, WallTimeMs } from '../model/time.ts';

/** The machine's own clock. Waiting on it keeps the process alive. */
export const systemClock: Clock = {
  wallMs: () => Date.now() as WallTimeMs,
  steadyMs: () => performance.now(),
  async sleep(ms, signal) {
    await sleepFor(ms, undefined, signal ? { signal } : {});
  },
};
