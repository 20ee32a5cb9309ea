import type { Clock, WallTimeMs } from '../../src/model/time.ts';

/** Time stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 1_800_000_000_000;
  #sleepers: { atMs: number; wake: () => void }[] = [];

  #asleep = Promise.withResolvers<void>();

  wallMs(): WallTimeMs {
    return this.#nowMs as WallTimeMs;
  }
  steadyMs(): number {
    return this.wallMs();
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#sleepers.push({ atMs: this.#nowMs + ms, wake: resolve });
    this.#asleep.resolve();
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
    await promise;
  }

  /** Moves time when somebody waits for it: who works at the moment is let come to rest first. */
  async advance(ms: number): Promise<void> {
    await this.#asleep.promise;
    this.#asleep = Promise.withResolvers();
    this.#nowMs += ms;
    const due = this.#sleepers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ atMs }) => atMs > this.#nowMs);
    if (this.#sleepers.length > 0) this.#asleep.resolve();
    for (const { wake } of due) wake();
  }
}
