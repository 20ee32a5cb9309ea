import type { FiledRun } from '../events/filed-run.ts';
import { partitionOfLane } from '../model/lane.ts';
import { timeColumn } from '../model/time.ts';
import type { CommitOutcome, LaneCommit, LaneSnapshot, LaneStanding, LaneStore } from '../state/state-store.ts';

/**
 * A table of raw records that knows itself up to which offsets it holds them. Throws errors that are worth
 * retrying, or not; a retry is always safe.
 */
export interface RecordTable {
  /** First offset not yet stored, by partition; absent = none is stored. What was added is dropped. */
  open(): Promise<ReadonlyMap<number, number>>;
  positions(): ReadonlyMap<number, number>;
  /** Epoch of the leader that appended the record before the partition's position; absent where it is not known. */
  leaderEpochOf(partition: number): number | undefined;
  /** The partitions that we read; the others have other writers and move without us. All, until told. */
  own(partitions: readonly number[]): void;
  /**
   * The next records of a partition; the table takes them over. `leaderEpoch`: of the last one of the commit that
   * they come with, where it is known.
   */
  add(run: FiledRun, leaderEpoch?: number): void;
  /** Commits what was added. `fenced`: it is dropped, and reading goes on from `positions()`. */
  commit(): Promise<'committed' | 'fenced' | 'nothing'>;
}

/** A round on its way into the table. */
interface Attempt {
  readonly round: readonly LaneCommit[];
  readonly outcomes: CommitOutcome[];
}

/**
 * The lanes of a program whose only state is the table that it writes: records and offsets change in one
 * commit of the table, which itself finds out whether somebody else has written. All lanes share that
 * commit, so they are fenced together.
 */
export class TableStore implements LaneStore {
  readonly #table: RecordTable;
  /** Told whenever the table may have changed. */
  readonly #onChange: () => void;
  /** Token of the present claim, and where the table ended then or after our last commit. */
  readonly #claims = new Map<string, { readonly token: string; next: number | undefined }>();
  /** Set when the table must be looked at before anything is read on. */
  #isStale = true;
  #attempt: Attempt | null = null;
  /** One call of the table at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(table: RecordTable, onChange: () => void = () => undefined) {
    this.#table = table;
    this.#onChange = onChange;
  }

  /** Opens the table now instead of at the first claim, for whoever wants to know whether it can be. */
  open(): Promise<void> {
    return this.#inTurn(() => this.#refresh());
  }

  assigned(partitions: readonly number[]): void {
    this.#table.own(partitions);
    this.#isStale = true;
  }

  claim(lane: string, token: string): Promise<LaneSnapshot> {
    return this.#inTurn(async () => {
      await this.#refresh();
      const partition = partitionOfLane(lane);
      const next = this.#table.positions().get(partition);
      const leaderEpoch = this.#table.leaderEpochOf(partition);
      this.#claims.set(lane, { token, next });
      const known = leaderEpoch === undefined ? {} : { leaderEpoch };
      const meta = next === undefined ? null : { seq: 0, nextOffset: next, ...known };
      return { meta, bases: new Map(), deltas: [], outbox: [] };
    });
  }

  commit(round: readonly LaneCommit[]): Promise<CommitOutcome[]> {
    return this.#inTurn(async () => {
      // The same round again: what was added is in the table's hands.
      if (this.#attempt?.round !== round) this.#attempt = { round, outcomes: round.map((each) => this.#add(each)) };
      const { outcomes } = this.#attempt;
      const isFenced = outcomes.includes('OK') && (await this.#table.commit()) === 'fenced';
      this.#attempt = null;
      this.#onChange();
      if (isFenced) return outcomes.map((outcome) => (outcome === 'OK' ? 'GAP' : outcome));
      for (const { lane } of round) this.#note(lane);
      return outcomes;
    });
  }

  async check(lane: string, token: string): Promise<CommitOutcome> {
    const claim = this.#claims.get(lane);
    if (claim?.token !== token) return 'FENCED';
    return claim.next === this.#table.positions().get(partitionOfLane(lane)) ? 'OK' : 'GAP';
  }

  /** It has no output to drop. */
  async trim(): Promise<CommitOutcome> {
    return 'OK';
  }

  /** What others have committed since shows when the table is opened again. */
  standing(lane: string): Promise<LaneStanding | null> {
    return this.#inTurn(async () => {
      this.#isStale = true;
      await this.#refresh();
      const nextOffset = this.#table.positions().get(partitionOfLane(lane));
      return nextOffset === undefined ? null : { seq: nextOffset, nextOffset, oldestOutput: null };
    });
  }

  #add({ lane, token, nextOffset, prevOffset, leaderEpoch, filed = [] }: LaneCommit): CommitOutcome {
    if (this.#claims.get(lane)?.token !== token) return 'FENCED';
    const partition = partitionOfLane(lane);
    const stored = this.#table.positions().get(partition);
    // An attempt whose answer was lost, before somebody opened the table again.
    if (stored === nextOffset) return 'DUP';
    if (stored !== undefined && stored !== prevOffset) return 'GAP';
    for (const run of filed) this.#table.add(run, leaderEpoch);
    // Behind the last record may lie offsets without one.
    if ((filed.at(-1)?.nextOffset ?? -1) < nextOffset) this.#table.add(nothingUpTo(lane, nextOffset), leaderEpoch);
    return 'OK';
  }

  #note(lane: string): void {
    const claim = this.#claims.get(lane);
    if (claim !== undefined) claim.next = this.#table.positions().get(partitionOfLane(lane));
  }

  async #refresh(): Promise<void> {
    if (!this.#isStale) return;
    await this.#table.open();
    this.#isStale = false;
    this.#attempt = null;
    this.#onChange();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine;
    return mine;
  }
}

function nothingUpTo(lane: string, nextOffset: number): FiledRun {
  const none = new Int32Array(0);
  return {
    topic: lane.slice(0, lane.lastIndexOf(':')),
    partition: partitionOfLane(lane),
    count: 0,
    bytes: new Uint8Array(0),
    offsets: new Float64Array(0),
    logTimes: timeColumn(0),
    keyStarts: none,
    keyEnds: none,
    valueStarts: none,
    valueEnds: none,
    nextOffset,
    orgs: [],
    eventTimes: timeColumn(0),
    schemaIds: none,
    kinds: [],
  };
}
