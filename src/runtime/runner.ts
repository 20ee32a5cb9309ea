import { EventBatch } from '../events/event-batch.ts';
import { BackOff } from '../model/back-off.ts';
import { assert, isWorthRetrying } from '../model/errors.ts';
import type { StreamIdentity } from '../model/lane.ts';
import type { Clock } from '../model/time.ts';
import { Alarm } from './alarm.ts';
import { CatchUps } from './catch-ups.ts';
import { commitRound, keepUp } from './checkpoint.ts';
import { CommitSchedule } from './commit-schedule.ts';
import { Dispatch } from './dispatch.ts';
import { LaneRoster } from './lane-roster.ts';
import type { LaneRunner, LaneRunnerPorts } from './lane-runner.ts';
import type { LaneSession } from './lane-session.ts';
import { OtherLanes } from './other-lanes.ts';
import type { RunnerOptions, RunnerStatus } from './runner-options.ts';
import { Ticker } from './ticker.ts';

/**
 * Runs a set of lanes in one thread: one loop, round-robin, a bounded batch at a time (a few while all
 * lanes catch up). All lanes that are due commit in one round, at most one round at a time, while the
 * loop goes on applying.
 */
export interface Runner {
  /** Runs until `drain` or `stop`; ticks when the stream is live. Throws when the source cannot be asked what it is. */
  start(): Promise<void>;
  /**
   * Runs to the end offsets seen now, appends nothing, and resolves when all output is delivered, of lanes
   * that others own too, or when drained or stopped earlier. Rejects with RUN_INCOMPLETE when nobody brings
   * such a lane on.
   */
  untilEnd(): Promise<void>;
  /**
   * Resolves when all that the log holds at the call, in the lanes that are ours then, is committed and
   * delivered, or when aborted; nothing waits for company meanwhile. Rejects when the runner ends before.
   */
  catchUp(signal?: AbortSignal): Promise<void>;
  /** As `catchUp`, for all lanes of the log; rejects with RUN_INCOMPLETE as `untilEnd` does. */
  catchUpEverywhere(): Promise<void>;
  /** Reads no more, commits, flushes the sinks. True when all was done within the deadline; then stops. */
  drain(deadlineMs: number): Promise<boolean>;
  /** Stops at once; what was not committed is replayed by the next owner. Resolves when the loop is out. */
  stop(): Promise<void>;
  status(): RunnerStatus;
  /** All lanes open, none halted, no sink refusing, nothing failed. */
  isReady(): boolean;
}

export function createRunner(options: RunnerOptions): Runner {
  return new EngineRunner(options);
}

class EngineRunner implements Runner {
  readonly #options: RunnerOptions;
  readonly #clock: Clock;
  readonly #dispatch: Dispatch;
  readonly #schedule: CommitSchedule;
  readonly #ports: LaneRunnerPorts;
  readonly #alarm: Alarm;
  readonly #retryAlarm: Alarm;
  readonly #finished = Promise.withResolvers<void>();
  readonly #refused = Promise.withResolvers<never>();
  readonly #waitBackOff = new BackOff();
  readonly #roster: LaneRoster;
  readonly #catchUps: CatchUps;
  #isBounded = false;
  /** Of a bounded run: where the log ended, and how far lanes are that are not ours. */
  #others: OtherLanes | null = null;
  #hasJoined = false;
  #partitions = 0;
  #ticker: Ticker | null = null;
  #loop: Promise<void> | null = null;
  #round: Promise<void> | null = null;
  #mode: 'new' | 'running' | 'draining' | 'stopped' = 'new';
  #failure: unknown = null;

