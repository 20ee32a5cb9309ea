import { join } from 'node:path';
import { makeEventCodec } from '../../src/adapters/event-codec.ts';
import type { PlanDraft } from '../../src/control/plans/plan-files.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import type { Plan, RulePlan } from '../../src/model/plan.ts';
import { openRecordedLog } from '../../src/sources/recorded-log.ts';
import { makeWorld } from '../../src/sources/simulator/make-world.ts';
import { plansOfWorld } from '../../src/sources/simulator/plans.ts';
import { RecordProducer } from '../../src/sources/simulator/produce-records.ts';
import { simulateWorld } from '../../src/sources/simulator/simulate-world.ts';
import type { World } from '../../src/sources/simulator/world.ts';
import { openDataDirectory } from '../../src/state/data-directory.ts';
import type { Random } from '../simulation/random.ts';

export interface WorldSize {
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  readonly partitions: number;
}

/** Plays a simulated world into the log of a data directory, a piece at a time, while no engine runs. */
export class Producer {
  produced = 0;
  readonly #world: World;
  readonly #plans: readonly Plan[];
  readonly #records: ReturnType<typeof simulateWorld>;
  #next: IteratorResult<ReturnType<typeof simulateWorld> extends Iterator<infer T> ? T : never>;

  constructor(size: WorldSize, rules: readonly RulePlan[]) {
    this.#world = makeWorld(size);
    this.#plans = plansOfWorld(this.#world, { rules });
    this.#records = simulateWorld(this.#world, this.#plans);
    this.#next = this.#records.next();
  }

  /** Appends what happens up to that share of the world's time; how many records that were. */
  async append(directory: string, share: number): Promise<number> {
    const { startMs, endMs, partitions } = this.#world;
    const until = share >= 1 ? Number.POSITIVE_INFINITY : startMs + share * (endMs - startMs);
    const owner = await openDataDirectory(directory, { clock: systemClock });
    const log = await openRecordedLog({
      dir: join(directory, 'log'),
      topic: eventsTopic,
      partitions,
      mode: 'replayed',
      encoding: 'binary',
      clock: systemClock,
    });
    const producer = new RecordProducer(log, makeEventCodec('binary').encoder);
    try {
      while (!this.#next.done && this.#next.value.logTimeMs <= until) {
        producer.add(this.#next.value);
        if (producer.isFull) await producer.flush();
        this.#next = this.#records.next();
      }
      await producer.flush();
    } finally {
      await log.close();
      owner.close();
    }
    this.produced += producer.produced;
    return producer.produced;
  }

  /** A plan that somebody might apply now: another allowance for one organization. */
  draft(random: Random): PlanDraft {
    const { number: _, defaults, ...rest } = random.pick(this.#plans);
    return { ...rest, defaults: { ...defaults, day_allowance_bp: 10_000 + 100 * random.between(1, 200) } };
  }
}
