import { LaneDictionaries } from '../events/event-batch.ts';
import type { RecordRun } from '../events/record-run.ts';
import { BackOff } from '../model/back-off.ts';
import { assert, EngineError, isWorthRetrying } from '../model/errors.ts';
import { type Facts, type PauseReason, publishFact } from '../model/facts.ts';
import { LaneCare } from './lane-care.ts';
import type { LaneProgram } from './lane-program.ts';
import type { LaneSession } from './lane-session.ts';
import { isForgotten, type OpenLanePorts, openLane } from './open-lane.ts';

export interface LaneRunnerPorts extends OpenLanePorts {
  readonly makeProgram: (partition: number) => LaneProgram;
  readonly makeToken: () => string;
  /** Something changed that the loop may be waiting for. */
  readonly wake: () => void;
  /** Trouble that no waiting heals. */
  readonly fail: (error: unknown) => void;
  readonly limits: LaneLimits;
  /** A round of commits is under way. */
  readonly isCommitting: () => boolean;
  /** The run ends where the log ended when it began. */
  readonly isBounded: () => boolean;
  /** Where the log of a partition ended when a bounded run began; Infinity where none did. */
  readonly stopOf: (partition: number) => number;
}

type StumbleFact = Omit<Facts['lane.stumbled'], 'lane' | 'partition'>;

interface LaneLimits {
  readonly pollRecordsMax: number;
  readonly pollBytesMax: number;
  /** A lane whose commit does not come through stops reading at this many uncommitted bytes. */
  readonly commitBytesMax: number;
  readonly commitsTogether: boolean;
  readonly undeliveredBytesMax: number;
}

/** What a reader of the status sees of a lane. */
export interface RunnerLaneStatus {
  readonly lane: string;
  readonly partition: number;
  readonly nextOffset: number;
  readonly committedOffset: number;
  /** Offset that the next appended record will get, as last asked. */
  readonly endOffset: number;
  /** Newest log time applied, ms; null before the first record. */
  readonly clockMs: number | null;
  readonly seq: number;
  readonly records: number;
  readonly commits: number;
  readonly pausedReason: PauseReason | null;
  /** Its state is restored. */
  readonly isOpen: boolean;
  /** What it waits out, in words; null = no trouble. */
  readonly trouble: string | null;
}

/**
 * Runs one lane: opens it (again, after a lost claim), and applies run after run. It decides nothing
 * about commits; the runner does, for all its lanes together.
 */
export class LaneRunner {
  readonly partition: number;
  readonly name: string;
  /** Reading stops here; Infinity when the lane has no end. */
  stopOffset = Number.POSITIVE_INFINITY;
  session: LaneSession | null = null;
  /** Somebody else may get this lane: it reads no more, and commits what it has at once. */
  isRevoking = false;
  pausedReason: PauseReason | null = 'opening';
  records = 0;
  commits = 0;
  endOffset = 0;
  readonly #ports: LaneRunnerPorts;
  /** What its program stumbles over. */
  readonly care = new LaneCare();
  readonly #backOff = new BackOff();
  #dictionaries = new LaneDictionaries();
  #endAskedMs = Number.NEGATIVE_INFINITY;
  #isOpening = false;
  #isOwned = true;
  /** Counts the times the lane was taken away: what was begun before belongs to an earlier ownership. */
  #releases = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  /** What the lane was set aside for; null when it reads, or waits for no trouble. */
  #trouble: unknown = null;

  constructor(partition: number, name: string, ports: LaneRunnerPorts) {
    this.partition = partition;
    this.name = name;
    this.#ports = ports;
  }

  get isAtStop(): boolean {
    return this.session !== null && this.session.nextOffset >= this.stopOffset;
  }

  /** Nobody waits for its rows: it is behind, at its stop, or being opened, now or after a while. */
  get isUnhurried(): boolean {
    if (this.session === null) return this.#isOpening || this.#retryAtMs !== Number.NEGATIVE_INFINITY;
    return this.session.isBehind || this.isAtStop;
  }

  /** Its next run would not have to be waited for. */
  get isAtHand(): boolean {
    return this.#ports.source.isAtHand?.(this.partition) ?? true;
  }

  /** What it stands still for until a person acts; null = it does not. */
  get haltedBy(): unknown {
    return this.pausedReason === 'halted' ? this.#trouble : null;
  }

  /** True when a poll may be tried now. */
  get isReading(): boolean {
    return this.session !== null && !this.session.isLearning && this.pausedReason === null && !this.isAtStop;
  }

