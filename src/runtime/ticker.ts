import { isWorthRetrying } from '../model/errors.ts';
import { publishFact } from '../model/facts.ts';
import type { Clock } from '../model/time.ts';
import type { Source } from '../sources/source.ts';
import { Alarm } from './alarm.ts';

/**
 * The owner's tick: an empty record in every lane every few seconds, so that the lane clock moves when
 * nobody sends. The log's stamp is its content; one too many or one missed is harmless.
 */
export class Ticker {
  readonly #source: Source;
  readonly #alarm: Alarm;
  readonly #settings: { intervalMs: number; value: Uint8Array };
  #isStopped = false;

  constructor(source: Source, clock: Clock, settings: { intervalMs: number; value: Uint8Array }) {
    this.#source = source;
    this.#alarm = new Alarm(clock);
    this.#settings = settings;
  }

  /** Ticks the lanes that `ownedLanes` names at that moment, until `stop`. */
  async run(ownedLanes: () => readonly number[]): Promise<void> {
    while (!this.#isStopped) {
      for (const partition of ownedLanes()) {
        await this.#tick(partition);
        if (this.#isStopped) return;
      }
      await this.#alarm.sleep(this.#settings.intervalMs);
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#alarm.ring();
  }

  async #tick(partition: number): Promise<void> {
    try {
      const offset = await this.#source.append(partition, null, this.#settings.value);
      publishFact('tick.appended', { partition, offset });
    } catch (error) {
      // A full or unreachable log misses this tick; the next one comes by itself.
      if (!isWorthRetrying(error)) throw error;
      publishFact('tick.failed', { partition, error });
    }
  }
}
