import { setTimeout as sleep } from 'node:timers/promises';
import { StackError } from './stack-error.ts';

/** Throws unless the address answers with a 2xx within three seconds. */
export async function expectOk(url: string): Promise<void> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(3_000) });
  await answer.body?.cancel();
  if (!answer.ok) throw new StackError(`${new URL(url).pathname} answers ${answer.status}`);
}

/** Repeats a probe until it passes; gives up, with its last word, at the deadline or when `hope` says so. */
export async function waitUntil(probe: () => Promise<void>, deadlineMs: number, hope: () => boolean): Promise<void> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (!hope() || Date.now() > end) throw error;
    }
    await sleep(100);
  }
}
