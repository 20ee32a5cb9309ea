import type { StreamIdentity } from '../model/lane.ts';
import type { PlanLog } from '../plans/apply-plans.ts';
import type { RecordLog } from '../sinks/records/record-log-sink.ts';
import type { RecordedLog } from '../sources/recorded/recorded-log.ts';
import type { LaneAssignment, Source } from '../sources/source.ts';
import type { EventCodec } from './event-codec.ts';

/** The log of events as the engine needs it, whoever keeps it: the data directory, or Kafka. */
export interface EngineLog {
  /** For messages. */
  readonly name: string;
  readonly source: Source;
  readonly assignment: LaneAssignment;
  readonly identity: StreamIdentity;
  readonly codec: EventCodec;
  /** The log in the data directory, which simulated worlds are played into; null with Kafka. */
  readonly recorded: RecordedLog | null;
  /** A topic of results beside it; closed with the log. */
  openResults(topic: string): Promise<RecordLog>;
  /** Its plans, read and appended beside the lanes. */
  readonly plans: PlanLog;
  /** Did this lane ever commit, as far as somebody beside the state store remembers? */
  hasHistory(lane: string): Promise<boolean>;
  close(): Promise<void>;
}
