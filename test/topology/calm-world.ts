import type { Decoder } from '../../src/decoders/decoder.ts';
import type { WallTimeMs } from '../../src/model/time.ts';
import { allLanes } from '../../src/runtime/fixed-assignment.ts';
import { createRunner, type Runner } from '../../src/runtime/runner.ts';
import { defaultRunnerSettings, type RunnerSettings } from '../../src/runtime/runner-options.ts';
import type { OutputChunk, Sink } from '../../src/sinks/sink.ts';
import type { LaneAssignment } from '../../src/sources/source.ts';
import { makeToyProgram } from '../runtime/toy-program.ts';
import { Random } from '../simulation/random.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimulatedLog, SimulatedSource } from '../simulation/simulated-log.ts';
import { SimulatedProcess } from '../simulation/simulated-process.ts';
import { SimulatedStore, StoreServer } from '../simulation/simulated-store.ts';
import type { ProgramUnderTest } from './program-under-test.ts';

/** A sink that a test steers. */
export class SteeredSink implements Sink {
  readonly name: string;
  readonly streams: readonly string[];
  readonly calls: (readonly OutputChunk[])[] = [];
  gathersOldRows = false;
  /** Thrown by the next deliveries while set. */
  trouble: Error | null = null;
  attempts = 0;

  constructor(name: string, streams: readonly string[]) {
    this.name = name;
    this.streams = streams;
  }
  get rows(): number {
    return this.calls.flat().reduce((sum, { streams }) => sum + streams.reduce((rows, s) => rows + s.rows, 0), 0);
  }
  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    this.attempts += 1;
    if (this.trouble !== null) throw this.trouble;
    this.calls.push(chunks);
  }
  async check(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A world without faults, in virtual time: what a test does not break works. */
export class CalmWorld {
  readonly scheduler = new Scheduler(new Random(1));
  readonly program: ProgramUnderTest;
  readonly log: SimulatedLog;
  readonly commits: { lane: string; seq: number; atMs: number }[] = [];
  readonly server = new StoreServer((lane, _, { seq }) => {
    this.commits.push({ lane, seq, atMs: this.scheduler.nowMs });
  });
  readonly tables: SteeredSink;
  readonly alerts: SteeredSink;
  readonly errors: { error: unknown; isFatal: boolean }[] = [];
  readonly process = new SimulatedProcess('engine', this.scheduler, new Random(2), { isStormy: false });
  /** What the log was told of our commits, by partition. */
  readonly advised = new Map<number, number>();
  /** Lanes that the store could bring back. */
  readonly recoverable = new Set(['simulated:0', 'simulated:1']);
  decoder: Decoder;
  #tokens = 0;
  readonly #random = new Random(3);
  /** How far the engine's wall clock was set back. */
  wallBackMs = 0;

  /** Log time is virtual time, later by `beginsAt`. */
  constructor(program: ProgramUnderTest = makeToyProgram(), beginsAt = 0) {
    this.program = program;
    this.log = new SimulatedLog(2, () => beginsAt + this.scheduler.nowMs);
    const [tables, alerts] = program.sinks.map(({ name, streams }) => new SteeredSink(name, streams));
    this.tables = tables;
    this.alerts = alerts;
    this.decoder = program.makeDecoder();
  }

  runner(settings: Partial<RunnerSettings> = {}, assignment: LaneAssignment = allLanes(2)): Runner {
    return createRunner({
      source: Object.assign(new SimulatedSource(this.log, this.process), {
        adviseCommitted: (partition: number, nextOffset: number) => this.advised.set(partition, nextOffset),
      }),
      assignment,
      decoder: this.decoder,
      store: Object.assign(new SimulatedStore(this.server, this.process), {
        isRecoverable: (lane: string) => this.recoverable.has(lane),
      }),
      sinks: [this.tables, this.alerts],
      programFactory: this.program.makeProgram,
      clock: { ...this.process.clock, wallMs: () => (this.process.clock.wallMs() - this.wallBackMs) as WallTimeMs },
      entropy: { token: () => `token ${++this.#tokens}` },
      settings: {
        ...defaultRunnerSettings,
        generation: 1,
        tickValue: this.program.tickValue,
        ...settings,
      },
      onError: (error, isFatal) => this.errors.push({ error, isFatal }),
    });
  }

  produce(partition: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const record = this.program.makeRecord(this.#random, partition);
      this.log.append(partition, record);
    }
  }

  async pass(ms: number): Promise<void> {
    await this.scheduler.runUntil(() => false, this.scheduler.nowMs + ms);
  }

  /** Virtual time runs until `promise` settles, a minute at most. */
  async settle<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const mark = () => {
      isSettled = true;
    };
    promise.then(mark, mark);
    await this.scheduler.runUntil(() => isSettled, this.scheduler.nowMs + 60_000);
    if (!isSettled) throw new Error('not settled within a minute of virtual time');
    return promise;
  }
}
