import { allLanes } from '../../src/topology/fixed-assignment.ts';
import { createRunner, type Runner } from '../../src/topology/runner.ts';
import { defaultRunnerSettings } from '../../src/topology/runner-options.ts';
import { Checker } from './checker.ts';
import type { Mutant } from './mutants.ts';
import type { ProgramUnderTest } from './program-under-test.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedLog, SimulatedSource } from './simulated-log.ts';
import { SimulatedProcess, type Weather } from './simulated-process.ts';
import { SimulatedSink, SinkServer } from './simulated-sink.ts';
import { SimulatedStore, StoreServer } from './simulated-store.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly program: ProgramUnderTest;
  readonly mutant?: Mutant;
}

export interface WorldReport {
  readonly violations: readonly string[];
  readonly events: number;
  readonly commits: number;
  readonly deliveries: number;
  readonly faults: Readonly<Record<string, number>>;
}

const stormMs = 20_000;
/** Time to catch up once the faults are over; a world that needs longer is stuck. */
const catchUpMs = 30_000;

/**
 * One world from one seed: producers, two engines that come and go, a store, sinks, and faults
 * everywhere for a while. Then the weather clears, one engine must catch up, and all is compared with
 * the fold of the log.
 */
export async function runWorld(options: WorldOptions): Promise<WorldReport> {
  const world = new World(options);
  return world.run();
}

class World {
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #program: ProgramUnderTest;
  readonly #mutant: Mutant | null;
  readonly #log: SimulatedLog;
  readonly #checker: Checker;
  readonly #store: StoreServer;
  readonly #sinks: readonly SinkServer[];
  readonly #weather: Weather = { isStormy: true };
  readonly #faults: Record<string, number> = {};
  readonly #slots: (Engine | null)[] = [null, null];
  #engines = 0;

