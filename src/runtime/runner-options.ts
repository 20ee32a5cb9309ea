import type { Decoder } from '../decoders/decoder.ts';
import { limits } from '../model/limits.ts';
import type { Clock } from '../model/time.ts';
import type { Sink } from '../sinks/sink.ts';
import type { LaneAssignment, Source } from '../sources/source.ts';
import type { LaneStore } from '../state/state-store.ts';
import type { LaneProgramFactory } from './lane-program.ts';
import type { RunnerLaneStatus } from './lane-runner.ts';
import { type DispatchSettings, defaultDispatchSettings, type SinkStatus } from './sink-queue.ts';

/** Where owner tokens come from: random, never the same twice, in no process. */
interface Entropy {
  token(): string;
}

export interface RunnerSettings {
  /** Generation of the stream, 1..32767: the high part of every version. */
  readonly generation: number;
  /** Value of a tick record; null = this reader appends nothing. */
  readonly tickValue: Uint8Array | null;
  readonly tickIntervalMs: number;
  readonly commitIntervalMs: number;
  /** Commit interval of a lane that is more than a poll behind the log's end. */
  readonly catchUpIntervalMs: number;
  /** A pending alert commits at once, but not closer than this to the last commit. */
  readonly alertCommitSpacingMs: number;
  readonly commitBytesMax: number;
  /** See CommitScheduleSettings. */
  readonly commitsTogether: boolean;
  readonly pollRecordsMax: number;
  readonly pollBytesMax: number;
  readonly undeliveredBytesMax: number;
  /** How much longer than the group takes to miss a member a run to the end waits for lanes that nobody moves. */
  readonly othersPatienceMs: number;
  /** How often an idle lane asks whether it is still ours. */
  readonly idleCheckMs: number;
  readonly dispatch: DispatchSettings;
}

export const defaultRunnerSettings: Omit<RunnerSettings, 'generation' | 'tickValue'> = {
  tickIntervalMs: limits.tickIntervalMs,
  commitIntervalMs: limits.commitIntervalMs,
  catchUpIntervalMs: limits.catchUpIntervalMs,
  alertCommitSpacingMs: limits.alertCommitSpacingMs,
  commitBytesMax: limits.commitBytesMax,
  commitsTogether: false,
  pollRecordsMax: limits.batchRecordsMax,
  pollBytesMax: limits.batchBytesMax,
  undeliveredBytesMax: limits.undeliveredBytesMax,
  othersPatienceMs: 20_000,
  idleCheckMs: 5_000,
  dispatch: defaultDispatchSettings,
};

export interface RunnerOptions {
  readonly source: Source;
  /** Says which lanes are ours; the others have other owners. */
  readonly assignment: LaneAssignment;
  readonly decoder: Decoder;
  readonly store: LaneStore;
  readonly sinks: readonly Sink[];
  readonly programFactory: LaneProgramFactory;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: RunnerSettings;
  /** Trouble that a person must see. `isFatal`: the runner has stopped; else one sink has. */
  readonly onError: (error: unknown, isFatal: boolean) => void;
  /** Lets the rest of the thread (HTTP, timers) have a turn between two batches. */
  readonly yieldTurn?: () => Promise<void>;
}

export interface RunnerStatus {
  readonly lanes: readonly RunnerLaneStatus[];
  readonly sinks: readonly SinkStatus[];
  readonly undeliveredBytes: number;
  readonly failure: string | null;
}
