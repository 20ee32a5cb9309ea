import type { EngineStanding } from '../adapters/engine-parts.ts';
import { EngineError } from '../model/errors.ts';
import type { Clock } from '../model/time.ts';

/** Often enough that a person sees no delay, seldom enough to cost nothing. */
const lookMs = 1_000;

/**
 * Watches a run that is to come to an end: resolves with the reason to give it up, when something was waited for and
 * nothing moved for `patienceMs`, and at once when what it waits for is a right that we lack. Null when aborted.
 */
export async function outOfPatience(
  look: () => EngineStanding,
  patienceMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<EngineError | null> {
  let moved = '';
  let sinceMs = clock.steadyMs();
  while (!signal.aborted) {
    const { progress, trouble } = look();
    if (trouble instanceof EngineError && trouble.code === 'LAKE_REFUSED') return trouble;
    if (progress !== moved || trouble === null) sinceMs = clock.steadyMs();
    moved = progress;
    if (trouble !== null && clock.steadyMs() - sinceMs >= patienceMs)
      return new EngineError('RUN_INCOMPLETE', `for ${patienceMs} ms nothing moved: ${trouble.message}`, {
        cause: trouble,
      });
    await clock.sleep(lookMs, signal).catch(() => undefined);
  }
  return null;
}
