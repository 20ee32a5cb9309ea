import { BackOff } from '../../model/back-off.ts';
import { EngineError, isWorthRetrying } from '../../model/errors.ts';
import type { EngineContext } from '../engine-parts.ts';

/** Long enough not to hammer a server that boots, short enough that nobody waits for us. */
const waitMaxMs = 5_000;

/** A server that has not answered by then is told of; each client gives up in its own time. */
const silentMs = 5_000;

/**
 * Asks for a part of the engine until it is there. Throws what no waiting heals, and the reason of
 * `context.signal` when we are told to stop.
 */
export async function waitFor<T>(
  part: string,
  ask: () => Promise<T>,
  { clock, signal, onOpening, onWaiting }: Pick<EngineContext, 'clock' | 'signal' | 'onOpening' | 'onWaiting'>,
): Promise<T> {
  const backOff = new BackOff(200, waitMaxMs);
  onOpening?.(part);
  for (;;) {
    signal.throwIfAborted();
    const answered = new AbortController();
    clock.sleep(silentMs, answered.signal).then(
      () => onWaiting(part, silence),
      () => undefined,
    );
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof EngineError) || !isWorthRetrying(error) || isRefusal(error)) throw error;
      onWaiting(part, error);
      await clock.sleep(backOff.fail(), signal).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw cause;
      });
    } finally {
      answered.abort();
    }
  }
}

/** Rights may be given while an engine runs; one that begins without them says so at once. */
function isRefusal({ code }: EngineError): boolean {
  return code === 'LAKE_REFUSED';
}

const silence = new EngineError('SERVER_SILENT', `it has not answered for ${silentMs / 1_000} s`);
