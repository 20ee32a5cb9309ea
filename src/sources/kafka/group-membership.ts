import { setTimeout as sleep } from 'node:timers/promises';
import { BackOff } from '../../model/back-off.ts';
import { assert, type EngineError, isWorthRetrying } from '../../model/errors.ts';
import type { AssignmentListener, LaneAssignment } from '../source.ts';
import { assignPartitions } from './assign-partitions.ts';
import type { KafkaConnection } from './connection.ts';
import { isKafkaError, sourceError } from './kafka-errors.ts';
import { groupProtocol, type JoinAnswer, type WireBroker, type WireCluster } from './kafkajs-internals.ts';

interface GroupMembershipOptions {
  readonly topic: string;
  readonly groupId: string;
  readonly sessionTimeoutMs: number;
  /** Partitions of the topic, when the group shares them out. */
  readonly partitions: () => Promise<number>;
  /** Told about trouble that passes by itself, before each wait. */
  readonly onTrouble?: (error: EngineError) => void;
}

/** A rebalance is noticed by a heartbeat, so this bounds how long a newcomer waits for us to hear of it. */
const heartbeatMs = 400;
/** The last commit of lanes that may move gets this long; the group waits for us meanwhile. */
const revokeMs = 2_000;
const rebalanceTimeoutMs = 10_000;
const leaveMs = 1_000;
const retryMs = { first: 100, most: 5_000 } as const;
const protocolName = 'paceline-sticky';

/**
 * Our seat in a consumer group. kafkajs' own consumer joins again without waiting for anybody; here
 * the runner commits its lanes before we let go of them. Nothing is fetched through the group, and no
 * offset is taken from it.
 */
export class GroupMembership implements LaneAssignment {
  readonly missedAfterMs: number;
  readonly #options: GroupMembershipOptions;
  readonly #connection: KafkaConnection;
  readonly #cluster: WireCluster;
  readonly #stopping = new AbortController();
  #listener: AssignmentListener | null = null;
  #coordinator: WireBroker | null = null;
  #memberId = '';
  #generation = -1;
  #owned: readonly number[] = [];
  #isStarted = false;
  #isJoined = false;
  #mustRejoin = false;
  #loop: Promise<void> | null = null;
  #advised = new Map<number, number>();

  constructor(connection: KafkaConnection, options: GroupMembershipOptions) {
    this.#connection = connection;
    this.#options = options;
    this.missedAfterMs = options.sessionTimeoutMs + rebalanceTimeoutMs;
    this.#cluster = connection.openCluster();
  }

