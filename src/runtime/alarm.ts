import type { Clock } from '../model/time.ts';

/** Why a sleep ended early. */
const rung = new Error('the alarm rang');

/**
 * A sleep that can be cut short. A ring between two sleeps is remembered, so no wake-up is lost.
 */
export class Alarm {
  readonly #clock: Clock;
  #isRung = false;
  #current: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep that is under way, else the next one before it starts. */
  ring(): void {
    this.#isRung = true;
    // Without a reason each ring would make an exception of its own, with its stack, for nobody to read.
    this.#current?.abort(rung);
  }

  sleep(ms: number): Promise<void> {
    return this.during((signal) => this.#clock.sleep(ms, signal));
  }

  /** Waits for `wait`, which must end (well or not) when its signal is aborted. */
  async during(wait: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!this.#isRung) {
      const controller = new AbortController();
      this.#current = controller;
      try {
        await wait(controller.signal);
      } catch (error) {
        // Being cut short is what the signal is for; all else is the caller's.
        if (!controller.signal.aborted) throw error;
      } finally {
        this.#current = null;
      }
    }
    this.#isRung = false;
  }
}
