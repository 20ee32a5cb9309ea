import pg from 'pg';
import { formatProblem } from '../../control/config/problem.ts';
import { BackOff } from '../../model/back-off.ts';
import { EngineError } from '../../model/errors.ts';
import { publishFact } from '../../model/facts.ts';
import type { Clock } from '../../model/time.ts';
import { applyEdits, type EditsOutcome } from './apply-edits.ts';
import type { PostgresSettings } from './config.ts';
import { connectionOptions, Database } from './database.ts';
import { auditMonthsAhead } from './migrate.ts';
import type { PlanTarget } from './plan-ledger.ts';
import { asControlError } from './postgres-failure.ts';

/** While another instance applies an edit, we look again soon: it may die at it. */
const busyRetryMs = 1_000;
const firstRetryMs = 200;
const retryMsMax = 30_000;
const dayMs = 86_400_000;

export interface WatchEditsOptions {
  readonly settings: PostgresSettings;
  readonly target: PlanTarget;
  readonly clock: Clock;
  /** Called once, for what neither waiting nor a person can mend: a bug. */
  readonly onFailure: (error: unknown) => void;
}

/**
 * Follows the edits in the database for as long as the engine runs: told at once by NOTIFY, found by a
 * poll when a notification got lost. While PostgreSQL is away or refuses us, the rules in force stay in
 * force, and we try again with growing pauses; the facts `control.*` and `plan.*` tell.
 */
export class EditWatcher {
  readonly #options: WatchEditsOptions;
  readonly #database: Database;
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
    await this.#done;
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
      const outcome = await applyEdits(this.#database, this.#options.target, { isForced: this.#isFirst });
      await this.#tendAuditLog();
      this.#tell(outcome);
      return outcome.kind === 'busy' ? Math.min(busyRetryMs, this.#pollMs) : this.#pollMs;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const waitMs = this.#backOff.fail();
      publishFact('control.failed', { attempt: this.#backOff.attempts, error });
      return waitMs;
    }
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
    const client = new pg.Client({ ...connectionOptions(this.#options.settings), statement_timeout: 10_000 });
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
      await client.end();
      throw asControlError(error, this.#database.name);
    }
  }

  #notify(): void {
    this.#isNotified = true;
    this.#wake?.();
  }

  async #dropListener(): Promise<void> {
    const client = this.#listener;
    this.#listener = null;
    await client?.end();
  }

  /** Waits, unless somebody told us something since the turn began. */
  async #rest(ms: number): Promise<void> {
    if (this.#isNotified || this.#stop.signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const ended = new AbortController();
    this.#wake = resolve;
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
