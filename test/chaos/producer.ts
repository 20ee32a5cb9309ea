import { join } from 'node:path';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import type { Plan, PlanDraft, RulePlan } from '../../src/rules/plan.ts';
import { makeWorld } from '../../src/simulator/make-world.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import { type RecordAppender, RecordProducer } from '../../src/simulator/produce-records.ts';
import type { ProducedRecord } from '../../src/simulator/produced-record.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import type { World } from '../../src/simulator/world.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';
import { openDataDirectory } from '../../src/state/sqlite/data-directory.ts';
import type { Random } from '../simulation/random.ts';

export interface WorldSize {
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  readonly partitions: number;
}

/** Plays a simulated world into a log, a piece at a time. */
export class Producer {
  produced = 0;
  readonly #world: World;
  readonly #plans: readonly Plan[];
  readonly #records: ReturnType<typeof simulateWorld>;
  #next: IteratorResult<ProducedRecord>;

  constructor(size: WorldSize, rules: readonly RulePlan[]) {
    this.#world = makeWorld(size);
    this.#plans = plansOfWorld(this.#world, { rules });
    this.#records = simulateWorld(this.#world, this.#plans);
    this.#next = this.#records.next();
  }

  /** What happens up to that share of the world's time, beyond what was taken before. */
  take(share: number): ProducedRecord[] {
    const { startMs, endMs } = this.#world;
    const until = share >= 1 ? Number.POSITIVE_INFINITY : startMs + share * (endMs - startMs);
    const taken: ProducedRecord[] = [];
    for (; !this.#next.done && this.#next.value.logTimeMs <= until; this.#next = this.#records.next())
      taken.push(this.#next.value);
    return taken;
  }

  /** Appends records to a log and makes them durable. */
  async send(records: readonly ProducedRecord[], to: RecordAppender): Promise<void> {
    const producer = new RecordProducer(to, makeEventCodec('binary').encoder);
    for (const record of records) {
      producer.add(record);
      if (producer.isFull) await producer.flush();
    }
    await producer.flush();
    this.produced += producer.produced;
  }

  /** Appends what happens up to that share to the log of a directory that no engine runs on. */
  async append(directory: string, share: number): Promise<void> {
    const owner = await openDataDirectory(directory, { clock: systemClock });
    const log = await openRecordedLog({
      dir: join(directory, 'log'),
      topic: eventsTopic,
      partitions: this.#world.partitions,
      mode: 'replayed',
      encoding: 'binary',
      clock: systemClock,
    });
    try {
      await this.send(this.take(share), log);
    } finally {
      await log.close();
      owner.close();
    }
  }

  /** A plan that somebody might apply now: another allowance for one organization. */
  draft(random: Random): PlanDraft {
    const { number: _, defaults, ...rest } = random.pick(this.#plans);
    return { ...rest, defaults: { ...defaults, day_allowance_bp: 10_000 + 100 * random.between(1, 200) } };
  }
}
