import { ancestry, currentSnapshot, type Snapshot } from '../../../src/lakehouse/format/table-metadata.ts';
import { encodeOffsets, offsetsKey } from '../../../src/lakehouse/layers/bronze/recorded-offsets.ts';
import { EngineError } from '../../../src/model/errors.ts';
import { Random } from '../random.ts';
import { Scheduler } from '../scheduler.ts';
import { SimulatedGroup } from '../simulated-group.ts';
import { SimulatedLog } from '../simulated-log.ts';
import { SimulatedProcess, type Weather } from '../simulated-process.ts';
import { BronzeEngine, type BronzeServers } from './bronze-engine.ts';
import type { BronzeMutant } from './bronze-mutant.ts';
import { type BronzeCheck, BronzeReferee, type BronzeViolation } from './bronze-referee.ts';
import { strikeBronze } from './bronze-strike.ts';
import type { BronzeWorld } from './bronze-world.ts';
import { OtherTools } from './other-tools.ts';
import { CatalogServer } from './simulated-catalog.ts';
import { ObjectServer } from './simulated-objects.ts';

export interface BronzeRunOptions {
  readonly mutant?: BronzeMutant | null;
  /** Checks that are not made. */
  readonly without?: readonly BronzeCheck[];
  /** Errors know where they were made: for a replay. */
  readonly withStacks?: boolean;
}

export interface BronzeReport {
  readonly violations: readonly BronzeViolation[];
  readonly events: number;
  readonly records: number;
  readonly commits: number;
}

/** Calls of the dead and the late still arrive for this long after the faults. */
const aftermathMs = 6_000;
/** Time to catch up once the faults are over; a world that needs longer is stuck. */
const catchUpMs = 30_000;