  constructor(options: RunnerOptions) {
    const { clock, settings, sinks, source, programFactory, entropy } = options;
    this.#options = options;
    this.#clock = clock;
    this.#schedule = new CommitSchedule(settings);
    this.#alarm = new Alarm(clock);
    this.#retryAlarm = new Alarm(clock);
    // A quarter of the bound: what one sink gathers must not be what makes lanes wait.
    const gatherBytesMax = Math.min(settings.dispatch.gatherBytesMax, settings.undeliveredBytesMax / 4);
    const dispatch = { ...settings.dispatch, gatherBytesMax };
    this.#dispatch = new Dispatch(sinks, clock, dispatch, (_, error) => this.#onSinkRejected(error));
    this.#ports = {
      source,
      decoder: options.decoder,
      batch: new EventBatch(1_024),
      store: options.store,
      dispatch: this.#dispatch,
      clock,
      retryAlarm: this.#retryAlarm,
      isStopped: () => this.#mode === 'stopped',
      onLost: (session) => this.#onLost(session),
      onStumbled: (session, error) => this.#onStumbled(session, error),
      onAcknowledged: () => this.#alarm.ring(),
      makeProgram: (partition) => {
        const { generation } = settings;
        return programFactory({ topic: source.topic, partition, partitions: this.#partitions, generation });
      },
      makeToken: () => entropy.token(),
      wake: () => this.#alarm.ring(),
      fail: (error) => this.#fail(error),
      limits: settings,
      isCommitting: () => this.#round !== null,
      isBounded: () => this.#isBounded,
      stopOf: (partition) => this.#others?.endOf(partition) ?? Number.POSITIVE_INFINITY,
    };
    this.#catchUps = new CatchUps(source, this.#retryAlarm, () => this.#alarm.ring());
    this.#roster = new LaneRoster(source.topic, this.#ports);
    // Whoever calls untilEnd or drain sees a failure; without them onError alone tells of it.
    this.#finished.promise.catch(() => undefined);
    this.#refused.promise.catch(() => undefined);
  }

  async start(): Promise<void> {
    const { source, settings } = this.#options;
    const { mode } = await this.#open();
    const { tickIntervalMs, tickValue } = settings;
    if (mode === 'live' && tickValue !== null) {
      this.#ticker = new Ticker(source, this.#clock, { intervalMs: tickIntervalMs, value: tickValue });
      const owned = () =>
        this.#roster.lanes.filter(({ session }) => session !== null).map(({ partition }) => partition);
      this.#ticker.run(owned).catch((error: unknown) => this.#fail(error));
    }
    await this.#begin();
  }

  async untilEnd(): Promise<void> {
    this.#isBounded = true;
    await this.#open();
    this.#others = await this.#beginOthers();
    try {
      await this.#begin();
      // With a sink that refuses, the end can never be reached: say so instead of waiting for ever.
      await Promise.race([this.#finished.promise, this.#refused.promise]);
    } finally {
      await this.stop();
    }
  }

  catchUp(signal?: AbortSignal): Promise<void> {
    return this.#catchUps.add(signal);
  }

  async catchUpEverywhere(): Promise<void> {
    await this.catchUp();
    const others = await this.#beginOthers();
    for (;;) {
      await this.catchUp();
      const ours = this.#roster.partitions;
      await others.look(ours);
      if (others.areDone(ours)) return;
      await others.rest();
    }
  }

  #beginOthers(): Promise<OtherLanes> {
    const { source, store, settings, assignment } = this.#options;
    return OtherLanes.begin(this.#partitions, {
      source,
      store,
      clock: this.#clock,
      retryAlarm: this.#retryAlarm,
      isEnded: () => this.#mode === 'stopped',
      patienceMs: (assignment.missedAfterMs ?? 0) + settings.othersPatienceMs,
    });
  }

  async drain(deadlineMs: number): Promise<boolean> {
    if (this.#mode === 'new') this.#finished.resolve();
    if (this.#mode === 'running') {
      this.#mode = 'draining';
      this.#ticker?.stop();
      this.#dispatch.hurry();
      this.#alarm.ring();
    }
    const deadline = new AbortController();
    const isDone = await Promise.race([
      this.#finished.promise.then(
        () => true,
        () => false,
      ),
      this.#clock.sleep(deadlineMs, deadline.signal).then(
        () => false,
        () => false,
      ),
    ]);
    deadline.abort();
    await this.stop();
    return isDone;
  }