  constructor({ seed, program, mutant }: WorldOptions) {
    this.#random = new Random(seed);
    this.#scheduler = new Scheduler(new Random(seed ^ 0x5bd1e995));
    this.#program = program;
    this.#mutant = mutant ?? null;
    this.#log = new SimulatedLog(program.partitions);
    this.#checker = new Checker(program, this.#log);
    this.#store = new StoreServer(this.#mutant, (lane, snapshot, commit) =>
      this.#checker.onCommit(lane, snapshot, commit),
    );
    this.#sinks = program.sinks.map(
      ({ name, streams }) => new SinkServer(name, streams, (sink, chunk) => this.#checker.onDelivery(sink, chunk)),
    );
  }

  async run(): Promise<WorldReport> {
    const endMs = this.#scheduler.nowMs + stormMs;
    this.#slots[0] = this.#startEngine();
    this.#produce(endMs);
    this.#causeTrouble(endMs);
    await this.#scheduler.runUntil(() => this.#isHopeless(), endMs);
    this.#weather.isStormy = false;
    for (const sink of this.#sinks) sink.isDown = false;
    if (!this.#isHopeless()) await this.#settle();
    return {
      violations: this.#checker.violations,
      events: this.#scheduler.eventsRun,
      commits: this.#checker.commits,
      deliveries: this.#checker.deliveries,
      faults: this.#faults,
    };
  }

  /** One engine is left, or a new one comes; it must finish what all the others left behind. */
  async #settle(): Promise<void> {
    const survivor = this.#slots.find((engine) => engine !== null && !engine.process.isDead) ?? null;
    for (const engine of this.#slots) if (engine !== survivor) engine?.process.kill();
    const isBounded = survivor === null || this.#random.chance(0.5);
    if (isBounded) survivor?.process.kill();
    // Calls of dead engines still arrive for a few seconds and may take a lane away once more.
    await this.#scheduler.runUntil(() => this.#isHopeless(), this.#scheduler.nowMs + 6_000);
    const ends = this.#log.partitions.map((records) => records.length);
    const deadlineMs = this.#scheduler.nowMs + catchUpMs;
    let isDone = false;
    let last: Runner;
    if (isBounded) {
      const { runner } = this.#makeEngine();
      last = runner;
      runner.untilEnd().then(
        () => {
          isDone = true;
        },
        (error: unknown) => this.#checker.fail(`untilEnd failed: ${String(error)}`),
      );
      await this.#scheduler.runUntil(() => isDone || this.#isHopeless(), deadlineMs);
    } else {
      const { runner } = survivor;
      last = runner;
      const isCaughtUp = () =>
        runner.status().lanes.every(({ committedOffset, partition }) => committedOffset >= ends[partition]) &&
        runner.status().undeliveredBytes === 0;
      if (!(await this.#scheduler.runUntil(() => isCaughtUp() || this.#isHopeless(), deadlineMs))) {
        this.#checker.fail(`not caught up ${catchUpMs} ms after the faults: ${JSON.stringify(runner.status())}`);
        return;
      }
      runner.drain(10_000).then((isDrained) => {
        isDone = true;
        if (!isDrained) this.#checker.fail(`drain hit its deadline: ${JSON.stringify(runner.status())}`);
      });
      await this.#scheduler.runUntil(() => isDone || this.#isHopeless(), this.#scheduler.nowMs + catchUpMs);
    }
    if (!isDone) this.#checker.fail(`the last engine did not come to its end: ${JSON.stringify(last.status())}`);
    this.#checkEnd(ends);
  }

  #checkEnd(ends: readonly number[]): void {
    const lengths = ends.map((end, partition) => {
      const snapshot = this.#store.snapshot(`${this.#log.topic}:${partition}`);
      const committed = snapshot.meta?.nextOffset ?? 0;
      if (committed < end) this.#checker.fail(`lane ${partition} committed ${committed} of ${end} records`);
      if (snapshot.outbox.length > 0) this.#checker.fail(`lane ${partition} left ${snapshot.outbox.length} chunks`);
      return committed;
    });
    this.#checker.compareTables(lengths);
  }

  /** A mutant's world is over at its first violation. */
  #isHopeless(): boolean {
    return this.#checker.violations.length > 0;
  }

  #makeEngine(): Engine {
    this.#engines += 1;
    const name = `engine ${this.#engines}`;
    const process = new SimulatedProcess(
      name,
      this.#scheduler,
      new Random(this.#random.between(0, 1e9)),
      this.#weather,
    );
    let tokens = 0;
    const runner = createRunner({
      source: new SimulatedSource(this.#log, process, this.#mutant),
      assignment: allLanes(this.#log.partitions.length),
      decoder: this.#program.makeDecoder(),
      store: new SimulatedStore(this.#store, process, this.#mutant),
      sinks: this.#sinks.map((sink) => new SimulatedSink(sink, process, this.#mutant)),
      programFactory: this.#program.makeProgram,
      clock: process.clock,
      entropy: { token: () => `${name}, claim ${++tokens}` },
      settings: {
        ...defaultRunnerSettings,
        generation: 1,
        tickValue: this.#program.tickValue,
        undeliveredBytesMax: 2_000,
      },
      onError: (error) => {
        if (!process.isDead) this.#checker.fail(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
      },
    });
    return { process, runner };
  }

  #startEngine(): Engine {
    const engine = this.#makeEngine();
    engine.runner.start().catch((error: unknown) => this.#checker.fail(`start failed: ${String(error)}`));
    return engine;
  }

  #produce(endMs: number): void {
    const { nowMs } = this.#scheduler;
    if (nowMs >= endMs) return;
    const partition = this.#random.between(0, this.#log.partitions.length - 1);
    const count = this.#random.chance(0.05) ? this.#random.between(10, 40) : 1;
    for (let i = 0; i < count; i++) {
      this.#log.append(partition, { logTimeMs: nowMs, ...this.#program.makeRecord(this.#random, partition) });
    }
    this.#scheduler.after(this.#random.between(10, 180), () => this.#produce(endMs));
  }

  #causeTrouble(endMs: number): void {
    this.#scheduler.after(this.#random.between(50, 1_500), () => {
      if (this.#scheduler.nowMs >= endMs) return;
      this.#causeOne();
      this.#causeTrouble(endMs);
    });
  }

  #causeOne(): void {
    const random = this.#random;
    const slot = random.between(0, this.#slots.length - 1);
    const engine = this.#slots[slot];
    const kind = random.pick(['kill', 'kill', 'start', 'start', 'freeze', 'roll_back', 'sink_down'] as const);
    this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
    switch (kind) {
      case 'kill':
        engine?.process.kill();
        this.#slots[slot] = null;
        break;
      case 'start':
        // The second engine takes the lanes of the first, which goes on as a zombie until it notices.
        if (engine === null) this.#slots[slot] = this.#startEngine();
        break;
      case 'freeze':
        engine?.process.stopFor(random.between(200, 4_000));
        break;
      case 'roll_back':
        this.#store.rollBack(random);
        break;
      case 'sink_down': {
        const sink = random.pick(this.#sinks);
        sink.isDown = true;
        this.#scheduler.after(random.between(100, 6_000), () => {
          sink.isDown = false;
        });
      }
    }
  }
}

interface Engine {
  readonly process: SimulatedProcess;
  readonly runner: Runner;
}
