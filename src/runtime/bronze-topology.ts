import type { Decoder } from '../decoders/decoder.ts';
import { EventBatch } from '../events/event-batch.ts';
import { hasEventTime, kind, rowKindNames } from '../events/kinds.ts';
import type { RecordRun } from '../events/record-run.ts';
import { EngineError, isWorthRetrying } from '../model/errors.ts';
import { systemOrg } from '../model/ids.ts';
import { laneLimits } from '../model/lane-limits.ts';
import { limits } from '../model/limits.ts';
import type { Clock } from '../model/time.ts';
import type { LaneAssignment, Source } from '../sources/source.ts';

/** A run with the columns that bronze adds; everything is only valid until the next poll. */
export interface BronzeRows extends RecordRun {
  readonly orgs: readonly string[];
  readonly eventTimes: Float64Array;
  readonly schemaIds: Int32Array;
  readonly kinds: readonly string[];
}

/** Where bronze rows go. Throws errors that are worth retrying, or not; a retry is always safe. */
export interface BronzeStore {
  /** First offset not yet stored, by partition; absent = none is stored. */
  open(): Promise<ReadonlyMap<number, number>>;
  positions(): ReadonlyMap<number, number>;
  /** The partitions that we read; the others have other writers and move without us. All, until told. */
  own(partitions: readonly number[]): void;
  add(rows: BronzeRows): void;
  /** `fenced`: what was added is dropped, reading goes on from `positions()`. */
  commit(): Promise<'committed' | 'fenced' | 'nothing'>;
  readonly bufferedRecords: number;
  readonly bufferedBytes: number;
}

export interface BronzeTopologyOptions {
  readonly source: Source;
  readonly decoder: Decoder;
  readonly store: BronzeStore;
  readonly clock: Clock;
  /** Says which partitions are ours to write. */
  readonly assignment: LaneAssignment;
  /** A commit is due this long after the last one, or when this much waits. */
  readonly commitIntervalMs: number;
  readonly commitBytes: number;
  readonly commitRecords: number;
  /** Told about trouble that passes by itself, before each wait. */
  onTrouble?(error: EngineError): void;
}

/** Without news the log is looked at this often, so that a stop or a drain is noticed soon. */
const idleWaitMs = 100;
const retryWaitMaxMs = 10_000;
const namesKeptMax = 200_000;

interface Drain {
  readonly targets: ReadonlyMap<number, number>;
  resolve(): void;
}

/**
 * Every record of the log into the bronze table: source, decoder, bronze columns, table. Owns its
 * positions (they live in the table), so nothing here waits for the campaign lanes or they for it.
 */
export class BronzeTopology {
  readonly #options: BronzeTopologyOptions;
  #batch = new EventBatch(limits.batchRecordsMax);
  #read = new Map<number, number>();
  #lastCommitMs = 0;
  #drains: Drain[] = [];
  /** Ours now; read only after `#follow` has looked where the table stands in them. */
  #partitions: readonly number[] = [];
  /** The newest word of the group, until `#follow` takes it up. */
  #assigned: readonly number[] | null = null;
  /** Resolved once an assignment was taken up. */
  readonly #isFollowing = Promise.withResolvers<void>();
  #refusal: { readonly error: unknown } | null = null;
  #revokes: (() => void)[] = [];
  readonly #stopping = new AbortController();

  constructor(options: BronzeTopologyOptions) {
    this.#options = options;
  }

