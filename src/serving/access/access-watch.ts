import { createHash } from 'node:crypto';
import type { Clock } from '../../model/time.ts';
import type { Admission, Authenticator, Credentials } from './authenticate.ts';
import type { TokenCache } from './token-cache.ts';

/** An answer that goes on for long, and the right to it. */
export interface WatchedAccess {
  /** Aborted, with the error, when the right is gone. */
  readonly signal: AbortSignal;
  /** Asks anew; call it before anything is shown. Throws what a new call would be refused with. */
  check(): Promise<void>;
  /** Ends the watch, not the right. */
  close(): void;
}

/** So often the right to an open answer is asked anew, where nobody tells that it is gone. */
const askEveryMs = 5_000;

/**
 * Looks after streams whose caller may be sent away meanwhile. Processes that share a cache tell each other at
 * once; besides, each right is asked for anew from time to time, and before each event by whoever sends it.
 */
export class AccessWatch {
  readonly #authenticator: Authenticator;
  readonly #clock: Clock;
  readonly #byToken = new Map<string, Set<() => void>>();

  constructor(parts: { authenticator: Authenticator; tokens: TokenCache; clock: Clock }) {
    this.#authenticator = parts.authenticator;
    this.#clock = parts.clock;
    parts.tokens.onDropped((tokenHashes) => {
      for (const hash of tokenHashes) for (const ask of this.#byToken.get(hash) ?? []) ask();
    });
  }

  watch(credentials: Credentials, admission: Admission): WatchedAccess {
    const ending = new AbortController();
    const closing = new AbortController();
    const check = async (): Promise<void> => {
      if (ending.signal.aborted) throw ending.signal.reason;
      try {
        await this.#authenticator.authenticate(credentials, admission);
      } catch (error) {
        ending.abort(error);
        throw error;
      }
    };
    // The signal tells; whoever waits for none of the two is not to fail.
    const ask = () => void check().catch((error: Error) => error.message);
    const forget = this.#remember(credentials.bearer ?? credentials.session ?? '', ask);
    void this.#askNowAndThen(ask, AbortSignal.any([ending.signal, closing.signal]));
    return {
      signal: ending.signal,
      check,
      close() {
        forget();
        closing.abort();
      },
    };
  }

  /** Streams that are looked after, for tests. */
  get size(): number {
    return [...this.#byToken.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #remember(token: string, ask: () => void): () => void {
    const hash = createHash('sha256').update(token).digest('hex');
    const asks = this.#byToken.get(hash) ?? new Set();
    this.#byToken.set(hash, asks.add(ask));
    return () => {
      asks.delete(ask);
      if (asks.size === 0 && this.#byToken.get(hash) === asks) this.#byToken.delete(hash);
    };
  }

  async #askNowAndThen(ask: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Rejects when the watch ends, which is how it ends.
      await this.#clock.sleep(askEveryMs, signal).catch((reason: unknown) => reason);
      if (!signal.aborted) ask();
    }
  }
}