  /** When a paused lane wants to be stepped again, steady ms; Infinity = when something wakes the loop. */
  get retryAtMs(): number {
    return this.#retryAtMs === Number.NEGATIVE_INFINITY ? Number.POSITIVE_INFINITY : this.#retryAtMs;
  }

  /** Forgets a lost session; the next step opens the lane again. */
  forget(session: LaneSession): void {
    if (this.session === session) this.session = null;
  }

  get isOwned(): boolean {
    return this.#isOwned;
  }

  /** The lane is ours (again): the next step opens it, unless its session lives on. */
  adopt(): void {
    if (!this.#isOwned) this.#retryAtMs = Number.NEGATIVE_INFINITY;
    this.#isOwned = true;
    this.isRevoking = false;
  }

  /**
   * The lane has another owner now: nothing of ours may be used, and what is queued for sinks is the
   * outbox's to keep. The runner keeps this object, so that a lane that comes back is opened only after
   * all that was begun with it before has ended.
   */
  release(): void {
    if (!this.#isOwned) return;
    this.#isOwned = false;
    this.#releases += 1;
    this.#lose(this.session);
    this.session = null;
  }

  #lose(session: LaneSession | null): void {
    if (session === null) return;
    session.isLost = true;
    this.#ports.dispatch.drop(session);
  }

  /** Opens the lane, or applies at most one run; true when it applied one. */
  async step(isDraining: boolean): Promise<boolean> {
    const { clock } = this.#ports;
    if (!this.#isOwned || clock.steadyMs() < this.#retryAtMs) return false;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    const session = this.session;
    if (session === null) {
      if (!this.#isOpening && !isDraining && !this.isRevoking) this.#open();
      return false;
    }
    if (session.isLearning || isDraining) return false;
    this.#askForEnd();
    const reason = this.#reasonToPause(session);
    if (reason !== null || this.isAtStop) {
      this.#pause(reason);
      return false;
    }
    // What the lane was set aside for is over only when the next attempt succeeds: until then it stays paused.
    const run = session.pendingRun ?? (await this.#poll(session));
    // A commit under way may have lost the claim while the poll was; then the run belongs to nobody.
    if (run === null || session.isLost || this.#ports.isStopped()) return false;
    return this.#apply(session, run);
  }

  /** Keeps the status fresh, beside the loop: nothing depends on it. */
  #askForEnd(): void {
    const nowMs = this.#ports.clock.steadyMs();
    if (nowMs - this.#endAskedMs < endIntervalMs) return;
    this.#endAskedMs = nowMs;
    this.#ports.source.bounds(this.partition).then(
      ({ end }) => {
        this.endOffset = end;
      },
      (error: unknown) => {
        // The next poll meets the same trouble and deals with it.
        if (!isWorthRetrying(error)) this.#ports.fail(error);
      },
    );
  }

  status(): RunnerLaneStatus {
    const { session } = this;
    const clockMs = session?.program.clockMs ?? Number.NEGATIVE_INFINITY;
    return {
      lane: this.name,
      partition: this.partition,
      nextOffset: session?.nextOffset ?? 0,
      committedOffset: session?.committedOffset ?? 0,
      endOffset: Math.max(this.endOffset, session?.nextOffset ?? 0),
      clockMs: clockMs === Number.NEGATIVE_INFINITY ? null : clockMs,
      seq: session?.seq ?? 0,
      records: this.records,
      commits: this.commits,
      pausedReason: this.pausedReason,
      isOpen: session !== null,
      trouble: this.#trouble instanceof Error ? this.#trouble.message : null,
    };
  }

  /** Opening waits for the store and the registry, so it runs beside the loop: other lanes go on. */
  #open(): void {
    this.#isOpening = true;
    // A lane that was set aside for trouble stays so until it is open.
    if (this.#trouble === null) this.#pause('opening');
    const { makeProgram, makeToken, fail, wake } = this.#ports;
    const { partition, name } = this;
    const lane = {
      partition,
      name,
      dictionaries: this.#dictionaries,
      token: makeToken(),
      program: makeProgram(partition),
    };
    const releases = this.#releases;
    this.#boundsOnce()
      .then(() => openLane(lane, this.#ports))
      .then((session) => {
        this.#backOff.succeed();
        if (releases !== this.#releases) {
          this.#lose(session);
          return;
        }
        this.session = session;
        this.#pause(null);
      })
      .catch((error: unknown) => this.#tryLater(error))
      .catch(fail)
      .finally(() => {
        this.#isOpening = false;
        wake();
      });
  }

  /** A bounded run ends where the log ended when it began, whatever comes later. */
  async #boundsOnce(): Promise<void> {
    const { end } = await this.#ports.source.bounds(this.partition);
    this.endOffset = end;
    const stop = this.#ports.stopOf(this.partition);
    if (this.stopOffset === Number.POSITIVE_INFINITY)
      this.stopOffset = stop === this.stopOffset ? stop : Math.min(stop, end);
  }

  #reasonToPause(session: LaneSession): PauseReason | null {
    const { dispatch, limits } = this.#ports;
    if (this.isRevoking) return 'revoking';
    if (dispatch.undeliveredBytes >= limits.undeliveredBytesMax) {
      return dispatch.rejected.length > 0 ? 'sink_rejected' : 'undelivered_bound';
    }
    // Also a lane that is not in the round under way must not fill up until the next one.
    const isStoreBusy = session.isStoreBusy || this.#ports.isCommitting();
    const isFull = limits.commitsTogether || session.program.dirtyBytes >= limits.commitBytesMax;
    const isBehind = isStoreBusy && isFull;
    return isBehind ? 'state_unavailable' : null;
  }

  async #poll(session: LaneSession): Promise<RecordRun | null> {
    const { source, limits } = this.#ports;
    const { nextOffset } = session;
    const records = Math.min(limits.pollRecordsMax, this.stopOffset - nextOffset, this.care.togetherMax(nextOffset));
    try {
      const run = await source.poll(this.partition, { records, bytes: limits.pollBytesMax });
      this.#goOn();
      if (run === null || run.count > 0) return run;
      // Markers and aborted records alone: nothing to apply, but the end may lie behind them.
      this.#account(session, run);
      return null;
    } catch (error) {
      if (isTruncation(error) || isForgotten(error)) this.#distrust(session, error);
      else this.#tryLater(error);
      return null;
    }
  }

  /**
   * The log is not the one that was read. What is committed may still be of it, and what is not must never be:
   * the lane is opened anew from its last commit, and halts there if that is beyond the cut too. So it is
   * where the log has forgotten what this lane stands at: who stood still while others went on finds the lane
   * further on, and who is behind by more than the log remembers hears it then, and gives up.
   */
  #distrust(session: LaneSession, error: unknown): void {
    const { name: lane, partition } = this;
    if (isForgotten(error)) publishFact('lane.dropped', { lane, partition, outcome: 'GAP', while: 'poll' });
    else publishFact('lane.cut', { lane, partition, nextOffset: session.nextOffset, error });
    this.#lose(session);
    this.forget(session);
  }

  #advance(session: LaneSession, nextOffset: number): void {
    const { isBounded, limits } = this.#ports;
    session.nextOffset = nextOffset;
    // A run to the log's end has nobody who waits for its rows.
    session.isBehind = isBounded() || this.endOffset - nextOffset > limits.pollRecordsMax;
  }

  #apply(session: LaneSession, polled: RecordRun): boolean {
    const run = this.care.seen(polled);
    this.#dictionaries = this.#dictionaries.within(session.program.namesKeptMax);
    const batch = this.#ports.batch.of(this.#dictionaries);
    assert(run.offsets[0] >= session.nextOffset, `lane ${this.name} reads on at its own offset, never before it`);
    const schema = this.#ports.decoder.decode(run, batch);
    if (schema >= 0) {
      this.#learn(session, polled, schema);
      return false;
    }
    try {
      session.program.apply(batch, run);
      if (this.care.hasRefused(run)) this.#rememberRefused(session, polled);
      this.#account(session, run);
    } catch (error) {
      this.#stumble(session, { offset: run.offsets[0], while: 'apply', error }, this.care.atRun(this.name, run, error));
      return false;
    }
    session.pendingRun = null;
    this.records += run.count;
    return true;
  }

  /** What a restart would read back of a record that was refused, it must know now too. */
  #rememberRefused(session: LaneSession, polled: RecordRun): void {
    const batch = this.#ports.batch.of(this.#dictionaries);
    const schema = this.#ports.decoder.decode(polled, batch);
    assert(schema < 0, 'who threw over a record had read it');
    session.program.rememberRefused(batch);
  }

