import { EngineError } from '../../src/model/errors.ts';
import type { StreamIdentity } from '../../src/model/lane.ts';
import type { CommitOutcome, LaneCommit, LaneSnapshot, LaneStanding, StateStore } from '../../src/state/state-store.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';

interface LaneRow {
  readonly token: string;
  readonly seq: number;
  readonly nextOffset: number;
  readonly leaderEpoch?: number;
  readonly bases: ReadonlyMap<number, Uint8Array>;
  readonly deltas: readonly { seq: number; bytes: Uint8Array }[];
  readonly outbox: readonly { seq: number; bytes: Uint8Array }[];
}

/** What a commit script checks and keeps; a mutant leaves something out. */
export interface StoreRules {
  readonly checksToken: boolean;
  readonly checksSeq: boolean;
  /** The offset too, not the seq alone (LaneCommit.prevOffset). */
  readonly checksOffset: boolean;
  readonly keepsOutbox: boolean;
  /** Only acknowledged chunks leave the outbox. */
  readonly keepsUnacknowledged: boolean;
  /** The delta and the offset change together. */
  readonly isAtomic: boolean;
  readonly keepsDeltas: boolean;
  readonly answersChecks: boolean;
}

export const soundRules: StoreRules = {
  checksToken: true,
  checksSeq: true,
  checksOffset: true,
  keepsOutbox: true,
  keepsUnacknowledged: true,
  isAtomic: true,
  keepsDeltas: true,
  answersChecks: true,
};

export type OnApplied = (lane: string, snapshot: LaneSnapshot, commit: LaneCommit, prevOffset: number) => void;

/** The server behind every process's store: a slot per lane, and their history, so that it can lose a tail. */
export class StoreServer {
  isDown = false;
  /** Reads are answered, writes are refused before they begin. */
  isFull = false;
  readonly #rules: StoreRules;
  readonly #onApplied: OnApplied;
  readonly #generations = new Map<string, { generation: number; identity: StreamIdentity }>();
  readonly #rows = new Map<string, LaneRow>();
  #history: { lane: string; before: LaneRow | undefined }[] = [];
  /** Every token that claimed a lane, newest last. */
  readonly #claims = new Map<string, string[]>();
  /** Lanes whose token has been used since it claimed them: their owner knows that it owns them. */
  readonly #settled = new Set<string>();
  readonly #floors = new Map<string, number>();
  /** Newest last. */
  readonly #copies: ReadonlyMap<string, LaneRow>[] = [];

  constructor(onApplied: OnApplied, rules: StoreRules = soundRules) {
    this.#onApplied = onApplied;
    this.#rules = rules;
  }

  readGeneration(topic: string): { generation: number; identity: StreamIdentity } | null {
    this.#failWhenDown();
    return this.#generations.get(topic) ?? null;
  }

  writeGeneration(topic: string, generation: number, identity: StreamIdentity): void {
    this.#failWhenDown();
    this.#generations.set(topic, { generation, identity });
  }

