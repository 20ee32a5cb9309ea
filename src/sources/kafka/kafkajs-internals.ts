import { createRequire } from 'node:module';
import './calm-kafkajs.ts';

/**
 * The parts of kafkajs 2.2.4 that its front does not show: connections with TLS, SASL, correlation and
 * throttling. kafkajs is pinned and no longer released, so its inside is as fixed as its outside
 * (docs/decisions/2026-11-25-kafka-source.md).
 */
const load = createRequire(import.meta.url);

/** One request as kafkajs sends it; `encode` answers kafkajs' own Encoder. */
export interface WireRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  encode(): Promise<unknown>;
}

export interface WireCall<Answer> {
  readonly request: WireRequest;
  readonly response: {
    decode(payload: Buffer): Promise<Answer>;
    parse(answer: Answer): Promise<Answer>;
  };
  readonly requestTimeout?: number;
}

interface GroupMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

export interface JoinAnswer {
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly GroupMember[];
}

interface TopicPartitions<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** One broker, connected. */
export interface WireBroker {
  readonly nodeId: number;
  readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>;
  readonly connectionPool: { send<Answer>(call: WireCall<Answer>): Promise<Answer> };
  disconnect(): Promise<void>;
  listOffsets(request: {
    isolationLevel: number;
    topics: readonly TopicPartitions<{ partition: number; timestamp: string }>[];
  }): Promise<{ responses: readonly TopicPartitions<{ partition: number; offset: string }>[] }>;
  joinGroup(request: {
    groupId: string;
    sessionTimeout: number;
    rebalanceTimeout: number;
    memberId: string;
    groupProtocols: readonly { name: string; metadata: Buffer }[];
  }): Promise<JoinAnswer>;
  syncGroup(request: {
    groupId: string;
    generationId: number;
    memberId: string;
    groupAssignment: readonly { memberId: string; memberAssignment: Buffer }[];
  }): Promise<{ memberAssignment: Buffer }>;
  heartbeat(request: { groupId: string; groupGenerationId: number; memberId: string }): Promise<unknown>;
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>;
  offsetCommit(request: {
    groupId: string;
    groupGenerationId: number;
    memberId: string;
    topics: readonly TopicPartitions<{ partition: number; offset: string }>[];
  }): Promise<unknown>;
  offsetFetch(request: {
    groupId: string;
    topics: readonly TopicPartitions<{ partition: number }>[];
  }): Promise<{ responses: readonly TopicPartitions<{ partition: number; offset: string }>[] }>;
}

export interface WireCluster {
  readonly brokerPool: { findConnectedBroker(): Promise<WireBroker> };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findBroker(target: { nodeId: number }): Promise<WireBroker>;
  findGroupCoordinator(target: { groupId: string }): Promise<WireBroker>;
}

interface WireEncoder {
  buffer: Buffer;
  writeBuffer(bytes: Uint8Array): WireEncoder;
}

export const Cluster = load('kafkajs/src/cluster') as new (options: Record<string, unknown>) => WireCluster;
export const Encoder = load('kafkajs/src/protocol/encoder') as new () => WireEncoder;
export const createKafkaLogger = load('kafkajs/src/loggers').createLogger as (options: {
  level: number;
  logCreator: unknown;
}) => unknown;
export const createSocketFactory = load('kafkajs/src/network/socketFactory') as () => unknown;
export const groupProtocol = load('kafkajs/src/consumer/assignerProtocol') as {
  MemberMetadata: {
    encode(metadata: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(bytes: Buffer): { topics: readonly string[]; userData: Buffer | null };
  };
  MemberAssignment: {
    encode(assignment: { version: number; assignment: Readonly<Record<string, readonly number[]>> }): Buffer;
    decode(bytes: Buffer): { assignment: Readonly<Record<string, readonly number[]>> } | null;
  };
};
