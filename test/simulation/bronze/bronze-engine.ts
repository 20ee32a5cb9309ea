import type { Decoder } from '../../../src/decoders/decoder.ts';
import { kind } from '../../../src/events/kinds.ts';
import type { CatalogTable } from '../../../src/lakehouse/catalog/catalog.ts';
import { BronzeTable } from '../../../src/lakehouse/layers/bronze/bronze-table.ts';
import type { IdSource } from '../../../src/lakehouse/storage/id-source.ts';
import { EngineError } from '../../../src/model/errors.ts';
import type { EventTimeMs } from '../../../src/model/time.ts';
import { createRunner, type Runner } from '../../../src/runtime/runner.ts';
import { defaultRunnerSettings } from '../../../src/runtime/runner-options.ts';
import { TableStore } from '../../../src/runtime/table-store.ts';
import { BronzeLane } from '../../../src/topology/bronze-topology.ts';
import type { SimulatedGroup } from '../simulated-group.ts';
import { type SimulatedLog, SimulatedSource } from '../simulated-log.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import type { BronzeMutant, BronzeMutantContext } from './bronze-mutant.ts';
import type { BronzeWorld } from './bronze-world.ts';
import { rowFileEncoder } from './row-files.ts';
import { type CatalogServer, connectCatalog } from './simulated-catalog.ts';
import { connectObjects, type ObjectServer } from './simulated-objects.ts';

/** The servers that outlive every engine. */
export interface BronzeServers {
  readonly log: SimulatedLog;
  readonly catalog: CatalogServer;
  readonly objects: ObjectServer;
  readonly group: SimulatedGroup;
}

export interface BronzeEngineOptions {
  readonly process: SimulatedProcess;
  readonly servers: BronzeServers;
  readonly world: BronzeWorld;
  readonly mutant: BronzeMutant | null;
  /** Outlives processes: what a mutant keeps outside of the table. */
  readonly memory: Map<string, unknown>;
}

export const tableLocation = 'sim://lake/bronze/events';

/** One engine process: runner, program and table are the real ones, every port is simulated. */
export class BronzeEngine {
  readonly process: SimulatedProcess;
  /** Called when the table is looked at the next time. */
  beforeLoad: (() => void) | null = null;
  /** Called when the next commit is on its way. */
  afterCommit: (() => void) | null = null;
  readonly #options: BronzeEngineOptions;
  #runner: Runner | null = null;
  #onStop: () => void = () => undefined;

  constructor(options: BronzeEngineOptions) {
    this.process = options.process;
    this.#options = options;
  }

  /** Ends well after `stop`, and with what no waiting heals. */
  async run(): Promise<void> {
    const { process, servers, world, mutant, memory } = this.#options;
    const context: BronzeMutantContext = { process, memory, own: new Map() };
    const source = new QuietSource(servers.log, process);
    const io = connectObjects(servers.objects, process);
    const catalog = this.#watched(connectCatalog(servers.catalog, process));
    const identity = await retrying(process, () => source.identity());
    const table = new BronzeTable({
      catalog: mutant?.catalog?.(catalog, context, servers) ?? catalog,
      io: mutant?.io?.(io, context) ?? io,
      ids: makeIds(process),
      encoder: mutant?.encoder?.(rowFileEncoder, context) ?? rowFileEncoder,
      topic: source.topic,
      identity,
      location: tableLocation,
      nowMs: () => process.clock.wallMs(),
      pause: (attempt) => process.clock.sleep(10 * attempt),
      properties: world.properties,
    });
    const { commitIntervalMs, commitBytes, commitRecords } = world.settings;
    const ended = Promise.withResolvers<void>();
    let tokens = 0;
    const lanes = new TableStore(mutant?.store?.(table, context) ?? table);
    this.#runner = createRunner({
      source: mutant?.source?.(source, context) ?? source,
      assignment: servers.group.join(process),
      decoder: makeDecoder(process),
      store: mutant?.lanes?.(lanes, context) ?? lanes,
      sinks: [],
      programFactory: () => new BronzeLane({ commitBytes, commitRecords }),
      clock: process.clock,
      entropy: { token: () => `${process.name} ${++tokens}` },
      settings: {
        ...defaultRunnerSettings,
        generation: 0,
        tickValue: null,
        commitIntervalMs,
        catchUpIntervalMs: commitIntervalMs,
        commitBytesMax: commitBytes,
        commitsTogether: true,
        pollRecordsMax: Math.min(defaultRunnerSettings.pollRecordsMax, commitRecords),
      },
      onError: (error) => ended.reject(error),
    });
    this.#onStop = ended.resolve;
    this.#runner.start().catch(ended.reject);
    try {
      await ended.promise;
    } finally {
      await this.#runner.stop();
    }
  }

  isHalted(partition: number): boolean {
    const lanes = this.#runner?.status().lanes ?? [];
    return lanes.some((lane) => lane.partition === partition && lane.pausedReason === 'halted');
  }

  stop(): void {
    this.#onStop();
  }

  #watched(catalog: CatalogTable): CatalogTable {
    return {
      ...catalog,
      load: () => {
        this.beforeLoad?.();
        this.beforeLoad = null;
        return catalog.load();
      },
      commit: (...args) => {
        const answer = catalog.commit(...args);
        this.afterCommit?.();
        this.afterCommit = null;
        return answer;
      },
    };
  }
}

/** Names and ids that only this process gives. */
function makeIds(process: SimulatedProcess): IdSource {
  let names = 0;
  return {
    uuid: () => `${process.name.replaceAll(' ', '-')}-${++names}`,
    snapshotId: () => (1n << 62n) + BigInt(process.random.between(0, 2 ** 50)),
    sync: () => new Uint8Array(16).fill(7),
  };
}

/** Every seventh value is broken, every eleventh belongs to another day; the schema is learned once. */
function makeDecoder(process: SimulatedProcess): Decoder {
  let isLearned = false;
  return {
    decode(run, batch) {
      if (!isLearned) return 5;
      batch.reset(run.count);
      for (let row = 0; row < run.count; row++) {
        const key = Buffer.from(run.bytes.subarray(run.keyStarts[row], run.keyEnds[row])).toString();
        const number = Number(Buffer.from(run.bytes.subarray(run.valueStarts[row], run.valueEnds[row])).toString());
        batch.kinds[row] = number % 7 === 0 ? kind.rejected : kind.spend;
        batch.orgs[row] = batch.dictionaries.orgs.internText(key);
        batch.keyOrgs[row] = batch.orgs[row];
        batch.eventTimes[row] = (run.logTimes[row] - (number % 11 === 0 ? 86_400_000 : 0)) as EventTimeMs;
        batch.schemaIds[row] = 5;
      }
      return -1;
    },
    async learn() {
      const lost = () => new EngineError('REGISTRY_UNAVAILABLE', 'simulated: no answer from the registry');
      await process.call(() => undefined, lost);
      isLearned = true;
    },
  };
}

/** As the contract has it: a wait that is cut short ends well. */
class QuietSource extends SimulatedSource {
  override async waitForRecords(partitions: readonly number[], ms: number, signal?: AbortSignal): Promise<void> {
    try {
      await super.waitForRecords(partitions, ms, signal);
    } catch (error) {
      if (!signal?.aborted) throw error;
    }
  }
}

async function retrying<T>(process: SimulatedProcess, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      await process.clock.sleep(250);
    }
  }
}
