import type { Clock, WallTimeMs } from '../../src/model/time.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** How badly the world behaves at the moment. */
export interface Weather {
  isStormy: boolean;
}

/**
 * An operating system process: it can be killed, so that nothing it waits for ever comes, and stopped
 * for a while, so that everything comes late (a zombie when somebody took over meanwhile).
 */
export class SimulatedProcess {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly random: Random;
  readonly weather: Weather;
  isDead = false;
  #stoppedUntilMs = 0;

  constructor(name: string, scheduler: Scheduler, random: Random, weather: Weather) {
    this.name = name;
    this.scheduler = scheduler;
    this.random = random;
    this.weather = weather;
  }

  readonly clock: Clock = {
    wallMs: () => this.scheduler.nowMs as WallTimeMs,
    steadyMs: () => this.scheduler.nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        signal?.addEventListener('abort', () => this.receive(0, () => reject(signal.reason)), { once: true });
        this.receive(Math.max(1, ms), resolve);
      }),
  };

  kill(): void {
    this.isDead = true;
  }

  stopFor(ms: number): void {
    this.#stoppedUntilMs = this.scheduler.nowMs + ms;
  }

  /** Runs `happen` in this process after `ms`, later when it is stopped then, never when it is dead. */
  receive(ms: number, happen: () => void): void {
    this.scheduler.after(ms, () => {
      if (this.isDead) return;
      const lateMs = this.#stoppedUntilMs - this.scheduler.nowMs;
      if (lateMs > 0) this.receive(lateMs, happen);
      else happen();
    });
  }

  /**
   * A call over a bad network. The request may be lost, come late (after we gave up), or come twice;
   * the answer may be lost. Losses show as `lost` after a timeout.
   */
  call<T>(execute: () => T, lost: () => Error): Promise<T> {
    const { random, scheduler, weather } = this;
    return new Promise((resolve, reject) => {
      const timeoutMs = 400;
      const arrivesMs = random.delay(1, 8);
      if (weather.isStormy && random.chance(0.04)) {
        this.receive(timeoutMs, () => reject(lost()));
        if (random.chance(0.5)) scheduler.after(random.between(1, 4_000), () => ignoreOutcome(execute));
        return;
      }
      if (weather.isStormy && random.chance(0.03)) {
        scheduler.after(arrivesMs + random.between(5, 5_000), () => ignoreOutcome(execute));
      }
      const isAnswerLost = weather.isStormy && random.chance(0.04);
      scheduler.after(arrivesMs, () => {
        const answer = attempt(execute);
        if (isAnswerLost) {
          this.receive(timeoutMs, () => reject(lost()));
          return;
        }
        this.receive(random.delay(1, 8), () => ('error' in answer ? reject(answer.error) : resolve(answer.value)));
      });
    });
  }
}

function attempt<T>(execute: () => T): { value: T } | { error: unknown } {
  try {
    return { value: execute() };
  } catch (error) {
    return { error };
  }
}

/** Nobody waits for a duplicate's answer; what it changed is what counts. */
function ignoreOutcome(execute: () => unknown): void {
  attempt(execute);
}