  /** Runs until `stop`; rejects when it cannot go on. What waits uncommitted then is read again later. */
  async run(): Promise<void> {
    try {
      await this.#turn();
    } catch (error) {
      // Trouble that passes does not matter to one who leaves.
      if (!this.#stopping.signal.aborted || !isWorthRetrying(error)) throw error;
    }
  }

  async #turn(): Promise<void> {
    const { assignment, clock, store } = this.#options;
    await this.#retrying(() => store.open());
    this.#lastCommitMs = clock.steadyMs();
    await this.#retrying(() => this.#join());
    try {
      while (!this.#stopping.signal.aborted) {
        if (this.#refusal !== null) throw this.#refusal.error;
        await this.#follow();
        const progressed = await this.#readRound();
        if (this.#isCommitDue()) await this.#commit();
        this.#answerRevokes();
        this.#resolveDrains();
        if (!progressed) await this.#waitForRecords();
      }
    } finally {
      this.#isFollowing.resolve();
      this.#answerRevokes();
      await assignment.stop();
    }
  }

  async #waitForRecords(): Promise<void> {
    const { signal } = this.#stopping;
    await this.#retrying(() => this.#options.source.waitForRecords(this.#partitions, idleWaitMs, signal));
  }

  #join(): Promise<void> {
    return this.#options.assignment.start({
      assigned: (partitions) => {
        this.#assigned = partitions;
      },
      revoking: () => new Promise((resolve) => this.#revokes.push(resolve)),
      failed: (error) => {
        this.#refusal = { error };
      },
    });
  }

  /** Takes up a new assignment: what waits is committed under the old one, then the table says where to read on. */
  async #follow(): Promise<void> {
    if (this.#assigned === null) return;
    const partitions = this.#assigned;
    this.#assigned = null;
    await this.#commit();
    const { store } = this.#options;
    store.own(partitions);
    await this.#retrying(() => store.open());
    this.#partitions = partitions;
    await this.#seekAll();
    this.#isFollowing.resolve();
  }

  #answerRevokes(): void {
    if (this.#options.store.bufferedRecords > 0 && !this.#stopping.signal.aborted) return;
    for (const resolve of this.#revokes) resolve();
    this.#revokes = [];
  }

  /** Resolves when all that the log holds now in our lanes is committed. Only while `run` runs. */
  async drain(): Promise<void> {
    await this.#isFollowing.promise;
    const targets = new Map<number, number>();
    for (const partition of this.#partitions) {
      const { end } = await this.#retrying(() => this.#options.source.bounds(partition));
      targets.set(partition, end);
    }
    await new Promise<void>((resolve) => this.#drains.push({ targets, resolve }));
  }

  /** `run` returns after its present step; a wait for better times ends at once. */
  stop(): void {
    this.#stopping.abort();
  }

  async #seekAll(): Promise<void> {
    this.#read.clear();
    for (const partition of this.#partitions) await this.#retrying(() => this.#seek(partition));
  }

  async #seek(partition: number): Promise<void> {
    const { source, store } = this.#options;
    const next = store.positions().get(partition) ?? (await source.bounds(partition)).start;
    await source.seek(partition, next);
    this.#read.set(partition, next);
  }

  async #readRound(): Promise<boolean> {
    let progressed = false;
    for (const partition of this.#partitions) {
      const records = Math.min(limits.batchRecordsMax, this.#options.commitRecords);
      const run = await this.#retrying(() =>
        this.#options.source.poll(partition, { records, bytes: limits.batchBytesMax }),
      );
      if (run === null) continue;
      progressed = true;
      await this.#decode(run);
      this.#options.store.add(bronzeRows(run, this.#batch));
      this.#read.set(partition, run.nextOffset);
      if (this.#isCommitDue()) await this.#commit();
    }
    return progressed;
  }

  async #decode(run: RecordRun): Promise<void> {
    const { decoder } = this.#options;
    // Bronze needs names only within a run; without this, every campaign ever seen would stay in memory.
    if (this.#batch.dictionaries.campaigns.size > namesKeptMax) this.#batch = new EventBatch(limits.batchRecordsMax);
    for (let id = decoder.decode(run, this.#batch); id !== -1; id = decoder.decode(run, this.#batch)) {
      const unknown = id;
      await this.#retrying(() => decoder.learn(unknown));
    }
  }

  #isCommitDue(): boolean {
    const { store, clock, commitBytes, commitRecords, commitIntervalMs } = this.#options;
    if (store.bufferedBytes >= commitBytes || store.bufferedRecords >= commitRecords) return true;
    if (this.#revokes.length > 0) return true;
    if (this.#drains.some((drain) => this.#isReached(drain, this.#read))) return true;
    return clock.steadyMs() - this.#lastCommitMs >= commitIntervalMs;
  }

  async #commit(): Promise<void> {
    const outcome = await this.#retrying(() => this.#options.store.commit());
    this.#lastCommitMs = this.#options.clock.steadyMs();
    if (outcome === 'fenced') await this.#seekAll();
  }

  #resolveDrains(): void {
    const stored = this.#options.store.positions();
    this.#drains = this.#drains.filter((drain) => {
      if (!this.#isReached(drain, stored)) return true;
      drain.resolve();
      return false;
    });
  }

  /**
   * A lane that moved to another instance since is that one's to bring to its end; a log that never held
   * a record in a partition has nothing to reach there.
   */
  #isReached({ targets }: Drain, positions: ReadonlyMap<number, number>): boolean {
    const ours = this.#partitions.filter((partition) => targets.has(partition));
    return ours.every((partition) => (positions.get(partition) ?? 0) >= (targets.get(partition) ?? 0));
  }

  /** Waits out trouble that passes; a stop ends the waiting with the trouble itself. */
  async #retrying<T>(work: () => Promise<T>): Promise<T> {
    const { signal } = this.#stopping;
    for (let waitMs = 100; ; waitMs = Math.min(waitMs * 2, retryWaitMaxMs)) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof EngineError) || !isWorthRetrying(error) || signal.aborted) throw error;
        this.#options.onTrouble?.(error);
        await this.#options.clock.sleep(waitMs, signal).catch((reason: unknown) => {
          if (!signal.aborted) throw reason;
        });
      }
    }
  }
}

/**
 * Bronze columns of a decoded run. What stands for a batch that nobody can read is of the kind `damaged_batch`. Rejected records, ticks, and records whose key does not name their
 * organization or whose time lies ahead of the log belong to the system organization at their log time:
 * one wrong field must not open table partitions for years to come or for strangers.
 */
function bronzeRows(run: RecordRun, batch: EventBatch): BronzeRows {
  const { count } = run;
  const orgs = new Array<string>(count);
  const kinds = new Array<string>(count);
  const eventTimes = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    const isTrusted = isRowTrusted(run, batch, row);
    orgs[row] = isTrusted ? batch.dictionaries.orgs.text(batch.orgs[row]) : systemOrg;
    eventTimes[row] = isTrusted && hasEventTime(batch.kinds[row]) ? batch.eventTimes[row] : run.logTimes[row];
    kinds[row] = run.unreadable?.reason ?? rowKindNames[batch.kinds[row]];
  }
  return { ...run, orgs, kinds, eventTimes, schemaIds: batch.schemaIds.subarray(0, count) };
}

function isRowTrusted(run: RecordRun, batch: EventBatch, row: number): boolean {
  const rowKind = batch.kinds[row];
  if (rowKind === kind.rejected || rowKind === kind.tick) return false;
  const org = batch.orgs[row];
  if (org < 0 || batch.keyOrgs[row] !== org) return false;
  return batch.eventTimes[row] <= run.logTimes[row] + laneLimits.futureAllowanceMs;
}
