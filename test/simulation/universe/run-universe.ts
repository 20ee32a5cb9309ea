import type { Mutant } from '../mutants/mutant.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { SimulatedGroup } from '../simulated-group.ts';
import { SimulatedLog } from '../simulated-log.ts';
import { SimulatedProcess, type Weather } from '../simulated-process.ts';
import { StoreServer, soundRules } from '../simulated-store.ts';
import { SimulatedTopic } from '../simulated-topic.ts';
import { SimulatedWarehouse } from '../simulated-warehouse.ts';
import { ProgramBugs } from './bugs.ts';
import { Engine, isRefusal, makerOf, type Servers, tickValue } from './engine.ts';
import { type Check, Referee, type Violation } from './referee.ts';
import { makeReferenceDecoder } from './reference.ts';
import { strike } from './strike.ts';
import { dilation } from './traffic.ts';
import type { Universe } from './universe.ts';

export interface RunOptions {
  readonly mutant?: Mutant | null;
  /** Checks that are not made. */
  readonly without?: readonly Check[];
  /** Errors know where they were made: for a replay. */
  readonly withStacks?: boolean;
}

export interface UniverseReport {
  readonly violations: readonly Violation[];
  readonly firstDivergence: string | null;
  readonly events: number;
  readonly records: number;
  readonly commits: number;
  readonly inserts: number;
  readonly alerts: number;
}

/** Calls of the dead and the late still arrive for this long after the faults. */
const aftermathMs = 6_000;
/** Time to catch up once the faults are over; a universe that needs longer is stuck. */
const catchUpMs = 30_000;
const copyEveryMs = 1_000;