export async function runBronzeWorld(world: BronzeWorld, options: BronzeRunOptions = {}): Promise<BronzeReport> {
  // Thousands of errors are part of the game, and where each was made would cost more than all else.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = options.withStacks ? stackTraceLimit : 0;
  try {
    return await new BronzeRun(world, options).run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** A bronze world while it happens. */
export class BronzeRun {
  readonly world: BronzeWorld;
  readonly scheduler: Scheduler;
  readonly servers: BronzeServers;
  readonly referee: BronzeReferee;
  readonly tools: OtherTools;
  readonly weather: Weather = { isStormy: false };
  readonly slots: (BronzeEngine | null)[];
  readonly #random: Random;
  readonly #mutant: BronzeMutant | null;
  readonly #memory = new Map<string, unknown>();
  readonly #beganMs: number;
  /** The one error with which an engine may give up now. */
  #refusal: string | null = null;
  #engines = 0;
  #sent = 0;
  #isOver = false;

  constructor(world: BronzeWorld, { mutant = null, without = [] }: BronzeRunOptions) {
    const { seed, partitions, comparesPointer } = world;
    this.world = world;
    this.#mutant = mutant;
    this.#random = new Random(seed ^ 0x510e527f);
    this.scheduler = new Scheduler(new Random(seed ^ 0x5bd1e995));
    this.#beganMs = this.scheduler.nowMs;
    const nowMs = () => this.scheduler.nowMs;
    const log = new SimulatedLog(partitions, nowMs);
    const objects = new ObjectServer();
    this.referee = new BronzeReferee({ log, objects, without, nowMs: () => this.elapsedMs });
    const catalog = new CatalogServer({
      nowMs,
      comparesPointer,
      onCommit: (before, after) => this.referee.onCommit(before, after),
    });
    const group = new SimulatedGroup(partitions, this.scheduler, new Random(seed ^ 0x0bad5eed));
    this.servers = { log, objects, catalog, group };
    this.tools = new OtherTools(catalog, objects, nowMs);
    this.slots = Array.from({ length: world.slots }, () => null);
  }

  get elapsedMs(): number {
    return this.scheduler.nowMs - this.#beganMs;
  }

  async run(): Promise<BronzeReport> {
    this.#plan();
    await this.#until(() => false, this.world.stormMs);
    await this.#settle();
    this.#isOver = true;
    const records = this.servers.log.partitions.reduce((sum, { length }) => sum + length, 0);
    const { violations, commits } = this.referee;
    return { violations, commits, records, events: this.scheduler.eventsRun };
  }

  /** A new process takes the slot; the one that had it must be gone. */
  startEngine(slot: number): void {
    if (this.#isOver) return;
    this.#engines += 1;
    const random = new Random((this.world.seed ^ 0x7f4a7c15) + this.#engines);
    const process = new SimulatedProcess(`engine ${this.#engines}`, this.scheduler, random, this.weather);
    const { world, servers } = this;
    const engine = new BronzeEngine({ process, servers, world, mutant: this.#mutant, memory: this.#memory });
    this.slots[slot] = engine;
    engine.run().then(
      () => this.#onEnd(slot, engine, null),
      (error: unknown) => this.#onEnd(slot, engine, error),
    );
  }

  /** The process dies; the group notices a little later, or at once. */
  killEngine(slot: number): void {
    const engine = this.slots[slot];
    if (engine === null) return;
    engine.process.kill();
    this.slots[slot] = null;
    this.scheduler.after(this.#random.pick([10, 300, 1_200]), () => this.servers.group.expel(engine.process));
  }

  send(partition: number): void {
    this.#sent += 1;
    const key = Buffer.from(`org${this.#sent % 3}`);
    this.servers.log.append(partition, { key, value: Buffer.from(String(this.#sent)) });
  }

  #onEnd(slot: number, engine: BronzeEngine, error: unknown): void {
    if (engine.process.isDead || this.#isOver) return;
    engine.process.kill();
    this.slots[slot] = null;
    this.servers.group.expel(engine.process);
    if (error !== null && isCode(error, this.#refusal)) return;
    if (error !== null) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.referee.fail('stopped', `${engine.process.name} gave up: ${text}`);
    }
    this.scheduler.after(200, () => {
      if (this.slots[slot] === null) this.startEngine(slot);
    });
  }

  /** Everything that will happen, in order of time. */
  #plan(): void {
    const { sent, faults, slots, startsAt } = this.world;
    const { log } = this.servers;
    for (const [partition, offset] of startsAt.entries()) {
      log.skip(partition, offset);
      log.trim(partition, offset);
    }
    for (let slot = 0; slot < slots; slot++) this.scheduler.after(slot * 100, () => this.startEngine(slot));
    for (const { atMs, partition } of sent) this.scheduler.after(atMs, () => this.send(partition));
    for (const fault of faults) this.scheduler.after(fault.atMs, () => strikeBronze(fault, this));
  }

  /** The faults are over; what is left must finish what all the others left behind. */
  async #settle(): Promise<void> {
    if (this.world.ending === 'topic_recreated') return await this.#recreate();
    await this.#recover();
    await this.#catchUp();
    if (this.world.ending === 'rolled_back' && !this.#isHopeless()) await this.#rollBack();
    if (this.world.ending === 'log_cut' && !this.#isHopeless()) await this.#cutLog();
  }

  async #recover(): Promise<void> {
    for (let slot = 0; slot < this.slots.length; slot++) if (this.slots[slot] === null) this.startEngine(slot);
    this.weather.isStormy = false;
    this.servers.group.rebalance();
    await this.#until(() => false, this.elapsedMs + aftermathMs);
  }

  async #catchUp(): Promise<void> {
    const { log } = this.servers;
    const ends = log.partitions.map((_, partition) => log.bounds(partition).end);
    const isDone = () => ends.every((end, partition) => this.#end(partition) >= end);
    if (!(await this.#until(isDone, this.elapsedMs + catchUpMs)) && !this.#isHopeless()) {
      const reached = ends.map((end, partition) => `${this.#end(partition)} of ${end}`);
      this.referee.fail('caught_up', `not caught up ${catchUpMs} ms after the faults: ${reached.join(', ')}`);
    }
    const { table } = this.servers.catalog;
    if (table !== null && !this.#isHopeless()) this.referee.judgeEnd(table.metadata);
  }

  /** A person sets the table back: bronze must stop and wait for a word, then fetch what is gone again. */
  async #rollBack(): Promise<void> {
    const { catalog, log } = this.servers;
    const metadata = catalog.table?.metadata;
    const older = metadata === undefined ? [] : [...ancestry(metadata)].filter((each) => this.#isBehind(each));
    if (older.length === 0) return;
    const target = this.#random.pick(older);
    this.referee.isClosed = true;
    this.#refusal = 'BRONZE_ROLLED_BACK';
    this.tools.rollBack(target);
    for (let partition = 0; partition < log.partitionCount; partition++) this.send(partition);
    const isRefused = await this.#until(() => this.slots.every((slot) => slot === null), this.elapsedMs + catchUpMs);
    if (!isRefused && !this.#isHopeless())
      this.referee.fail('refused', 'bronze goes on over a table that was set back');
    if (this.#isHopeless()) return;
    this.referee.isClosed = false;
    this.#refusal = null;
    const identity = { clusterId: 'sim', topicId: log.topicId, partitions: log.partitionCount, mode: 'live' } as const;
    const progress = { positions: this.referee.endsOf(target), epochs: new Map() };
    this.tools.setProperty(offsetsKey, encodeOffsets({ topic: log.topic, identity }, progress));
    await this.#recover();
    await this.#catchUp();
  }

  /** A partition loses its tail, and others take its offsets: its lane must stop, and the others go on. */
  async #cutLog(): Promise<void> {
    const { log } = this.servers;
    const partition = this.#random.between(0, log.partitionCount - 1);
    const { start, end } = log.bounds(partition);
    const reached = this.#end(partition);
    const at = Math.max(start, reached - this.#random.between(1, 8));
    if (at >= reached) return;
    if (this.#random.chance(0.5)) for (let slot = 0; slot < this.slots.length; slot++) this.killEngine(slot);
    this.referee.cut = partition;
    log.truncate(partition, at);
    for (let n = at; n < end + 20; n++) this.send(partition);
    for (let other = 0; other < log.partitionCount; other++) if (other !== partition) this.send(other);
    await this.#recover();
    const ends = log.partitions.map((_, each) => log.bounds(each).end);
    const isDone = () =>
      ends.every((last, each) => (each === partition ? this.#isHalted(partition) : this.#end(each) >= last));
    if (await this.#until(isDone, this.elapsedMs + catchUpMs)) return;
    if (!this.#isHopeless())
      this.referee.fail('cut', `nobody says that partition ${partition} was cut at ${at}, or another waits for it`);
  }

  #isHalted(partition: number): boolean {
    return this.slots.some((engine) => engine?.isHalted(partition) === true);
  }

  #isBehind(snapshot: Snapshot): boolean {
    const ends = this.referee.endsOf(snapshot);
    return this.servers.log.partitions.some((_, partition) => (ends.get(partition) ?? 0) < this.#end(partition));
  }

  /** Under a new topic the table's offsets mean nothing: whoever starts must refuse it, and touch nothing. */
  async #recreate(): Promise<void> {
    // Again, when one that had left by itself came back meanwhile.
    do {
      for (let slot = 0; slot < this.slots.length; slot++) this.killEngine(slot);
      await this.#until(() => false, this.elapsedMs + aftermathMs);
    } while (this.slots.some((slot) => slot !== null));
    const { catalog, log } = this.servers;
    const isWritten = catalog.table !== null && currentSnapshot(catalog.table.metadata) !== null;
    if (this.#isHopeless() || !isWritten) return;
    this.weather.isStormy = false;
    this.referee.isClosed = true;
    this.#refusal = 'GENERATION_MISMATCH';
    log.recreate('topic 2');
    for (let slot = 0; slot < this.slots.length; slot++) this.startEngine(slot);
    const isRefused = await this.#until(() => this.slots.every((slot) => slot === null), this.elapsedMs + catchUpMs);
    if (!isRefused && !this.#isHopeless()) this.referee.fail('refused', 'bronze reads a topic that was made anew');
  }

  #end(partition: number): number {
    const { table } = this.servers.catalog;
    return table === null ? 0 : this.referee.end(table.metadata, partition);
  }

  #isHopeless(): boolean {
    return this.referee.violations.length > 0;
  }

  /** Until `isDone`, a violation, or so much time of the world. */
  async #until(isDone: () => boolean, elapsedMs: number): Promise<boolean> {
    await this.scheduler.runUntil(() => isDone() || this.#isHopeless(), this.#beganMs + elapsedMs);
    return isDone();
  }
}

function isCode(error: unknown, code: string | null): boolean {
  return error instanceof EngineError && error.code === code;
}
