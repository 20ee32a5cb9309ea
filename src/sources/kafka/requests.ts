import { Encoder, type WireBroker, type WireRequest } from './kafkajs-internals.ts';
import { WireReader, WireWriter } from './wire.ts';

/** Requests that kafkajs does not know: newer versions, which name topics by id. */
export const apiKey = { fetch: 1, metadata: 3, offsetForLeaderEpoch: 23 } as const;
export const fetchVersion = 13;
export const metadataVersion = 12;
const offsetForLeaderEpochVersion = 4;

/** Error codes of the protocol (https://kafka.apache.org/protocol#protocol_error_codes) that we act on. */
export const kafkaError = {
  none: 0,
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  topicAuthorizationFailed: 29,
  unknownTopicId: 100,
  inconsistentTopicId: 103,
} as const;

async function call<Answer>(
  broker: WireBroker,
  request: Omit<WireRequest, 'encode'> & { body: Buffer },
  read: (reader: WireReader) => Answer,
  requestTimeout?: number,
): Promise<Answer> {
  const { body, ...head } = request;
  return await broker.connectionPool.send<Answer>({
    // The header of flexible requests has tagged fields behind the client id: none of them is one zero byte.
    request: { ...head, encode: async () => new Encoder().writeBuffer(Buffer.concat([Buffer.of(0), body])) },
    response: {
      decode: async (payload) => {
        const reader = new WireReader(payload);
        reader.end();
        return read(reader);
      },
      parse: async (answer) => answer,
    },
    ...(requestTimeout === undefined ? {} : { requestTimeout }),
  });
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly error: number;
  /** -1 = none. */
  readonly leader: number;
  /** Rises with each election; a broker that knows a newer one refuses what names an older. */
  readonly leaderEpoch: number;
  readonly replicas: readonly number[];
  readonly inSync: readonly number[];
}

export interface TopicMetadata {
  readonly clusterId: string;
  readonly brokers: number;
  readonly error: number;
  /** Base64url of the 16 bytes, as Kafka's own tools print it. */
  readonly topicId: string;
  readonly partitions: readonly PartitionMetadata[];
}

/** What the cluster says about one topic. */
export async function askMetadata(broker: WireBroker, topic: string): Promise<TopicMetadata> {
  const writer = new WireWriter();
  writer.list([topic], (name) => {
    writer.raw(new Uint8Array(16)).text(name).end();
  });
  // Never makes a topic by asking for it.
  const body = writer.int8(0).int8(0).end().done();
  const request = { apiKey: apiKey.metadata, apiVersion: metadataVersion, apiName: 'Metadata', body };
  return await call(broker, request, readMetadata);
}

function readMetadata(reader: WireReader): TopicMetadata {
  reader.int32();
  const brokers = reader.list(() => {
    reader.int32();
    reader.text();
    reader.int32();
    reader.text();
    reader.end();
  });
  const clusterId = reader.text() ?? '';
  reader.int32();
  const [topic] = reader.list(() => {
    const error = reader.int16();
    reader.text();
    const topicId = reader.raw(16).toString('base64url');
    reader.int8();
    const partitions = reader.list(() => readPartition(reader));
    reader.int32();
    reader.end();
    return { error, topicId, partitions };
  });
  return { clusterId, brokers: brokers.length, ...topic };
}

function readPartition(reader: WireReader): PartitionMetadata {
  const error = reader.int16();
  const partition = reader.int32();
  const leader = reader.int32();
  const leaderEpoch = reader.int32();
  const replicas = reader.list(() => reader.int32());
  const inSync = reader.list(() => reader.int32());
  reader.list(() => reader.int32());
  reader.end();
  return { partition, error, leader, leaderEpoch, replicas, inSync };
}

export interface FetchTarget {
  readonly partition: number;
  readonly offset: number;
  readonly bytesMax: number;
  /** Epoch of the leader as we know it; -1 = not known. */
  readonly leaderEpoch: number;
  /** Epoch of the record before `offset`, as we read it: the broker tells when its log differs. -1 = not known. */
  readonly lastEpoch: number;
}