  claim(lane: string, token: string): LaneSnapshot {
    this.#failWhenFull();
    const row = { ...this.#row(lane), token };
    this.#write(lane, row);
    this.#settled.delete(lane);
    const claims = this.#claims.get(lane) ?? [];
    if (claims.at(-1) !== token) claims.push(token);
    this.#claims.set(lane, claims);
    return toSnapshot(row);
  }

  /** The claim of an earlier owner, `back` before the newest, arrives once more. */
  claimAgain(lane: string, back: number): void {
    const token = this.#claims.get(lane)?.at(-1 - back);
    if (token === undefined || this.isDown || this.isFull) return;
    this.#settled.delete(lane);
    this.#write(lane, { ...this.#row(lane), token });
  }

  /** False when the lane was claimed and nobody has used the claim since: a claim that came late is nobody's. */
  isSettled(lane: string): boolean {
    return this.#settled.has(lane);
  }

  commit(commit: LaneCommit): CommitOutcome {
    this.#failWhenFull();
    const row = this.#row(commit.lane);
    const refusal = this.#refusal(row, commit);
    if (refusal !== null) return refusal;
    const next = this.#applied(row, commit);
    this.#settled.add(commit.lane);
    this.#write(commit.lane, next);
    this.#onApplied(commit.lane, toSnapshot(next), commit, row.nextOffset);
    return 'OK';
  }

  check(lane: string, token: string, seq: number): CommitOutcome {
    this.#failWhenDown();
    if (!this.#rules.answersChecks) return 'OK';
    const row = this.#row(lane);
    if (row.token !== token) return 'FENCED';
    if (row.seq !== seq) return 'GAP';
    this.#settled.add(lane);
    return 'OK';
  }

  trim(lane: string, token: string, acknowledged: readonly number[]): CommitOutcome {
    this.#failWhenFull();
    const row = this.#row(lane);
    if (row.token !== token) return this.#rules.answersChecks ? 'FENCED' : 'OK';
    this.#settled.add(lane);
    this.#write(lane, { ...row, outbox: row.outbox.filter(({ seq }) => !acknowledged.includes(seq)) });
    return 'OK';
  }

  standing(lane: string): LaneStanding | null {
    this.#failWhenDown();
    const { seq, nextOffset, outbox } = this.#row(lane);
    return seq === 0 ? null : { seq, nextOffset, oldestOutput: outbox[0]?.seq ?? null };
  }

  /** A fail-over that loses the last `count` writes of these lanes, claims among them, all together. */
  rollBack(lanes: readonly string[], count: number): void {
    let left = count;
    const settled = new Set<string>();
    for (let i = this.#history.length - 1; i >= 0 && left > 0; i--) {
      const { lane, before } = this.#history[i];
      if ((before?.nextOffset ?? 0) < (this.#floors.get(lane) ?? 0)) settled.add(lane);
      if (!lanes.includes(lane) || settled.has(lane)) continue;
      if (before === undefined) this.#rows.delete(lane);
      else this.#rows.set(lane, before);
      this.#history.splice(i, 1);
      left -= 1;
    }
  }

  /** A copy elsewhere, as the engine makes of its state every minute. */
  keepCopy(): void {
    this.#copies.push(new Map(this.#rows));
  }

  /**
   * The least offset that a lane may ever go back to from now on: no fail-over and no copy reaches further.
   * What lies well before it may be forgotten.
   */
  settleFloor(lane: string): number {
    const held = [...this.#copies.slice(-3), this.#rows].map((rows) => rows.get(lane)?.nextOffset ?? 0);
    const floor = this.#copies.length < 3 ? 0 : Math.min(...held);
    this.#floors.set(lane, Math.max(floor, this.#floors.get(lane) ?? 0));
    return floor;
  }

  /** Everything is gone; what the newest copy held is put back, owned by nobody. */
  loseAll(): void {
    this.forgetAll();
    for (const [lane, row] of this.#copies.at(-1) ?? []) this.#rows.set(lane, { ...row, token: '' });
  }

  /** Everything is gone, and nobody notices. */
  forgetAll(): void {
    this.#rows.clear();
    this.#history = [];
  }

  snapshot(lane: string): LaneSnapshot {
    return toSnapshot(this.#row(lane));
  }

  #row(lane: string): LaneRow {
    return this.#rows.get(lane) ?? emptyRow;
  }

  #refusal(row: LaneRow, commit: LaneCommit): CommitOutcome | null {
    const { checksToken, checksSeq, checksOffset } = this.#rules;
    if (checksToken && row.token !== commit.token) return 'FENCED';
    if (!checksSeq) return null;
    // A seq alone may be another owner's (see LaneCommit.prevOffset); the simulation found it.
    if (row.seq === commit.seq && (!checksOffset || row.nextOffset === commit.nextOffset)) return 'DUP';
    if (row.seq !== commit.prevSeq) return 'GAP';
    return !checksOffset || row.seq === 0 || row.nextOffset === commit.prevOffset ? null : 'GAP';
  }

  #applied(row: LaneRow, commit: LaneCommit): LaneRow {
    const { keepsOutbox, keepsUnacknowledged, keepsDeltas, isAtomic } = this.#rules;
    const bases = new Map(row.bases);
    for (const { group, bytes } of commit.bases) bases.set(group, bytes);
    const added = [...row.deltas, { seq: commit.seq, bytes: commit.delta }];
    const needed = added.filter(({ seq }) => seq >= commit.oldestDeltaSeq);
    const outbox = keepsUnacknowledged ? row.outbox.filter(({ seq }) => !commit.acknowledged.includes(seq)) : [];
    if (commit.outbox !== null && keepsOutbox) outbox.push({ seq: commit.seq, bytes: commit.outbox });
    return {
      token: row.token,
      seq: commit.seq,
      // Torn: the offset is the next commit's business.
      nextOffset: isAtomic ? commit.nextOffset : (commit.prevOffset ?? row.nextOffset),
      ...(commit.leaderEpoch === undefined ? {} : { leaderEpoch: commit.leaderEpoch }),
      bases,
      deltas: keepsDeltas ? needed : needed.slice(-8),
      outbox,
    };
  }

  #write(lane: string, row: LaneRow): void {
    this.#history.push({ lane, before: this.#rows.get(lane) });
    this.#rows.set(lane, row);
  }

  #failWhenDown(): void {
    if (this.isDown) throw unavailable();
  }

  #failWhenFull(): void {
    this.#failWhenDown();
    if (this.isFull) throw new EngineError('STATE_UNAVAILABLE', 'simulated: OOM command not allowed');
  }
}

/** A process's way to the server; each lane's script is a call of its own. */
export class SimulatedStore implements StateStore {
  readonly #server: StoreServer;
  readonly #process: SimulatedProcess;

