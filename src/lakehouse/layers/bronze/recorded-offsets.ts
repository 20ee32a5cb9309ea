import { EngineError } from '../../../model/errors.ts';
import type { StreamIdentity } from '../../../model/lane.ts';
import { ancestry, currentSnapshot, type TableMetadata } from '../../format/table-metadata.ts';

/** Key of the snapshot summary and of the table property; both change in the commit that adds the files. */
export const offsetsKey = 'paceline.offsets';

/** 2 = with epochs. Before it nothing said a format; such offsets are read, and become 2 with the next commit. */
const presentFormat = 2;

interface RecordedOffsets {
  readonly format?: number;
  readonly cluster_id: string;
  readonly topic_id: string;
  readonly topic: string;
  /** First offset not yet in the table, by partition. */
  readonly next: Readonly<Record<string, number>>;
  /**
   * `EPOCH@OFFSET` by partition: the leader that appended the record before that offset. It says something of
   * `next` where both name the same offset: a person may have corrected one alone. Absent where no leader is
   * known, and where a paceline wrote it that kept none.
   */
  readonly epochs?: Readonly<Record<string, string>>;
  /** Generation of the stream; absent where a paceline wrote it that did not say it. */
  readonly generation?: number;
  /** Sequence number of the snapshot that came with it; absent where a person or an older paceline wrote it. */
  readonly sequence?: number;
}

export type Positions = ReadonlyMap<number, number>;

/** How far a table has come, and in which log. */
export interface Progress {
  readonly positions: Positions;
  /** Leader that appended the record before the position, by partition; absent where it is not known. */
  readonly epochs: Positions;
}

const noProgress: Progress = { positions: new Map(), epochs: new Map() };

/** Whose records a table holds. */
export interface StreamOfTable {
  readonly topic: string;
  readonly identity: StreamIdentity;
  /** Absent = whoever asks knows of none, and takes the table of any. */
  readonly generation?: number;
}

/** `sequence`: of the snapshot that the offsets come with. */
export function encodeOffsets(
  { topic, identity, generation }: StreamOfTable,
  { positions, epochs }: Progress,
  sequence?: number,
): string {
  const next = Object.fromEntries([...positions].sort(([a], [b]) => a - b));
  const known = [...epochs].sort(([a], [b]) => a - b);
  const marks = Object.fromEntries(known.map(([partition, epoch]) => [partition, `${epoch}@${next[partition]}`]));
  const { clusterId, topicId } = identity;
  const recorded: RecordedOffsets = {
    format: presentFormat,
    cluster_id: clusterId,
    topic_id: topicId,
    topic,
    next,
    ...(known.length === 0 ? {} : { epochs: marks }),
    ...(generation === undefined ? {} : { generation }),
    ...(sequence === undefined ? {} : { sequence }),
  };
  return JSON.stringify(recorded);
}

/**
 * How far the table has come. The newest summary in `main`'s past that has them counts, else the table
 * property (summaries may have expired, or another tool's snapshots lie above). Throws
 * GENERATION_MISMATCH for another stream's table, and BRONZE_ROLLED_BACK when the property is ahead:
 * somebody set the table back, and only a person knows whether those records shall come again.
 */
export function readOffsets(metadata: TableMetadata, stream: StreamOfTable): Progress {
  const property = parse(metadata.properties[offsetsKey], stream);
  let summary: Recorded | null = null;
  for (const snapshot of ancestry(metadata)) {
    summary = parse(snapshot.summary[offsetsKey], stream);
    if (summary !== null) break;
  }
  if (summary === null) {
    if (property !== null) return trusted(property, metadata);
    if (currentSnapshot(metadata) === null) return noProgress;
    throw new EngineError('BRONZE_ROLLED_BACK', `${metadata.location} has data, but says nowhere up to which offsets`);
  }
  for (const [partition, next] of property?.positions ?? []) {
    const have = summary.positions.get(partition) ?? 0;
    if (next <= have) continue;
    const where = `partition ${partition}: snapshots reach ${have}, the table property ${next}`;
    throw new EngineError('BRONZE_ROLLED_BACK', `${metadata.location} was set back (${where})`);
  }
  return summary;
}

/** The property where no summary is left to compare it with: the snapshot that it came with must lie in `main`'s past. */
function trusted(recorded: Recorded, metadata: TableMetadata): Progress {
  const { sequence } = recorded;
  if (sequence === undefined) return recorded;
  for (const snapshot of ancestry(metadata)) {
    const reached = snapshot['sequence-number'];
    if (reached > sequence) continue;
    if (reached === sequence) break;
    const where = `its past has snapshot ${reached}, but not ${sequence}, whose offsets the table property tells`;
    throw new EngineError('BRONZE_ROLLED_BACK', `${metadata.location} was set back (${where})`);
  }
  return recorded;
}

/** Partitions that a table has records of, whoever's stream it holds; none where nobody noted any. */
export function recordedPartitions({ properties }: TableMetadata): number[] {
  const text = properties[offsetsKey];
  return text === undefined ? [] : Object.keys((JSON.parse(text) as RecordedOffsets).next).map(Number);
}

interface Recorded extends Progress {
  readonly sequence: number | undefined;
}

function parse(text: string | undefined, { topic, identity, generation }: StreamOfTable): Recorded | null {
  if (text === undefined) return null;
  const recorded = JSON.parse(text) as RecordedOffsets;
  if ((recorded.format ?? 1) > presentFormat)
    throw new EngineError('STATE_FORMAT', `the offsets of the bronze table have format ${recorded.format}`);
  if (
    recorded.cluster_id !== identity.clusterId ||
    recorded.topic_id !== identity.topicId ||
    recorded.topic !== topic
  ) {
    const theirs = `${recorded.cluster_id}/${recorded.topic_id} (${recorded.topic})`;
    const ours = `${identity.clusterId}/${identity.topicId} (${topic})`;
    throw new EngineError('GENERATION_MISMATCH', `the bronze table holds the stream ${theirs}, not ${ours}`);
  }
  if (generation !== undefined && recorded.generation !== undefined && recorded.generation !== generation)
    throw new EngineError(
      'GENERATION_MISMATCH',
      `the bronze table holds generation ${recorded.generation} of ${topic}, not ${generation}`,
    );
  const positions = new Map(Object.entries(recorded.next).map(([partition, next]) => [Number(partition), next]));
  return { positions, epochs: epochsOf(recorded.epochs ?? {}, positions), sequence: recorded.sequence };
}

function epochsOf(marks: Readonly<Record<string, string>>, positions: Positions): Positions {
  const epochs = new Map<number, number>();
  for (const [partition, mark] of Object.entries(marks)) {
    const [epoch, offset] = mark.split('@').map(Number);
    if (positions.get(Number(partition)) === offset) epochs.set(Number(partition), epoch);
  }
  return epochs;
}
