import { createDecoder } from '../../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../../src/decoders/event-schemas.ts';
import { EngineError, isWorthRetrying } from '../../../src/model/errors.ts';
import { alertEvents, deadLetters, type Table, tables } from '../../../src/rows/tables.ts';
import type { LaneProgramFactory } from '../../../src/runtime/lane-program.ts';
import { createRunner, type Runner } from '../../../src/runtime/runner.ts';
import { defaultRunnerSettings } from '../../../src/runtime/runner-options.ts';
import { createClickHouseSink } from '../../../src/sinks/clickhouse/clickhouse-sink.ts';
import { RecordLogSink } from '../../../src/sinks/records/record-log-sink.ts';
import type { Sink } from '../../../src/sinks/sink.ts';
import { admitGeneration } from '../../../src/state/stream-generation.ts';
import { CampaignLane } from '../../../src/topology/campaign-topology.ts';
import type { Mutant, MutantContext } from '../mutants/mutant.ts';
import type { SimulatedGroup } from '../simulated-group.ts';
import { type SimulatedLog, SimulatedSource } from '../simulated-log.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import { SimulatedStore, type StoreServer } from '../simulated-store.ts';
import { connectTopic, type SimulatedTopic } from '../simulated-topic.ts';
import { connectWarehouse, type SimulatedWarehouse } from '../simulated-warehouse.ts';
import type { ProgramBugs } from './bugs.ts';
import { universeLimits } from './shares.ts';
import type { Universe } from './universe.ts';

/** The servers that outlive every engine. */
export interface Servers {
  readonly log: SimulatedLog;
  readonly store: StoreServer;
  readonly warehouse: SimulatedWarehouse;
  readonly alertTopic: SimulatedTopic;
  readonly letterTopic: SimulatedTopic;
  readonly bugs: ProgramBugs;
  readonly group: SimulatedGroup;
}

export interface EngineOptions {
  readonly process: SimulatedProcess;
  readonly servers: Servers;
  readonly settings: Universe['settings'];
  readonly planKey: string | null;
  readonly mutant: Mutant | null;
  readonly memory: Map<string, unknown>;
  /** The engine gave up: no waiting heals what it met. */
  readonly onStopped: (error: unknown) => void;
}

export const tickValue = Buffer.from('{"type":"tick"}');

/** One engine process: every part is the real one, every port simulated. */
export class Engine {
  readonly process: SimulatedProcess;
  runner: Runner | null = null;
  readonly #options: EngineOptions;

  constructor(options: EngineOptions) {
    this.process = options.process;
    this.#options = options;
  }

  /** Starts, and goes on until killed. */
  start(): void {
    this.#open()
      .then((runner) => runner.start())
      .catch((error: unknown) => this.#options.onStopped(error));
  }

  /** Runs to the end of the log. */
  async untilEnd(): Promise<void> {
    const runner = await this.#open();
    await runner.untilEnd();
  }

  async #open(): Promise<Runner> {
    const { process, servers, mutant, memory, planKey } = this.#options;
    const context: MutantContext = { process, log: servers.log, memory };
    const store = new SimulatedStore(servers.store, process);
    const source = new SimulatedSource(servers.log, process, { mindsEpochs: mutant?.ignoresEpochs !== true });
    const generation = await this.#admit(source, store);
    const makeLane: LaneProgramFactory = (lane) => new VerifiedLane({ ...lane, planKey }, servers.bugs);
    this.runner = createRunner({
      source: mutant?.source?.(source, context) ?? source,
      assignment: mutant?.assignment?.(servers.group.join(process), context) ?? servers.group.join(process),
      decoder: this.#decoder(context),
      store: mutant?.store?.(store, context) ?? store,
      sinks: this.#sinks(context),
      programFactory: mutant?.program?.(makeLane, context) ?? makeLane,
      clock: process.clock,
      entropy: { token: () => `${process.name}/${process.random.between(0, 1e12)}` },
      settings: { ...defaultRunnerSettings, ...this.#options.settings, generation, tickValue },
      onError: (error) => this.#options.onStopped(error),
      yieldTurn: () => Promise.resolve(),
    });
    return this.runner;
  }

  /** As a supervisor would start us again while the store or the log cannot be reached. */
  async #admit(source: SimulatedSource, store: SimulatedStore): Promise<number> {
    for (;;) {
      try {
        const identity = await source.identity();
        if (this.#options.mutant?.admitsAnyStream) return 1;
        return await admitGeneration(store, source.topic, identity);
      } catch (error) {
        if (!isWorthRetrying(error)) throw error;
        await this.process.clock.sleep(250);
      }
    }
  }

  #decoder(context: MutantContext) {
    const decoder = createDecoder(new EmbeddedRegistry());
    return context && (this.#options.mutant?.decoder?.(decoder, context) ?? decoder);
  }

  #sinks(context: MutantContext): Sink[] {
    const { process, servers, mutant } = this.#options;
    const topic = (name: string, of: SimulatedTopic, table: Table, rawColumns: string[]) => {
      const log = connectTopic(of, process);
      return new RecordLogSink({ name, table, log: mutant?.topic?.(log, context) ?? log, rawColumns });
    };
    const clickhouse = createClickHouseSink({
      url: '',
      password: '',
      buckets: 1,
      clock: process.clock,
      port: connectWarehouse(servers.warehouse, process, tables),
    });
    const sinks: Sink[] = [
      clickhouse,
      topic('alert-records', servers.alertTopic, alertEvents, []),
      topic('dead-letter-records', servers.letterTopic, deadLetters, ['key', 'raw']),
    ];
    return sinks.map((sink) => mutant?.sink?.(sink, context) ?? sink);
  }
}

/** True for the one answer that a topic made anew may get. */
export function isRefusal(error: unknown): boolean {
  return error instanceof EngineError && error.code === 'GENERATION_MISMATCH';
}

/** Name of the process that made this owner token. */
export function makerOf(token: string): string {
  return token.slice(0, token.indexOf('/'));
}

/** A lane that looks at all that it has at hand after every batch. */
class VerifiedLane extends CampaignLane {
  constructor(lane: ConstructorParameters<typeof CampaignLane>[0], bugs: ProgramBugs) {
    super(lane, universeLimits);
    const [flights] = this.topology.operators.filter(({ name }) => name === 'flights');
    const { onSegment } = flights;
    // Days are booked by then, flights are not.
    flights.onSegment = (segment) => {
      bugs.throwOver(segment);
      onSegment?.call(flights, segment);
    };
  }

  override apply(...[batch, raw]: Parameters<CampaignLane['apply']>): void {
    super.apply(batch, raw);
    this.verify(batch);
  }
}