  async stop(): Promise<void> {
    this.#halt();
    this.#finished.resolve();
    await Promise.allSettled([this.#loop, this.#round, this.#leave()]);
  }

  status(): RunnerStatus {
    return {
      lanes: this.#roster.lanes.map((lane) => lane.status()),
      sinks: this.#dispatch.status(),
      undeliveredBytes: this.#dispatch.undeliveredBytes,
      failure: this.#failure === null ? null : String(this.#failure),
    };
  }

  isReady(): boolean {
    return (
      this.#mode === 'running' &&
      this.#roster.isAssigned &&
      this.#dispatch.rejected.length === 0 &&
      this.#roster.lanes.every(({ session, pausedReason }) => session !== null && pausedReason !== 'halted')
    );
  }

  async #open(): Promise<{ mode: 'live' | 'replayed' }> {
    assert(this.#mode === 'new', 'a runner runs once');
    this.#mode = 'running';
    const identity = await this.#identity();
    this.#partitions = identity.partitions;
    return identity;
  }

  /** A log that is away when we ask what it is comes back like any other. */
  async #identity(): Promise<StreamIdentity> {
    for (;;) {
      try {
        return await this.#options.source.identity();
      } catch (error) {
        if (!isWorthRetrying(error) || this.#mode === 'stopped') throw error;
        await this.#retryAlarm.sleep(this.#waitBackOff.fail());
      }
    }
  }

  async #begin(): Promise<void> {
    if (this.#mode === 'stopped') return;
    this.#dispatch.start();
    this.#loop = this.#run().catch((error: unknown) => this.#fail(error));
    this.#hasJoined = true;
    await this.#options.assignment.start({
      assigned: (partitions) => {
        if (this.#mode === 'stopped') return;
        this.#options.store.assigned?.(partitions);
        this.#roster.assign(partitions, this.#partitions);
        this.#catchUps.assigned(() => this.#roster.lanes);
        this.#alarm.ring();
      },
      revoking: (partitions) => {
        this.#alarm.ring();
        return this.#mode === 'stopped' ? Promise.resolve() : this.#roster.revoke(partitions);
      },
      failed: (error) => this.#fail(error),
    });
  }

  /** Leaves the group once, so that others may take over at once. */
  async #leave(): Promise<void> {
    if (!this.#hasJoined) return;
    this.#hasJoined = false;
    await this.#options.assignment.stop();
  }

  async #run(): Promise<void> {
    while (this.#mode !== 'stopped') {
      let isBusy = false;
      for (const lane of this.#roster.lanes) {
        if (await this.#takeTurn(lane)) isBusy = true;
        if (this.#ports.isStopped()) return;
      }
      this.#roster.answerRevokes();
      this.#catchUps.answer(this.#dispatch.isEmpty);
      if (this.#isFinished()) {
        this.#finished.resolve();
        this.#halt();
        return;
      }
      if (!isBusy) await this.#waitForWork();
    }
  }

  /**
   * Applies a run of the lane, or several in a row while all lanes catch up and the log has them at hand;
   * true when there was one.
   */
  async #takeTurn(lane: LaneRunner): Promise<boolean> {
    const runsMax = Math.min(runsInARowMax, Math.ceil(runsInACycle / this.#roster.lanes.length));
    let runs = 0;
    while (await this.#step(lane)) {
      runs += 1;
      if (runs === runsMax || !lane.isAtHand || !this.#roster.isUnhurried) break;
    }
    return runs > 0;
  }

  /** Applies a run, and begins the commits that are due; true when there was one and we go on. */
  async #step(lane: LaneRunner): Promise<boolean> {
    const { yieldTurn = () => this.#clock.sleep(0) } = this.#options;
    const hasApplied = await lane.step(this.#mode === 'draining');
    if (hasApplied) await yieldTurn();
    if (this.#ports.isStopped()) return false;
    this.#commitDueLanes();
    return hasApplied;
  }

  /** Starts a round of all lanes that are due, unless one is under way; never waits for it. */
  #commitDueLanes(): void {
    if (this.#round !== null) return;
    const nowMs = this.#clock.steadyMs();
    const isEnding = this.#isEnding();
    const isFlushed = isEnding && this.#dispatch.isEmpty;
    const isHurried = isEnding || this.#catchUps.isHurried;
    const dirty: { session: LaneSession; atMs: number }[] = [];
    for (const { session, isRevoking, care } of this.#roster.lanes) {
      if (session === null || session.isStoreBusy) continue;
      if (session.isDirty) {
        dirty.push({ session, atMs: this.#schedule.commitAtMs(session, isHurried || isRevoking || care.isHurried) });
      } else if (this.#schedule.upkeepAtMs(session, isFlushed) <= nowMs) {
        keepUp(session, this.#ports)
          .catch((error: unknown) => this.#fail(error))
          .finally(() => this.#alarm.ring());
      }
    }
    const due = this.#schedule.roundOf(dirty, nowMs);
    if (due.length === 0) return;
    this.#round = commitRound(due, this.#ports)
      .then(() => this.#countCommits(due))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#round = null;
        this.#alarm.ring();
      });
  }

  #countCommits(sessions: readonly LaneSession[]): void {
    const { source, store } = this.#options;
    for (const lane of this.#roster.lanes) {
      if (lane.session === null || !sessions.includes(lane.session)) continue;
      lane.commits += 1;
      lane.care.committed(lane.session.committedOffset);
      if (store.isRecoverable?.(lane.name) === false) continue;
      source.adviseCommitted?.(lane.partition, lane.session.committedOffset);
    }
  }

  /** Draining, or at the end of a bounded run: commits need not wait for company. */
  #isEnding(): boolean {
    return (
      this.#mode === 'draining' ||
      (this.#roster.isAssigned && this.#isBounded && this.#roster.lanes.every((lane) => lane.isAtStop))
    );
  }

  /** All applied is committed, delivered, and trimmed from the outbox; lanes of others are where a bounded run ends. */
  #isFinished(): boolean {
    const others = this.#mode === 'draining' ? null : this.#others;
    if (!this.#isEnding()) others?.stir();
    if (!this.#isOursFinished()) return false;
    const ours = this.#roster.partitions;
    if (others === null || others.areDone(ours)) return true;
    others.glance(
      ours,
      () => this.#alarm.ring(),
      (error) => this.#fail(error),
    );
    return false;
  }

  #isOursFinished(): boolean {
    if (!this.#isEnding() || this.#round !== null || !this.#dispatch.isEmpty) return false;
    return this.#roster.lanes.every(
      ({ session }) =>
        session === null || (!session.isDirty && !session.isStoreBusy && session.acknowledged.size === 0),
    );
  }

  async #waitForWork(): Promise<void> {
    const isEnding = this.#isEnding();
    const isFlushed = isEnding && this.#dispatch.isEmpty;
    const isHurried = isEnding || this.#catchUps.isHurried;
    if (isEnding) this.#dispatch.hurry();
    const nowMs = this.#clock.steadyMs();
    let wakeAtMs = nowMs + idleWaitMs;
    for (const lane of this.#roster.lanes) {
      wakeAtMs = Math.min(wakeAtMs, lane.retryAtMs);
      if (lane.session === null || lane.session.isStoreBusy || this.#round !== null) continue;
      const { session } = lane;
      wakeAtMs = Math.min(
        wakeAtMs,
        session.isDirty
          ? this.#schedule.commitAtMs(session, isHurried || lane.isRevoking || lane.care.isHurried)
          : this.#schedule.upkeepAtMs(session, isFlushed),
      );
    }
    const waitMs = Math.max(1, wakeAtMs - nowMs);
    const reading = this.#roster.lanes.filter((lane) => lane.isReading).map(({ partition }) => partition);
    const isReading = reading.length > 0 && this.#mode === 'running';
    try {
      await this.#alarm.during((signal) =>
        isReading ? this.#options.source.waitForRecords(reading, waitMs, signal) : this.#clock.sleep(waitMs, signal),
      );
    } catch (error) {
      if (!isWorthRetrying(error)) throw error;
      await this.#alarm.sleep(this.#waitBackOff.fail());
    }
  }

  #onLost(session: LaneSession): void {
    for (const lane of this.#roster.lanes) lane.forget(session);
    this.#alarm.ring();
  }

  #onStumbled(session: LaneSession, error: unknown): void {
    for (const lane of this.#roster.lanes) if (lane.session === session) lane.stumbleAtCommit(session, error);
    this.#alarm.ring();
  }

  /** The other sinks go on; lanes pause when the undelivered output reaches its bound. */
  #onSinkRejected(error: unknown): void {
    this.#options.onError(error, false);
    this.#refused.reject(error);
    this.#alarm.ring();
  }

  #fail(error: unknown): void {
    if (this.#mode === 'stopped') return;
    this.#failure = error;
    this.#halt();
    this.#options.onError(error, true);
    this.#finished.reject(error);
  }

  #halt(): void {
    this.#mode = 'stopped';
    this.#ticker?.stop();
    this.#dispatch.stop();
    this.#roster.giveUp();
    this.#catchUps.giveUp(this.#failure);
    this.#alarm.ring();
    this.#retryAlarm.ring();
  }
}

/** The longest the loop sleeps: the bound on noticing what nobody rang for. */
const idleWaitMs = 1_000;

/**
 * What a lane remembers is megabytes: each change of lanes fills the caches anew, and a run of many records
 * is too short to earn that back. Eight are a quarter of a second.
 */
const runsInARowMax = 8;
/** Of all lanes, one after the other: two seconds at most until each was looked at. */
const runsInACycle = 64;
