import { assert, EngineError, isWorthRetrying } from '../../model/errors.ts';
import { type StreamIdentity, storedIdentity } from '../../model/lane.ts';
import type { CommitOutcome, LaneCommit, LaneSnapshot, LaneStanding, StateStore } from '../state-store.ts';
import { wrapBlob } from './blob-envelope.ts';
import { claimLane } from './claim-lane.ts';
import { generationKey, type LaneKeys, laneKeys, splitLane } from './lane-keys.ts';
import { readLaneRecord, writeEpoch } from './lane-record.ts';
import { checkScript, commitScript, type LaneScript, trimScript } from './lane-scripts.ts';
import type { RedisCalls, ScriptReply } from './redis-calls.ts';
import type { SnapshotArchive } from './snapshot-archive.ts';
import type { OwnedLane } from './snapshot-keeper.ts';

interface RedisStorePorts {
  readonly calls: RedisCalls;
  readonly archive: SnapshotArchive;
  readonly hasHistory: (lane: string) => Promise<boolean>;
  /** A snapshot of the claim under this token is there, or would not come about for long. */
  readonly isSettled: (token: string) => boolean;
  /** Closes what was opened for the store. */
  readonly close: () => Promise<void>;
}

interface StreamRecord {
  readonly generation: number;
  readonly identity: StreamIdentity;
}

/** The state store behind a network: Redis, one script and one slot per lane. docs/state.md tells it whole. */
export class RedisStateStore implements StateStore {
  readonly #prefix: string;
  readonly #ports: RedisStorePorts;
  readonly #streams = new Map<string, StreamRecord>();
  readonly #owned = new Map<string, OwnedLane>();
  #failure: unknown = null;

  constructor(prefix: string, ports: RedisStorePorts) {
    this.#prefix = prefix;
    this.#ports = ports;
  }

  /** Lanes that are ours as far as we know. */
  get owned(): ReadonlyMap<string, OwnedLane> {
    return this.#owned;
  }

  /** A bug in what runs beside us: the next call tells it. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  async readGeneration(topic: string): Promise<StreamRecord | null> {
    const { calls, archive } = this.#ports;
    const key = generationKey(this.#prefix, topic);
    const text = await calls.guard(() => calls.client.get(key));
    const held = text === null ? await archive.newestGeneration(topic) : parseStream(text, key);
    if (text === null && held === null) await this.#requireNew(topic);
    if (text === null && held !== null) await this.writeGeneration(topic, held.generation, held.identity);
    if (held !== null) this.#streams.set(topic, held);
    return held;
  }

  async writeGeneration(topic: string, generation: number, identity: StreamIdentity): Promise<void> {
    const stream = { generation, identity: storedIdentity(identity) };
    await this.#sayStream(topic, stream);
    this.#streams.set(topic, stream);
  }

  /** Before any lane is written: a lane in Redis must never be of a stream that nobody knows. */
  async #sayStream(topic: string, stream: StreamRecord, only?: 'NX'): Promise<void> {
    const { calls } = this.#ports;
    const key = generationKey(this.#prefix, topic);
    const text = JSON.stringify(stream);
    await calls.guard(() => (only === 'NX' ? calls.client.set(key, text, 'NX') : calls.client.set(key, text)));
  }