interface FetchRequest {
  readonly topicId: string;
  readonly targets: readonly FetchTarget[];
  /** How long the broker may wait for news, ms; 0 = it answers at once. */
  readonly waitMs: number;
  readonly bytesMax: number;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface FetchedPartition {
  readonly partition: number;
  readonly error: number;
  /** Committed records end here: reading stops before an open transaction. */
  readonly stableEnd: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches, the last perhaps cut off. */
  readonly records: Buffer;
  /** Where the log parts from what we read (KIP-320, KIP-595); null = it does not. */
  readonly diverging: EpochEnd | null;
}

/** Where the records of a leader's epoch, or of the newest before it, end. -1 = the log knows none. */
export interface EpochEnd {
  readonly epoch: number;
  readonly endOffset: number;
}

const readCommitted = 1;

/** Records from given offsets, of committed transactions alone once filtered by `aborted`. */
export async function askRecords(broker: WireBroker, fetch: FetchRequest): Promise<readonly FetchedPartition[]> {
  const writer = new WireWriter().int32(-1).int32(fetch.waitMs).int32(1).int32(fetch.bytesMax).int8(readCommitted);
  // No fetch session: every request is complete, so a lost answer leaves nothing behind.
  writer
    .int32(0)
    .int32(-1)
    .list([fetch.topicId], (topicId) => {
      writer.raw(Buffer.from(topicId, 'base64url'));
      writer.list(fetch.targets, ({ partition, offset, bytesMax, leaderEpoch, lastEpoch }) => {
        writer.int32(partition).int32(leaderEpoch).int64(offset).int32(lastEpoch).int64(-1).int32(bytesMax).end();
      });
      writer.end();
    });
  const body = writer
    .list([], () => undefined)
    .text('')
    .end()
    .done();
  const request = { apiKey: apiKey.fetch, apiVersion: fetchVersion, apiName: 'Fetch', body };
  return await call(broker, request, readFetched);
}

function readFetched(reader: WireReader): readonly FetchedPartition[] {
  reader.int32();
  const error = reader.int16();
  reader.int32();
  const topics = reader.list(() => {
    reader.raw(16);
    const partitions = reader.list(() => readFetchedPartition(reader, error));
    reader.end();
    return partitions;
  });
  return topics.flat();
}

function readFetchedPartition(reader: WireReader, sessionError: number): FetchedPartition {
  const partition = reader.int32();
  const error = reader.int16() || sessionError;
  reader.int64();
  const stableEnd = reader.int64();
  reader.int64();
  const aborted = reader.list(() => {
    const transaction = { producerId: reader.int64(), firstOffset: reader.int64() };
    reader.end();
    return transaction;
  });
  reader.int32();
  const length = reader.uvarint() - 1;
  const records = length > 0 ? reader.raw(length) : Buffer.alloc(0);
  let diverging: EpochEnd | null = null;
  reader.end((tag) => {
    if (tag === divergingEpochTag) diverging = readEpochEnd(reader);
  });
  return { partition, error, stableEnd, aborted, records, diverging };
}

/** Of the tagged fields of a fetched partition. */
const divergingEpochTag = 0;

function readEpochEnd(reader: WireReader): EpochEnd {
  return { epoch: reader.int32(), endOffset: reader.int64() };
}

/** Where the records of `epoch` end in the log that the leader has now (KIP-320). */
export async function askEpochEnd(
  broker: WireBroker,
  topic: string,
  { partition, leaderEpoch, epoch }: { partition: number; leaderEpoch: number; epoch: number },
): Promise<EpochEnd & { readonly error: number }> {
  const writer = new WireWriter().int32(-1);
  writer.list([topic], (name) => {
    writer.text(name);
    writer.list([partition], () => {
      writer.int32(partition).int32(leaderEpoch).int32(epoch).end();
    });
    writer.end();
  });
  const body = writer.end().done();
  const [apiVersion, apiName] = [offsetForLeaderEpochVersion, 'OffsetForLeaderEpoch'];
  return await call(broker, { apiKey: apiKey.offsetForLeaderEpoch, apiVersion, apiName, body }, (reader) => {
    reader.int32();
    const [[end]] = reader.list(() => {
      reader.text();
      const ends = reader.list(() => {
        const error = reader.int16();
        reader.int32();
        const found = { error, ...readEpochEnd(reader) };
        reader.end();
        return found;
      });
      reader.end();
      return ends;
    });
    return end;
  });
}
