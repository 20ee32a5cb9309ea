import { decodeChunk } from '../../../src/runtime/outbox.ts';
import type { Sink } from '../../../src/sinks/sink.ts';
import type { LaneAssignment } from '../../../src/sources/source.ts';
import type { LaneCommit, StateStore } from '../../../src/state/state-store.ts';
import type { Mutant, MutantContext } from './mutant.ts';

/** What an engine could get wrong when a lane is taken from it. */
export const releaseMutants: readonly Mutant[] = [
  {
    name: 'emit_after_release',
    bug: 'a commit in flight when its lane is let go still sends its output, ahead of what was dropped with the lane',
    assignment: (assignment, context) => countReleases(assignment, engineOf(context)),
    sink: (sink, context) => {
      const turns = new Turns(sink, context);
      engineOf(context).sinks.push(turns);
      return turns;
    },
    store: (store, context) => emitting(store, engineOf(context)),
  },
];

/** What the mutant knows of one engine. */
interface MutatedEngine {
  readonly sinks: Turns[];
  owned: readonly number[];
  /** How often each lane was let go. */
  readonly releases: Map<number, number>;
}

const engines = new WeakMap<MutantContext, MutatedEngine>();

function engineOf(context: MutantContext): MutatedEngine {
  const engine = engines.get(context) ?? { sinks: [], owned: [], releases: new Map() };
  engines.set(context, engine);
  return engine;
}

function countReleases(assignment: LaneAssignment, engine: MutatedEngine): LaneAssignment {
  return {
    start: (listener) =>
      assignment.start({
        ...listener,
        assigned(partitions) {
          const lost = engine.owned.filter((partition) => !partitions.includes(partition));
          for (const partition of lost) engine.releases.set(partition, releasesOf(engine, partition) + 1);
          engine.owned = partitions;
          listener.assigned(partitions);
        },
      }),
    stop: () => assignment.stop(),
  };
}

function emitting(store: StateStore, engine: MutatedEngine): StateStore {
  const lanesOf = (round: readonly LaneCommit[]) =>
    round.map(({ lane }) => Number(lane.slice(lane.lastIndexOf(':') + 1)));
  return {
    readGeneration: (topic) => store.readGeneration(topic),
    writeGeneration: (...args) => store.writeGeneration(...args),
    claim: (...args) => store.claim(...args),
    async commit(round) {
      const lanes = lanesOf(round);
      const before = lanes.map((lane) => releasesOf(engine, lane));
      const outcomes = await store.commit(round);
      for (const [i, commit] of round.entries()) {
        const isApplied = outcomes[i] === 'OK' || outcomes[i] === 'DUP';
        if (isApplied && releasesOf(engine, lanes[i]) > before[i]) for (const sink of engine.sinks) sink.emit(commit);
      }
      return outcomes;
    },
    check: (...args) => store.check(...args),
    trim: (...args) => store.trim(...args),
    standing: (lane) => store.standing(lane),
    close: () => store.close(),
  };
}

function releasesOf(engine: MutatedEngine, partition: number): number {
  return engine.releases.get(partition) ?? 0;
}

/** A sink that also takes what the mutant emits, one call at a time like its queue. */
class Turns implements Sink {
  readonly #sink: Sink;
  readonly #context: MutantContext;
  #last: Promise<void> = Promise.resolve();

  constructor(sink: Sink, context: MutantContext) {
    this.#sink = sink;
    this.#context = context;
  }

  get name(): string {
    return this.#sink.name;
  }
  get streams(): readonly string[] {
    return this.#sink.streams;
  }

  deliver(chunks: Parameters<Sink['deliver']>[0]): Promise<void> {
    const turn = this.#last.then(() => this.#sink.deliver(chunks));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  emit({ lane, seq, outbox }: LaneCommit): void {
    if (outbox === null) return;
    const streams = decodeChunk(outbox).filter(({ stream }) => this.streams.includes(stream));
    if (streams.length > 0) void this.#tryOften([{ lane, seq, streams }]);
  }

  laneClaimed(lane: string): void {
    this.#sink.laneClaimed?.(lane);
  }
  check(): Promise<void> {
    return this.#sink.check();
  }
  close(): Promise<void> {
    return this.#sink.close();
  }

  async #tryOften(chunks: Parameters<Sink['deliver']>[0]): Promise<void> {
    for (let attempt = 1; attempt <= 4; attempt++) {
      try {
        return await this.deliver(chunks);
      } catch {
        await this.#context.process.clock.sleep(100 * attempt);
      }
    }
  }
}
