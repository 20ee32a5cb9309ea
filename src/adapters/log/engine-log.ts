import type { Logger } from '../../control/logs/logger.ts';
import type { CheckResult } from '../../model/finding.ts';
import type { StreamIdentity } from '../../model/lane.ts';
import type { Clock } from '../../model/time.ts';
import type { PlanLog } from '../../plans/apply-plans.ts';
import type { RecordAppender } from '../../simulator/produce-records.ts';
import type { RecordLog } from '../../sinks/records/record-log-sink.ts';
import type { LaneAssignment, Source } from '../../sources/source.ts';
import type { DataDirectory } from '../../state/sqlite/data-directory.ts';
import type { EncodeResult, EventCodec } from './event-codec.ts';

/** The log of events as the engine needs it, whoever keeps it: the data directory, or Kafka. */
export interface EngineLog {
  /** For messages. */
  readonly name: string;
  readonly source: Source;
  readonly assignment: LaneAssignment;
  readonly identity: StreamIdentity;
  readonly codec: EventCodec;
  /** Takes records of this process into its lanes; null where others own the log, and producers of their own. */
  readonly appender: RecordAppender | null;
  /** How results are written there; null = as JSON. */
  readonly encodeResult: EncodeResult | null;
  /** A topic of results beside it; closed with the log. */
  openResults(topic: string): Promise<RecordLog>;
  /** Its plans, read and appended beside the lanes. */
  readonly plans: PlanLog;
  /** Did this lane ever commit, as far as somebody beside the state store remembers? */
  hasHistory(lane: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Where the log is kept, and what each of us does with it there. */
export interface LogPlace {
  /** For maps. */
  readonly title: string;
  /** Whom an engine waits for before it can open the log; null = it is there or it is a mistake. */
  readonly servers: string | null;
  /** Others than the engines of this configuration may write to it and read it. */
  readonly isShared: boolean;
  /** For the lanes of an engine. */
  openForEngine(
    directory: DataDirectory,
    context: LogContext & { readonly isNewGeneration: boolean },
  ): Promise<EngineLog>;
  /** Once more, read beside the engine at a pace of its own; `log` says what cannot be read yet. */
  openForReading(context: LogContext): Promise<ReadLog>;
  /** For its plans alone; in a data directory only while no engine runs on it. */
  openForPlans(context: LogContext): Promise<PlannedLog>;
  /** For a producer of many records; in a data directory through the engine that runs on it. */
  openForProducer(context: LogContext): Promise<ProducedLog>;
  /** What `doctor` finds; null = there is no server to ask. */
  readonly inspect: ((context: LogContext) => Promise<CheckResult[]>) | null;
  /** Makes what is missing, and says so in a line each; null = nothing ever is. */
  readonly migrate: ((options: MakeLogOptions) => Promise<string[]>) | null;
}

export interface LogContext {
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MakeLogOptions extends LogContext {
  readonly replicationFactor: number;
  readonly isDryRun: boolean;
}

export interface ReadLog {
  readonly source: Source;
  readonly assignment: LaneAssignment;
  readonly codec: EventCodec;
  close(): Promise<void>;
}

export interface PlannedLog {
  readonly topic: string;
  readonly identity: StreamIdentity;
  readonly plans: PlanLog;
  close(): Promise<void>;
}

export interface ProducedLog {
  readonly target: RecordAppender;
  readonly mode: 'live' | 'replayed';
  /** Changes values of a recorded log in place, on their way here; null = they stay as they are. */
  openReframing(): Promise<((value: Uint8Array) => void) | null>;
  close(): Promise<void>;
}