  constructor(server: StoreServer, process: SimulatedProcess) {
    this.#server = server;
    this.#process = process;
  }

  readGeneration(topic: string): Promise<{ generation: number; identity: StreamIdentity } | null> {
    return this.#call(() => this.#server.readGeneration(topic));
  }

  writeGeneration(topic: string, generation: number, identity: StreamIdentity): Promise<void> {
    return this.#call(() => this.#server.writeGeneration(topic, generation, identity));
  }

  claim(lane: string, token: string): Promise<LaneSnapshot> {
    return this.#call(() => this.#server.claim(lane, token));
  }

  commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    return Promise.all(round.map((commit) => this.#call(() => this.#server.commit(commit))));
  }

  check(lane: string, token: string, seq: number): Promise<CommitOutcome> {
    return this.#call(() => this.#server.check(lane, token, seq));
  }

  trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome> {
    return this.#call(() => this.#server.trim(lane, token, acknowledged));
  }

  standing(lane: string): Promise<LaneStanding | null> {
    return this.#call(() => this.#server.standing(lane));
  }

  async close(): Promise<void> {}

  #call<T>(execute: () => T): Promise<T> {
    return this.#process.call(execute, unavailable);
  }
}

/** How many of the last writes a fail-over loses. */
export function lostWrites(random: Random): number {
  return random.between(1, 12);
}

function unavailable(): EngineError {
  return new EngineError('STATE_UNAVAILABLE', 'simulated: no answer from the state store');
}

const emptyRow: LaneRow = { token: '', seq: 0, nextOffset: 0, bases: new Map(), deltas: [], outbox: [] };

function toSnapshot(row: LaneRow): LaneSnapshot {
  const { seq, nextOffset, leaderEpoch, bases, deltas, outbox } = row;
  const epoch = leaderEpoch === undefined ? {} : { leaderEpoch };
  return { meta: seq === 0 ? null : { seq, nextOffset, ...epoch }, bases, deltas, outbox };
}
