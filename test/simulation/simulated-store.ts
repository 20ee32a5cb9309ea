import { EngineError } from '../../src/model/errors.ts';
import type { StreamIdentity } from '../../src/model/lane.ts';
import type { CommitOutcome, LaneCommit, LaneSnapshot, StateStore } from '../../src/state/state-store.ts';
import type { Mutant } from './mutants.ts';
import type { Random } from './random.ts';
import type { SimulatedProcess } from './simulated-process.ts';

interface LaneRow {
  readonly token: string;
  readonly seq: number;
  readonly nextOffset: number;
  readonly bases: ReadonlyMap<number, Uint8Array>;
  readonly deltas: readonly { seq: number; bytes: Uint8Array }[];
  readonly outbox: readonly { seq: number; bytes: Uint8Array }[];
}

type Rows = ReadonlyMap<string, LaneRow>;

/** The server behind every process's store: all lanes, and their history, so that it can lose a tail. */
export class StoreServer {
  readonly #mutant: Mutant | null;
  readonly #onApplied: (lane: string, snapshot: LaneSnapshot, commit: LaneCommit) => void;
  #rows: Rows = new Map();
  #history: Rows[] = [];

  constructor(mutant: Mutant | null, onApplied: (lane: string, snapshot: LaneSnapshot, commit: LaneCommit) => void) {
    this.#mutant = mutant;
    this.#onApplied = onApplied;
  }

  claim(lane: string, token: string): LaneSnapshot {
    const row = this.#rows.get(lane) ?? emptyRow;
    this.#write(lane, { ...row, token });
    return toSnapshot({ ...row, token });
  }

  commit(commit: LaneCommit): CommitOutcome {
    const row = this.#rows.get(commit.lane) ?? emptyRow;
    const refusal = this.#refusal(row, commit);
    if (refusal !== null) return refusal;
    const bases = new Map(row.bases);
    for (const { group, bytes } of commit.bases) bases.set(group, bytes);
    const deltas = [...row.deltas, { seq: commit.seq, bytes: commit.delta }];
    const outbox = row.outbox.filter(({ seq }) => !commit.acknowledged.includes(seq));
    if (commit.outbox !== null && this.#mutant !== 'outbox_in_memory') {
      outbox.push({ seq: commit.seq, bytes: commit.outbox });
    }
    const next: LaneRow = {
      token: row.token,
      seq: commit.seq,
      nextOffset: commit.nextOffset,
      bases,
      deltas: deltas.filter(({ seq }) => seq >= commit.oldestDeltaSeq),
      outbox,
    };
    this.#write(commit.lane, next);
    this.#onApplied(commit.lane, toSnapshot(next), commit);
    return 'OK';
  }

  check(lane: string, token: string, seq: number): CommitOutcome {
    const row = this.#rows.get(lane) ?? emptyRow;
    if (row.token !== token) return 'FENCED';
    return row.seq === seq ? 'OK' : 'GAP';
  }

  trim(lane: string, token: string, acknowledged: readonly number[]): CommitOutcome {
    const row = this.#rows.get(lane) ?? emptyRow;
    if (row.token !== token) return 'FENCED';
    this.#write(lane, { ...row, outbox: row.outbox.filter(({ seq }) => !acknowledged.includes(seq)) });
    return 'OK';
  }

  /** A fail-over that loses the last few writes, of all lanes together. */
  rollBack(random: Random): void {
    if (this.#history.length === 0) return;
    const kept = Math.max(0, this.#history.length - random.between(1, 12));
    this.#rows = this.#history[kept];
    this.#history = this.#history.slice(0, kept);
  }

  snapshot(lane: string): LaneSnapshot {
    return toSnapshot(this.#rows.get(lane) ?? emptyRow);
  }

  #refusal(row: LaneRow, commit: LaneCommit): CommitOutcome | null {
    if (row.token !== commit.token && this.#mutant !== 'no_owner_token') return 'FENCED';
    if (this.#mutant === 'no_compare_and_set') return null;
    // A seq alone may be another owner's (see LaneCommit.prevOffset); the simulation found it.
    const isSeqEnough = this.#mutant === 'compare_seq_alone' || this.#mutant === 'no_owner_token';
    if (row.seq === commit.seq && (isSeqEnough || row.nextOffset === commit.nextOffset)) return 'DUP';
    if (row.seq !== commit.prevSeq) return 'GAP';
    return isSeqEnough || row.seq === 0 || row.nextOffset === commit.prevOffset ? null : 'GAP';
  }

  #write(lane: string, row: LaneRow): void {
    this.#history.push(this.#rows);
    this.#rows = new Map(this.#rows).set(lane, row);
  }
}

/** A process's way to the server. */
export class SimulatedStore implements StateStore {
  readonly #server: StoreServer;
  readonly #process: SimulatedProcess;
  readonly #mutant: Mutant | null;

  constructor(server: StoreServer, process: SimulatedProcess, mutant: Mutant | null) {
    this.#server = server;
    this.#process = process;
    this.#mutant = mutant;
  }

  async readGeneration(): Promise<{ generation: number; identity: StreamIdentity } | null> {
    return null;
  }
  async writeGeneration(): Promise<void> {}
  async close(): Promise<void> {}

  claim(lane: string, token: string): Promise<LaneSnapshot> {
    return this.#process.call(() => this.#server.claim(lane, token), unavailable);
  }

  async commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    const answer = this.#process.call(() => round.map((commit) => this.#server.commit(commit)), unavailable);
    if (this.#mutant !== 'emit_before_commit') return await answer;
    answer.catch(() => undefined);
    return round.map(() => 'OK');
  }

  check(lane: string, token: string, seq: number): Promise<CommitOutcome> {
    return this.#process.call(() => this.#server.check(lane, token, seq), unavailable);
  }

  trim(lane: string, token: string, acknowledged: readonly number[]): Promise<CommitOutcome> {
    return this.#process.call(() => this.#server.trim(lane, token, acknowledged), unavailable);
  }
}

const unavailable = () => new EngineError('STATE_UNAVAILABLE', 'simulated: no answer from the state store');

const emptyRow: LaneRow = { token: '', seq: 0, nextOffset: 0, bases: new Map(), deltas: [], outbox: [] };

function toSnapshot(row: LaneRow): LaneSnapshot {
  const { seq, nextOffset, bases, deltas, outbox } = row;
  return { meta: seq === 0 ? null : { seq, nextOffset }, bases, deltas, outbox };
}