  /** As after `apply`, when the changes were taken for a commit. */
  stumbleAtCommit(session: LaneSession, error: unknown): void {
    const offset = session.nextOffset;
    this.#stumble(session, { offset, while: 'commit', error }, this.care.atCommit(this.name, offset, error));
  }

  /** The program's memory is no good any more: the lane is opened anew from its last commit, or halts. */
  #stumble(session: LaneSession, at: StumbleFact, halt: EngineError | null): void {
    publishFact('lane.stumbled', { lane: this.name, partition: this.partition, ...at });
    this.#lose(session);
    this.forget(session);
    if (halt !== null) this.#tryLater(halt);
  }

  /** The lane has passed the offsets of a run: each must have become something. */
  #account(session: LaneSession, run: RecordRun): void {
    const { name: lane, partition } = this;
    const { program } = session;
    const from = session.nextOffset;
    const accounts = session.balance.settle(lane, from, run, program.tally);
    this.#advance(session, run.nextOffset);
    if (run.leaderEpoch >= 0) session.leaderEpoch = run.leaderEpoch;
    publishFact('batch.applied', {
      lane,
      partition,
      records: run.count,
      bytes: run.count === 0 ? 0 : runBytes(run),
      passed: run.nextOffset - from,
      accounts,
      nextOffset: run.nextOffset,
      clockMs: program.clockMs,
    });
    if (run.unreadable === null) return;
    if (this.care.hasRefused(run)) return this.#tellRefused(run);
    const { reason, detail, offsets } = run.unreadable;
    publishFact('records.unreadable', { lane, partition, reason, offset: run.offsets[0], offsets, detail });
  }

  /** Of a record that the program cannot take; why was told when it stumbled. */
  #tellRefused({ partition, offsets }: RecordRun): void {
    const error = new EngineError('LANE_BROKEN', `lane ${this.name} stumbled over offset ${offsets[0]} and passed it`);
    publishFact('records.failed', { stage: 'apply', partition, offset: offsets[0], records: 1, error });
  }

  /** Fetches a writer schema beside the loop; the run waits for it, and with it this lane alone. */
  #learn(session: LaneSession, run: RecordRun, schema: number): void {
    session.pendingRun = run;
    session.isLearning = true;
    const { decoder, fail, wake } = this.#ports;
    decoder
      .learn(schema)
      .then(() => this.#goOn())
      .catch((error: unknown) => this.#tryLater(error))
      .catch(fail)
      .finally(() => {
        session.isLearning = false;
        wake();
      });
  }

  /**
   * Sets the lane aside for a while; throws what waiting does not heal. Damage of the lane's own log halts
   * this lane alone: a person must act, and the others have nothing to do with it.
   */
  #tryLater(error: unknown): void {
    const isHalted = haltsLane(error);
    if (isHalted ? this.#ports.isBounded() : !isWorthRetrying(error)) throw error;
    const waitMs = isHalted ? haltedLookMs(error) : this.#backOff.fail();
    this.#retryAtMs = this.#ports.clock.steadyMs() + waitMs;
    this.#pause(reasonOf(error), error);
  }

  /** What was tried has succeeded. */
  #goOn(): void {
    this.#backOff.succeed();
    this.#pause(null);
  }

  #pause(reason: PauseReason | null, error: unknown = null): void {
    if (reason === this.pausedReason) return;
    this.pausedReason = reason;
    this.#trouble = error;
    publishFact('lane.paused', { lane: this.name, partition: this.partition, reason, error });
  }
}

