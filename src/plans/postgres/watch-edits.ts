import type pg from 'pg';
import { formatProblem } from '../../control/config/problem.ts';
import { BackOff } from '../../model/back-off.ts';
import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { Clock } from '../../model/time.ts';
import { applyEdits, type EditsOutcome } from './apply-edits.ts';
import type { PostgresSettings } from './config.ts';
import { connectionOptions, Database, OwnedSockets } from './database.ts';
import { GuardedClient } from './guarded-client.ts';
import { auditMonthsAhead } from './migrate.ts';
import { notifyQueueUsageMax } from './notify-queue.ts';
import type { PlanTarget } from './plan-ledger.ts';
import { asControlError } from './postgres-failure.ts';
import { ReadTexts } from './read-texts.ts';

/** While another instance applies an edit, we look again soon: it may die at it. */
const busyRetryMs = 1_000;
const firstRetryMs = 200;
const retryMsMax = 30_000;
const dayMs = 86_400_000;
/** How often the connection that listens is asked whether anybody is at its other end. */
const probeMs = 5_000;
/** After this long without an answer nobody is. */
const probeTimeoutMs = 5_000;
/** A pass that is under way may take so long to end after a stop, then its connections are broken. */
const stopGraceMs = 2_000;
/** Passes take at most a fifth of the time, whoever edits how often. */
const restPerPass = 4;
/** From the end of a pass to the next. */
const passSpacingMs = 50;

interface WatchEditsOptions {
  readonly settings: PostgresSettings;
  readonly target: PlanTarget;
  readonly clock: Clock;
  /** Called once, for what neither waiting nor a person can mend: a bug. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Follows the edits in the database for as long as the engine runs: told at once by NOTIFY, found by a
 * poll when a notification got lost or the server's queue of them has no room. While PostgreSQL is away or refuses us, the rules in force stay in
 * force, and we try again with growing pauses; the facts `control.*` and `plan.*` tell.
 */
export class EditWatcher {
  readonly #options: WatchEditsOptions;
  readonly #database: Database;
  readonly #sockets = new OwnedSockets();
  /** What rows say, as read before. */
  readonly #texts = new ReadTexts();
  readonly #stop = new AbortController();
  #done: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #listener: pg.Client | null = null;
  #wake: (() => void) | null = null;
  #isNotified = false;
  #isFirst = true;
  readonly #backOff = new BackOff(firstRetryMs, retryMsMax);
  #auditTendedMs = Number.NEGATIVE_INFINITY;

  constructor(options: WatchEditsOptions) {
    this.#options = options;
    this.#database = new Database(options.settings);
  }

  start(): void {
    this.#done = this.#run();
  }

