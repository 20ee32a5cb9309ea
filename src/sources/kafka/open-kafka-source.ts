import type { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import type { LaneAssignment, Source } from '../source.ts';
import { KafkaConnection, type KafkaConnectionOptions } from './connection.ts';
import { GroupMembership } from './group-membership.ts';
import { KafkaSource } from './kafka-source.ts';
import { StallWatchdog } from './stall-watchdog.ts';
import { requireTimestampType } from './topics.ts';

interface OpenKafkaOptions extends KafkaConnectionOptions {
  readonly topic: string;
  /** live: the broker stamps records; replayed: they carry their original log time. */
  readonly mode: 'live' | 'replayed';
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  readonly clock: Clock;
  /** What becomes of a batch that nobody can read. */
  readonly onDamagedBatch: 'report' | 'stop';
  /** Trouble that passes by itself. */
  readonly onTrouble?: (error: EngineError) => void;
}

export interface OpenedKafka {
  readonly source: Source;
  readonly assignment: LaneAssignment;
  /** What the group was last told of a partition, null when nothing: a hint that our state once got that far. */
  advisoryOffset(partition: number): Promise<number | null>;
  close(): Promise<void>;
}

/**
 * Opens a topic for reading, and our seat in its consumer group, not yet taken. Throws SOURCE_REFUSED
 * when the credentials, the topic or its timestamps are not right, and SOURCE_UNAVAILABLE while the
 * brokers are away.
 */
export async function openKafkaSource(options: OpenKafkaOptions): Promise<OpenedKafka> {
  const { topic, mode, groupId, sessionTimeoutMs, clock, onDamagedBatch, onTrouble } = options;
  const connection = new KafkaConnection(options);
  const source = new KafkaSource(connection, { topic, mode, clock, onDamagedBatch });
  const assignment = new GroupMembership(connection, {
    topic,
    groupId,
    sessionTimeoutMs,
    partitions: async () => (await source.identity()).partitions,
    ...(onTrouble === undefined ? {} : { onTrouble }),
  });
  source.onCommitted = (partition, nextOffset) => assignment.adviseCommitted(partition, nextOffset);
  const watching = new AbortController();
  const close = async () => {
    watching.abort();
    await source.close();
    await connection.close();
  };
  try {
    await source.identity();
    await requireTimestampType(connection, topic, mode);
  } catch (error) {
    await close();
    throw error;
  }
  const watchdog = new StallWatchdog({
    clock,
    lanes: () => source.lanes(),
    stableEnd: (partition) => source.stableEnd(partition),
    reseek: (partition) => source.reseek(partition),
    rejoin: () => assignment.rejoin(),
  });
  watchdog.run(watching.signal).catch((error: unknown) => source.fail(error));
  return { source, assignment, advisoryOffset: (partition) => assignment.advisoryOffset(partition), close };
}