/** How often the status asks where the log ends. */
const endIntervalMs = 1_000;

/** How often a halted lane looks whether somebody has mended its log. */
const mendedLookMs = 15_000;
const haltingCodes: readonly unknown[] = ['BATCH_DAMAGED', 'LOG_TRUNCATED', 'LOG_CORRUPT', 'LANE_BROKEN'];

/** Nobody mends a program while it runs. */
function haltedLookMs(error: unknown): number {
  return (error as { code?: unknown }).code === 'LANE_BROKEN' ? Number.POSITIVE_INFINITY : mendedLookMs;
}

function haltsLane(error: unknown): boolean {
  return haltingCodes.includes((error as { code?: unknown }).code);
}

function isTruncation(error: unknown): boolean {
  return (error as { code?: unknown }).code === 'LOG_TRUNCATED';
}

function reasonOf(error: unknown): PauseReason {
  if (haltsLane(error)) return 'halted';
  const code = (error as { code?: unknown }).code;
  if (code === 'REGISTRY_UNAVAILABLE') return 'registry_unavailable';
  return code === 'STATE_UNAVAILABLE' ? 'state_unavailable' : 'source_unavailable';
}

/** Bytes of keys and values from the first to the last record, framing between them included. */
function runBytes(run: RecordRun): number {
  const last = run.count - 1;
  const first = run.keyStarts[0] >= 0 ? run.keyStarts[0] : run.valueStarts[0];
  const end = Math.max(run.keyEnds[last], run.valueEnds[last]);
  return first < 0 || end < first ? 0 : end - first;
}