  async claim(lane: string, token: string): Promise<LaneSnapshot> {
    this.#requireWell();
    const keys = laneKeys(this.#prefix, lane);
    this.#owned.delete(lane);
    const { topic } = splitLane(lane);
    const stream = this.#streams.get(topic) ?? (await this.readGeneration(topic));
    const generation = stream?.generation ?? 0;
    // A Redis that lost its last writes may hold lanes that are made from now on, and nothing else.
    if (stream !== null) await this.#sayStream(topic, stream, 'NX');
    const found = await claimLane({ keys, token, generation }, this.#ports);
    this.#owned.set(lane, { token, generation, identity: stream?.identity ?? null });
    return found;
  }

  /** Lanes go out side by side; commits of one lane in their order. */
  async commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    this.#requireWell();
    const outcomes = new Array<CommitOutcome>(round.length);
    const lanes = Map.groupBy(round.keys(), (i) => round[i].lane);
    const settled = await Promise.allSettled(
      [...lanes.values()].map(async (indexes) => {
        for (const i of indexes) outcomes[i] = await this.#commitOne(round[i]);
      }),
    );
    const errors = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    if (errors.length > 0) throw errors.find((error) => !isWorthRetrying(error)) ?? errors[0];
    return outcomes;
  }

  async check(lane: string, token: string, seq: number): Promise<CommitOutcome> {
    this.#requireWell();
    const { meta } = laneKeys(this.#prefix, lane);
    return this.#note(lane, token, await this.#ask(checkScript, [meta], [token, seq]));
  }

  async trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome> {
    this.#requireWell();
    const { meta, outbox } = laneKeys(this.#prefix, lane);
    return this.#note(lane, token, await this.#ask(trimScript, [meta, outbox], [token, ...acknowledged]));
  }

  /** The record first: what it has told and the outbox lacks afterwards has been delivered. */
  async standing(lane: string): Promise<LaneStanding | null> {
    this.#requireWell();
    const { calls } = this.#ports;
    const { meta, outbox } = laneKeys(this.#prefix, lane);
    const { topic } = splitLane(lane);
    const stream = this.#streams.get(topic) ?? (await this.readGeneration(topic));
    const fields = await calls.guard(() => calls.client.hgetall(meta));
    const record = readLaneRecord(lane, Object.entries(fields).flat());
    if (record.seq === 0 || record.isRestoring || record.generation !== (stream?.generation ?? 0)) return null;
    const seqs = (await calls.guard(() => calls.client.hkeys(outbox))).map(Number);
    const oldestOutput = seqs.length === 0 ? null : Math.min(...seqs);
    return { seq: record.seq, nextOffset: record.nextOffset, oldestOutput };
  }

  isRecoverable(lane: string): boolean {
    const held = this.#owned.get(lane);
    return held !== undefined && this.#ports.isSettled(held.token);
  }

  async close(): Promise<void> {
    this.#owned.clear();
    await this.#ports.close();
  }

  async #commitOne(commit: LaneCommit): Promise<CommitOutcome> {
    const { lane, token, prevSeq, seq } = commit;
    assert(seq === prevSeq + 1 && prevSeq >= 0, 'a commit builds on the seq before it');
    const keys = laneKeys(this.#prefix, lane);
    const names = [keys.meta, keys.deltas, keys.outbox, ...commit.bases.map(({ group }) => keys.base(group))];
    const outcome = await this.#ask(commitScript, names, commitValues(commit));
    return this.#note(lane, token, outcome);
  }

  /** What somebody else wrote over our keys is a loss like any other: the lane claims again, and is restored. */
  async #ask(script: LaneScript, keys: readonly string[], values: readonly (string | number | Buffer)[]) {
    try {
      return await this.#ports.calls.run(script, keys, values);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'STATE_CORRUPT') return 'GAP';
      throw error;
    }
  }

  #note(lane: string, token: string, reply: ScriptReply): CommitOutcome {
    const outcome = String(reply);
    const isLost = outcome === 'FENCED' || outcome === 'GAP';
    assert(isLost || outcome === 'OK' || outcome === 'DUP', 'a lane script answers with an outcome');
    if (isLost && this.#owned.get(lane)?.token === token) this.#owned.delete(lane);
    return outcome;
  }

  #requireWell(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** No record of the stream, in Redis or in a snapshot: then no lane of it may be there either. */
  async #requireNew(topic: string): Promise<void> {
    const { calls } = this.#ports;
    const { lane, meta }: LaneKeys = laneKeys(this.#prefix, `${topic}:0`);
    const held = Number(await calls.guard(() => calls.client.hget(meta, 'gen')));
    if (held === 0) return;
    throw new EngineError(
      'STATE_LOST',
      `Redis holds lane ${lane} of generation ${held}, but what says to which stream it belongs is gone (${generationKey(this.#prefix, topic)})`,
    );
  }
}

/** Arguments of `commitScript`, in its order. */
function commitValues(commit: LaneCommit): (string | number | Buffer)[] {
  const { token, prevSeq, prevOffset, seq, nextOffset, oldestDeltaSeq, delta, outbox, acknowledged, bases } = commit;
  const wrap = (kind: 'base' | 'delta' | 'outbox', link: number, bytes: Uint8Array) =>
    wrapBlob({ kind, seq, link, nextOffset, bytes });
  return [
    token,
    prevSeq,
    prevOffset ?? '',
    seq,
    nextOffset,
    oldestDeltaSeq,
    wrap('delta', prevSeq, delta),
    outbox === null ? '0' : '1',
    outbox === null ? '' : wrap('outbox', 0, outbox),
    writeEpoch(commit),
    acknowledged.length,
    ...acknowledged,
    ...bases.flatMap(({ group, bytes }) => [group, wrap('base', group, bytes)]),
  ];
}

function parseStream(text: string, key: string): StreamRecord {
  try {
    const { generation, identity } = JSON.parse(text) as StreamRecord;
    if (Number.isInteger(generation) && typeof identity.topicId === 'string') return { generation, identity };
  } catch (cause) {
    throw new EngineError('STATE_CORRUPT', `${key} in Redis does not say which stream the state is of`, { cause });
  }
  throw new EngineError('STATE_CORRUPT', `${key} in Redis does not say which stream the state is of`);
}