export async function runUniverse(universe: Universe, options: RunOptions = {}): Promise<UniverseReport> {
  const run = new UniverseRun(universe, options, await makeReferenceDecoder());
  // Thousands of errors are part of the game, and where each was made would cost more than all else.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = options.withStacks ? stackTraceLimit : 0;
  try {
    return await run.run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A universe while it happens. */
export class UniverseRun {
  readonly universe: Universe;
  readonly scheduler: Scheduler;
  readonly servers: Servers;
  readonly referee: Referee;
  readonly weather: Weather = { isStormy: false };
  readonly slots: (Engine | null)[];
  isRecreated = false;
  /** The partition whose log lost its tail, and where it ended before. */
  #cut: { readonly partition: number; readonly at: number; readonly oldEnd: number } | null = null;
  /** Names of the engines that started after the topic was made anew. */
  readonly #startedAnew = new Set<string>();
  readonly #mutant: Mutant | null;
  readonly #random: Random;
  readonly #memory = new Map<string, unknown>();
  readonly #beganMs: number;
  #engines = 0;
  #isOver = false;

  constructor(
    universe: Universe,
    { mutant = null, without = [] }: RunOptions,
    decoder: Awaited<ReturnType<typeof makeReferenceDecoder>>,
  ) {
    const { seed, partitions, beginsAt } = universe;
    this.universe = universe;
    this.#mutant = mutant;
    this.#random = new Random(seed ^ 0x3c6ef372);
    this.scheduler = new Scheduler(new Random(seed ^ 0x5bd1e995));
    this.#beganMs = this.scheduler.nowMs;
    const log = new SimulatedLog(partitions, () => Math.floor(beginsAt + this.elapsedMs * dilation));
    this.referee = new Referee({ log, decoder, planKey: universe.planKey, without, nowMs: () => this.elapsedMs });
    this.servers = {
      log,
      store: new StoreServer((...applied) => this.#onCommit(...applied), { ...soundRules, ...mutant?.rules }),
      warehouse: new SimulatedWarehouse((table, rows) => this.referee.onInsert(table, rows)),
      alertTopic: new SimulatedTopic(partitions),
      letterTopic: new SimulatedTopic(partitions),
      bugs: new ProgramBugs(),
      group: new SimulatedGroup(partitions, this.scheduler, new Random(seed ^ 0x0bad5eed)),
    };
    this.slots = Array.from({ length: universe.slots }, () => null);
  }

  get elapsedMs(): number {
    return this.scheduler.nowMs - this.#beganMs;
  }

  get startsEmpty(): boolean {
    return this.#mutant?.startsEmpty === true;
  }

  async run(): Promise<UniverseReport> {
    this.#plan();
    await this.#until(() => false, this.universe.stormMs);
    if (!this.#isHopeless()) await this.#settle();
    this.#isOver = true;
    const { violations, firstDivergence, commits, inserts } = this.referee;
    const { log, alertTopic } = this.servers;
    return {
      violations,
      firstDivergence,
      events: this.scheduler.eventsRun,
      records: log.partitions.reduce((sum, records) => sum + records.length, 0),
      commits,
      inserts,
      alerts: alertTopic.partitions.reduce((sum, values) => sum + values.length, 0),
    };
  }

  /** A new process takes the slot; the one that had it must be dead. */
  startEngine(slot: number): void {
    if (this.#isOver) return;
    const engine = this.#makeEngine();
    this.slots[slot] = engine;
    if (this.isRecreated) this.#startedAnew.add(engine.process.name);
    engine.start();
  }

  /** The process dies; the group notices a little later, or at once. */
  killEngine(slot: number): void {
    const engine = this.slots[slot];
    if (engine === null) return;
    engine.process.kill();
    this.slots[slot] = null;
    this.scheduler.after(this.#random.pick([10, 300, 1_200]), () => this.servers.group.expel(engine.process));
  }

  /** The last records of a partition are lost, and more than as many others take their offsets. */
  cutLog(partition: number, records: number, isRestarted: boolean): void {
    const { log } = this.servers;
    const { start, end: oldEnd } = log.bounds(partition);
    const at = Math.max(start, oldEnd - records);
    if (isRestarted) for (let slot = 0; slot < this.slots.length; slot++) this.killEngine(slot);
    log.truncate(partition, at);
    for (let n = at; n < oldEnd + 20; n++) log.append(partition, { key: null, value: tickValue });
    this.#cut = { partition, at, oldEnd };
    this.referee.allowOtherBytes();
  }

  #makeEngine(): Engine {
    this.#engines += 1;
    const process = new SimulatedProcess(
      `engine ${this.#engines}`,
      this.scheduler,
      new Random((this.universe.seed ^ 0x7f4a7c15) + this.#engines),
      this.weather,
    );
    return new Engine({
      process,
      servers: this.servers,
      settings: this.universe.settings,
      planKey: this.universe.planKey,
      mutant: this.#mutant,
      memory: this.#memory,
      onStopped: (error) => this.#onStopped(process, error),
    });
  }

  #onStopped(process: SimulatedProcess, error: unknown): void {
    if (process.isDead || this.#isOver) return;
    if (this.isRecreated && isRefusal(error)) return;
    this.referee.fail('stopped', `${process.name} gave up: ${error instanceof Error ? error.stack : String(error)}`);
  }

  /** Everything that will happen, in order of time. */
  #plan(): void {
    const { sent, faults, slots, stormMs } = this.universe;
    const { scheduler, servers } = this;
    for (let slot = 0; slot < slots; slot++) scheduler.after(slot * 150, () => this.startEngine(slot));
    for (const { atMs, partition, key, value } of sent)
      scheduler.after(atMs, () => servers.log.append(partition, { key, value }));
    for (const fault of faults) scheduler.after(fault.atMs, () => strike(fault, this));
    for (let atMs = copyEveryMs; atMs < stormMs; atMs += copyEveryMs) {
      scheduler.after(atMs, () => {
        if (!servers.store.isDown) servers.store.keepCopy();
      });
    }
  }

  /** The faults are over; what is left must finish what all the others left behind. */
  async #settle(): Promise<void> {
    if (this.isRecreated) return await this.#settleRecreated();
    if (this.#cut !== null) return await this.#settleCut(this.#cut);
    for (let slot = 0; slot < this.slots.length; slot++) if (this.slots[slot] === null) this.startEngine(slot);
    this.weather.isStormy = false;
    this.servers.group.rebalance();
    await this.#until(() => false, this.elapsedMs + aftermathMs);
    if (this.#isHopeless()) return;
    const isDone = this.universe.ending === 'drain' ? await this.#drainAll() : await this.#runToEnd();
    if (isDone && !this.#isHopeless()) this.#judge();
  }

  async #drainAll(): Promise<boolean> {
    const { log, store } = this.servers;
    const ends = Array.from({ length: log.partitionCount }, (_, partition) => log.bounds(partition).end);
    // A claim that came late fences an idle owner, who hears of it with its next call; then it claims again.
    const isCaughtUp = () =>
      ends.every((end, lane) => this.#committed(lane) >= end && store.isSettled(`${log.topic}:${lane}`));
    if (!(await this.#until(isCaughtUp, this.elapsedMs + catchUpMs))) {
      this.referee.fail('caught_up', `not caught up ${catchUpMs} ms after the faults: ${this.#describeEngines()}`);
      return false;
    }
    let waiting = this.slots.length;
    for (const engine of this.slots) {
      engine?.runner?.drain(15_000).then((isDrained) => {
        waiting -= 1;
        if (!isDrained) this.referee.fail('caught_up', `a drain hit its deadline: ${this.#describeEngines()}`);
      });
    }
    const isDone = await this.#until(() => waiting === 0, this.elapsedMs + catchUpMs);
    if (!isDone) this.referee.fail('caught_up', `${waiting} engines do not end: ${this.#describeEngines()}`);
    return isDone;
  }

  /** All engines die; a new one finishes and stops by itself. */
  async #runToEnd(): Promise<boolean> {
    for (let slot = 0; slot < this.slots.length; slot++) this.killEngine(slot);
    await this.#until(() => false, this.elapsedMs + aftermathMs);
    const engine = this.#makeEngine();
    let isDone = false;
    engine.untilEnd().then(
      () => {
        isDone = true;
      },
      (error: unknown) => this.#onStopped(engine.process, error),
    );
    this.slots[0] = engine;
    await this.#until(() => isDone, this.elapsedMs + catchUpMs);
    if (!isDone) this.referee.fail('caught_up', `the last engine does not come to its end: ${this.#describeEngines()}`);
    return isDone;
  }

  /** Under a new topic the old state means nothing: whoever starts must refuse it, and touch nothing. */
  async #settleRecreated(): Promise<void> {
    await this.#until(() => false, this.elapsedMs + aftermathMs);
  }

  /** The lane that was cut must say so, unless it goes on with the log as it is now; the others must not care. */
  async #settleCut({ partition, at, oldEnd }: { partition: number; at: number; oldEnd: number }): Promise<void> {
    for (let slot = 0; slot < this.slots.length; slot++) if (this.slots[slot] === null) this.startEngine(slot);
    this.weather.isStormy = false;
    this.servers.group.rebalance();
    await this.#until(() => false, this.elapsedMs + aftermathMs);
    const { log } = this.servers;
    const ends = Array.from({ length: log.partitionCount }, (_, each) => log.bounds(each).end);
    const isSaid = () => this.#committed(partition) > oldEnd || this.#isHalted(partition);
    const isDone = () => ends.every((end, lane) => (lane === partition ? isSaid() : this.#committed(lane) >= end));
    if (await this.#until(isDone, this.elapsedMs + catchUpMs)) return;
    this.referee.fail('cut', `nobody says that lane ${partition} was cut at ${at}, or another waits for it`);
  }

  #isHalted(partition: number): boolean {
    return this.slots.some((engine) =>
      engine?.runner?.status().lanes.some((lane) => lane.partition === partition && lane.pausedReason === 'halted'),
    );
  }

  #onCommit(...applied: Parameters<Referee['onCommit']>): void {
    const [lane, , commit] = applied;
    const cut = this.#cut;
    if (cut !== null && lane === `${this.servers.log.topic}:${cut.partition}`)
      return this.referee.onCommitAfterCut(...applied, cut.oldEnd);
    if (!this.isRecreated) return this.referee.onCommit(...applied);
    // What was on its way when its sender died tells of the old topic, and the lane still is of that.
    if (this.#startedAnew.has(makerOf(commit.token)))
      this.referee.fail('refused', `${lane} was committed for a topic that was made anew`);
    this.referee.noteRows(commit);
  }

  #judge(): void {
    const { log, store, warehouse, alertTopic, letterTopic } = this.servers;
    const ends = Array.from({ length: log.partitionCount }, (_, partition) => this.#committed(partition));
    for (let partition = 0; partition < log.partitionCount; partition++) {
      const { outbox } = store.snapshot(`${log.topic}:${partition}`);
      if (outbox.length > 0)
        this.referee.fail('caught_up', `lane ${partition} left ${outbox.length} chunks in its outbox`);
    }
    this.referee.judgeEnd(ends, warehouse, alertTopic, letterTopic);
  }

  #committed(partition: number): number {
    const { log, store } = this.servers;
    return store.snapshot(`${log.topic}:${partition}`).meta?.nextOffset ?? 0;
  }

  #describeEngines(): string {
    return JSON.stringify(this.slots.map((engine) => engine?.runner?.status() ?? null));
  }

  #isHopeless(): boolean {
    return this.referee.violations.length > 0;
  }

  /** Until `isDone`, a violation, or so much time of the universe. */
  async #until(isDone: () => boolean, elapsedMs: number): Promise<boolean> {
    await this.scheduler.runUntil(() => isDone() || this.#isHopeless(), this.#beganMs + elapsedMs);
    return isDone();
  }
}
