import type { Decoder } from '../../../src/decoders/decoder.ts';
import type { LaneProgramFactory } from '../../../src/runtime/lane-program.ts';
import type { RecordLog } from '../../../src/sinks/records/record-log-sink.ts';
import type { Sink } from '../../../src/sinks/sink.ts';
import type { LaneAssignment, Source } from '../../../src/sources/source.ts';
import type { StateStore } from '../../../src/state/state-store.ts';
import type { SimulatedLog } from '../simulated-log.ts';
import type { SimulatedProcess } from '../simulated-process.ts';
import type { StoreRules } from '../simulated-store.ts';

/** What a mutated part may see. */
export interface MutantContext {
  readonly process: SimulatedProcess;
  readonly log: SimulatedLog;
  /** Outlives processes: what a mutant keeps outside of the state. */
  readonly memory: Map<string, unknown>;
}

/**
 * One planted bug. It shows in the ports, or around a part, as it would if the engine had it; nothing in
 * src/ knows of it. A harness that lets one pass proves nothing.
 */
export interface Mutant {
  readonly name: string;
  /** What the engine would do wrong. */
  readonly bug: string;
  /** A test that meets it at every step, where universes meet it too seldom to pin one. */
  readonly shownBy?: string;
  readonly rules?: Partial<StoreRules>;
  /** The store comes back empty after a loss, and the engine takes that for a first start. */
  readonly startsEmpty?: boolean;
  /** The generation of the stream is taken for granted. */
  readonly admitsAnyStream?: boolean;
  /** What was read is not compared with the log: a cut is not noticed. */
  readonly ignoresEpochs?: boolean;
  readonly source?: (source: Source, context: MutantContext) => Source;
  readonly store?: (store: StateStore, context: MutantContext) => StateStore;
  readonly sink?: (sink: Sink, context: MutantContext) => Sink;
  readonly decoder?: (decoder: Decoder, context: MutantContext) => Decoder;
  readonly program?: (factory: LaneProgramFactory, context: MutantContext) => LaneProgramFactory;
  readonly assignment?: (assignment: LaneAssignment, context: MutantContext) => LaneAssignment;
  readonly topic?: (topic: RecordLog, context: MutantContext) => RecordLog;
}