  /** Resolves when we sit in the group, or when the brokers are away: then it goes on trying. */
  async start(listener: AssignmentListener): Promise<void> {
    assert(this.#listener === null, 'a membership starts once');
    this.#listener = listener;
    const first = Promise.withResolvers<void>();
    this.#loop = this.#run(first);
    await first.promise;
    this.#isStarted = true;
  }

  async stop(): Promise<void> {
    this.#listener = null;
    this.#stopping.abort();
    // A join that waits for slower members may take longer; then the session ends by itself.
    await Promise.race([this.#loop, sleep(leaveMs)]);
    await this.#commitAdvice();
    if (this.#isJoined && this.#coordinator !== null) {
      const { groupId } = this.#options;
      await this.#coordinator.leaveGroup({ groupId, memberId: this.#memberId }).catch(() => undefined);
    }
    this.#isJoined = false;
  }

  /** Leaves the seat and takes one anew: for a lane that stands still though nothing seems wrong. */
  rejoin(): void {
    this.#mustRejoin = true;
  }

  /** Remembered, and told to the group with a later heartbeat. */
  adviseCommitted(partition: number, nextOffset: number): void {
    this.#advised.set(partition, nextOffset);
  }

  /** What the group was last told, by us or by whoever sat here before; null when nothing. */
  async advisoryOffset(partition: number): Promise<number | null> {
    const { groupId, topic } = this.#options;
    try {
      const coordinator = await this.#findCoordinator();
      const { responses } = await coordinator.offsetFetch({
        groupId,
        topics: [{ topic, partitions: [{ partition }] }],
      });
      const offset = Number(responses[0]?.partitions[0]?.offset ?? -1);
      return offset < 0 ? null : offset;
    } catch (error) {
      throw sourceError(error, `asking group ${groupId} for its offset of ${topic}:${partition}`);
    }
  }

  async #run(first: PromiseWithResolvers<void>): Promise<void> {
    const backOff = new BackOff(retryMs.first, retryMs.most);
    while (!this.#stopping.signal.aborted) {
      try {
        if (!this.#isJoined) await this.#join();
        backOff.succeed();
        if (this.#isJoined) first.resolve();
        await this.#pause(this.#isJoined ? heartbeatMs : retryMs.first);
        if (this.#isJoined && !this.#stopping.signal.aborted) await this.#keepSeat();
      } catch (cause) {
        const error = sourceError(cause, `waiting for group ${this.#options.groupId} at ${this.#connection.names}`);
        if (!isWorthRetrying(error)) {
          first.reject(error);
          if (this.#isStarted) this.#listener?.failed(error);
          return;
        }
        this.#options.onTrouble?.(error);
        first.resolve();
        this.#coordinator = null;
        await this.#pause(backOff.fail());
      }
    }
    first.resolve();
  }

  async #keepSeat(): Promise<void> {
    if (this.#mustRejoin) {
      this.#mustRejoin = false;
      await this.#giveUpLanes();
      return;
    }
    const { groupId } = this.#options;
    try {
      const coordinator = await this.#findCoordinator();
      await coordinator.heartbeat({ groupId, groupGenerationId: this.#generation, memberId: this.#memberId });
      await this.#commitAdvice();
    } catch (error) {
      if (isKafkaError(error, 'REBALANCE_IN_PROGRESS')) await this.#giveUpLanes();
      else if (isKafkaError(error, 'UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID'))
        this.#loseSeat(error);
      else throw error;
    }
  }

  /** The group is about to share anew: whoever works for us finishes what it can. */
  async #giveUpLanes(): Promise<void> {
    this.#isJoined = false;
    const listener = this.#listener;
    if (listener === null || this.#owned.length === 0) return;
    const patience = new AbortController();
    const waitMs = Math.min(revokeMs, this.#options.sessionTimeoutMs / 2);
    const waited = sleep(waitMs, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([listener.revoking(this.#owned), waited]).finally(() => patience.abort());
  }

  /** The group has given our lanes away already; the state store fences what we still do to them. */
  #loseSeat(error: unknown): void {
    this.#isJoined = false;
    if (isKafkaError(error, 'UNKNOWN_MEMBER_ID')) this.#memberId = '';
    this.#owned = [];
    this.#listener?.assigned([]);
  }

  async #join(): Promise<void> {
    const coordinator = await this.#findCoordinator();
    const { groupId, sessionTimeoutMs, topic } = this.#options;
    const userData = Buffer.from(JSON.stringify(this.#owned));
    try {
      const joined = await coordinator.joinGroup({
        groupId,
        sessionTimeout: sessionTimeoutMs,
        rebalanceTimeout: rebalanceTimeoutMs,
        memberId: this.#memberId,
        groupProtocols: [
          {
            name: protocolName,
            metadata: groupProtocol.MemberMetadata.encode({ version: 1, topics: [topic], userData }),
          },
        ],
      });
      this.#memberId = joined.memberId;
      this.#generation = joined.generationId;
      const { memberAssignment } = await coordinator.syncGroup({
        groupId,
        generationId: joined.generationId,
        memberId: joined.memberId,
        groupAssignment: await this.#share(joined),
      });
      this.#owned = groupProtocol.MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [];
      this.#isJoined = true;
      this.#listener?.assigned(this.#owned);
    } catch (error) {
      if (isKafkaError(error, 'UNKNOWN_MEMBER_ID', 'MEMBER_ID_REQUIRED')) this.#memberId = '';
      else if (!isKafkaError(error, 'REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION')) throw error;
    }
  }

  /** The leader of the group shares out; the others send nothing. */
  async #share(joined: JoinAnswer): Promise<{ memberId: string; memberAssignment: Buffer }[]> {
    if (joined.leaderId !== joined.memberId) return [];
    const claims = joined.members.map(({ memberId, memberMetadata }) => ({ memberId, owned: ownedOf(memberMetadata) }));
    const shares = assignPartitions(claims, await this.#options.partitions());
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      memberAssignment: groupProtocol.MemberAssignment.encode({
        version: 1,
        assignment: { [this.#options.topic]: partitions },
      }),
    }));
  }

  async #findCoordinator(): Promise<WireBroker> {
    if (this.#coordinator !== null) return this.#coordinator;
    await this.#cluster.connect();
    await this.#cluster.refreshMetadata();
    this.#coordinator = await this.#cluster.findGroupCoordinator({ groupId: this.#options.groupId });
    return this.#coordinator;
  }

  /** Advice alone: what does not arrive is told with the next. */
  async #commitAdvice(): Promise<void> {
    if (this.#advised.size === 0 || this.#coordinator === null || !this.#isJoined) return;
    const partitions = [...this.#advised].map(([partition, offset]) => ({ partition, offset: String(offset) }));
    this.#advised = new Map();
    const { groupId, topic } = this.#options;
    const seat = { groupId, groupGenerationId: this.#generation, memberId: this.#memberId };
    try {
      await this.#coordinator.offsetCommit({ ...seat, topics: [{ topic, partitions }] });
    } catch (error) {
      this.#options.onTrouble?.(sourceError(error, `telling group ${groupId} our offsets`));
    }
  }

  /** Ends early when we stop. */
  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

/** What a member says that it owns; another client's member data says nothing. */
function ownedOf(metadata: Buffer): number[] {
  const { userData } = groupProtocol.MemberMetadata.decode(metadata);
  try {
    const owned: unknown = JSON.parse((userData ?? Buffer.alloc(0)).toString('utf8'));
    return Array.isArray(owned) ? owned.filter((each): each is number => Number.isInteger(each)) : [];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