  /** Resolves when the pass that is under way has ended and all connections are closed. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    const ended = new AbortController();
    // A server that hangs must not hold up the end: what is pending, the next start appends again.
    const hurry = this.#options.clock.sleep(stopGraceMs, ended.signal).then(
      () => {
        this.#database.breakOff();
        this.#sockets.destroy();
      },
      () => undefined,
    );
    await this.#done;
    ended.abort();
    await hurry;
    await this.#dropListener();
    await this.#database.close();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#stop.signal.aborted) await this.#rest(await this.#turn());
    } catch (error) {
      this.#options.onFailure(error);
    }
  }

  /** One look at the database; returns how long to wait for the next unless we are told before, ms. */
  async #turn(): Promise<number> {
    this.#isNotified = false;
    try {
      // Listening comes first: an edit after it wakes us, an edit before it is seen by this pass.
      await this.#listen();
      await this.#lookAtQueue();
      const startMs = this.#options.clock.steadyMs();
      const texts = this.#texts;
      const outcome = await applyEdits(this.#database, this.#options.target, { isForced: this.#isFirst, texts });
      await this.#tendAuditLog();
      this.#tell(outcome);
      // Whoever may log in may notify without an end: what it costs us has a bound, whatever came of the pass.
      await this.#sleep(Math.max(passSpacingMs, restPerPass * (this.#options.clock.steadyMs() - startMs)));
      return outcome.kind === 'busy' ? Math.min(busyRetryMs, this.#pollMs) : this.#pollMs;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return this.#tellFailure(error);
    }
  }

  /** Returns how long to wait before the next attempt, ms. */
  #tellFailure(error: EngineError): number {
    // Why a stop broke something off is nobody's trouble.
    if (this.#stop.signal.aborted) return 0;
    const waitMs = this.#backOff.fail();
    publishFact('control.failed', { attempt: this.#backOff.attempts, error });
    return waitMs;
  }

  get #pollMs(): number {
    return this.#options.settings.poll_interval_ms;
  }

  #tell(outcome: EditsOutcome): void {
    publishFact('control.reached', { failures: this.#backOff.attempts });
    this.#backOff.succeed();
    if (outcome.kind !== 'applied') return;
    this.#isFirst = false;
    for (const { orgId, partition, number, offset } of outcome.plans)
      if (offset !== null) publishFact('plan.appended', { orgId, partition, number, offset });
    for (const { orgId, problems } of outcome.refused)
      publishFact('plan.refused', { orgId, problems: problems.map(formatProblem) });
    publishFact('plans.applied', { plans: outcome.plans.length, refused: outcome.refused.length });
  }

  async #listen(): Promise<void> {
    if (this.#listener !== null) return;
    const client = new GuardedClient({
      ...connectionOptions(this.#options.settings),
      query_timeout: probeTimeoutMs,
      stream: this.#sockets.make,
    });
    // Lost: the next turn opens another, and until then the poll finds what nobody tells us. It wakes
    // nobody, so a server that drops every connection cannot make us spin.
    const lose = () => {
      if (this.#listener === client) this.#listener = null;
    };
    client.on('error', lose);
    client.on('end', lose);
    client.on('notification', () => this.#notify());
    try {
      await client.connect();
      await client.query('LISTEN paceline_edits');
      this.#listener = client;
    } catch (error) {
      client.off('end', lose);
      await this.#sockets.end(client.end());
      throw asControlError(error, this.#database.name);
    }
  }

  /** Whether edits are still told, or we find them by the poll alone. */
  async #lookAtQueue(): Promise<void> {
    if (this.#listener === null) return;
    try {
      await this.#askQueue(this.#listener);
    } catch (error) {
      await this.#dropListener();
      throw asControlError(error, this.#database.name);
    }
  }

  async #askQueue(listener: pg.Client): Promise<void> {
    const { rows } = await listener.query<{ usage: number }>('SELECT paceline.notify_queue_usage() AS usage');
    publishFact('control.notify_queue', { usage: rows[0].usage, isFull: rows[0].usage >= notifyQueueUsageMax });
  }

  #notify(): void {
    this.#isNotified = true;
    this.#wake?.();
  }

  async #dropListener(): Promise<void> {
    const client = this.#listener;
    this.#listener = null;
    await this.#sockets.end(client?.end() ?? Promise.resolve());
  }

  /** Waits, unless somebody told us something since the turn began; looks now and then whether anybody still could. */
  async #rest(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#isNotified && !this.#stop.signal.aborted; left -= probeMs) {
      await this.#sleep(Math.min(left, probeMs), true);
      if (left > probeMs && !(await this.#isHeard())) return;
    }
  }

  /** False when the connection that listens is gone, or nobody answers on it: told at once, not at the next poll. */
  async #isHeard(): Promise<boolean> {
    if (this.#listener === null) return false;
    try {
      await this.#askQueue(this.#listener);
      return true;
    } catch (error) {
      const trouble = asControlError(error, `${this.#database.name} is asked whether it is there`);
      if (!(trouble instanceof EngineError)) throw trouble;
      await this.#dropListener();
      await this.#sleep(this.#tellFailure(trouble));
      return false;
    }
  }

  /** Until the time is over, we are stopped or, where `isWoken`, somebody tells us of an edit. */
  async #sleep(ms: number, isWoken = false): Promise<void> {
    if (ms <= 0 || this.#stop.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = new AbortController();
    if (isWoken) this.#wake = resolve;
    const signal = AbortSignal.any([ended.signal, this.#stop.signal]);
    const slept = this.#options.clock.sleep(ms, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    await Promise.race([slept, promise]);
    this.#wake = null;
    ended.abort();
    await slept;
  }

  async #tendAuditLog(): Promise<void> {
    const now = this.#options.clock.steadyMs();
    if (now - this.#auditTendedMs < dayMs) return;
    await this.#database.query('SELECT paceline.make_audit_partitions($1)', [auditMonthsAhead]);
    this.#auditTendedMs = now;
  }
}
