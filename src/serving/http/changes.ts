import { setTimeout as sleep } from 'node:timers/promises';
import { untraced } from '../../model/spans.ts';
import { tellRefusal } from '../refusals.ts';

export interface Watched {
  /** The present state as JSON; asked as its caller, so that whoever may no longer see it ends here. */
  readonly look: () => Promise<Uint8Array>;
  readonly everyMs: number;
  /** Aborted when the caller is gone or this process stops. */
  readonly signal: AbortSignal;
}

/**
 * The state at once, and then at each look again: null where nothing changed. The first look may refuse the call as
 * any other; later, what passes by itself is waited out, and what does not is thrown.
 */
export async function* changesOf({ look, everyMs, signal }: Watched): AsyncGenerator<Buffer | null> {
  let shown: Buffer = Buffer.from(await look());
  yield shown;
  while (await pause(signal, everyMs)) {
    const found = await lookAgain(look);
    const isNew = found !== null && !found.equals(shown);
    if (isNew) shown = found;
    yield isNew ? found : null;
  }
}

async function pause(signal: AbortSignal, ms: number): Promise<boolean> {
  try {
    await sleep(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

async function lookAgain(look: Watched['look']): Promise<Buffer | null> {
  try {
    return Buffer.from(await untraced(look));
  } catch (error) {
    if ([429, 503, 504].includes(tellRefusal(error).http)) return null;
    throw error;
  }
}
