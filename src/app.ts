import { randomBytes } from 'node:crypto';
import { openEngine } from './adapters/adapters.ts';
import type { EngineContext, EngineParts, EngineStanding } from './adapters/engine-parts.ts';
import { namesHistory, refreshHistoryViews } from './adapters/lake/history-views.ts';
import { openTablesForReading } from './adapters/log/visits.ts';
import { openTracing } from './adapters/open-tracing.ts';
import { type Config, type LoadedConfig, settingsSchema } from './adapters/settings.ts';
import { ConfigStore, type ReloadOutcome } from './control/config/config-store.ts';

import { type HttpServer, startHttpServer } from './control/http/http-server.ts';
import type { Logger } from './control/logs/logger.ts';
import { Metrics } from './control/metrics/metrics.ts';
import { FactObserver } from './control/observe-facts.ts';
import { askClickHouse, type QueryAnswer } from './control/query-client.ts';
import type { EngineState, EngineStatus } from './control/status.ts';
import type { Tracing } from './control/tracing/start-tracing.ts';
import { rejectReasons } from './events/event-batch.ts';
import { assert, EngineError } from './model/errors.ts';
import type { Clock } from './model/time.ts';
import { deadLetters } from './rows/tables.ts';
import { type PlanDraft, planDraftSchema } from './rules/plan.ts';

export interface EngineOptions {
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads the configuration again, with the flags of the call; absent = reload changes nothing. */
  readonly loadAgain?: () => LoadedConfig;
  /** Ends the waiting for servers that are not there yet, so that a stop never waits for them. */
  readonly signal?: AbortSignal;
  /** Append nothing of our own (no tick, no plan); `drain` then works off the log, once. */
  readonly isUntilEnd?: boolean;
  readonly isNewGeneration?: boolean;
  /** Serve no HTTP: for short visits and tests. */
  readonly isSilent?: boolean;
  /** Told which part is asked for. */
  readonly onOpening?: (part: string) => void;
  /** Told for which part the opening waits, and why. */
  readonly onWaiting?: (part: string, error: EngineError) => void;
  /** Told where health and status answer, as soon as they do. */
  readonly onServing?: (url: string) => void;
  /** Where the parts come from; tests bring their own. */
  readonly open?: (config: Config, context: EngineContext) => Promise<EngineParts>;
}

export interface Queries extends AsyncDisposable {
  ask(sql: string): Promise<QueryAnswer>;
}

/** Opens the tables of a data directory for queries: through its running engine, else by itself. */
export async function openQueries(config: Config, log: Logger, clock: Clock): Promise<Queries> {
  const { endpoint, writer, close } = await openTablesForReading(config, { clock, log });
  const ask = async (sql: string): Promise<QueryAnswer> => {
    // An engine tells the views where gold is; without one we do, for who asks them.
    if (writer !== null && namesHistory(sql)) await refreshHistoryViews(config, writer);
    return await askClickHouse(endpoint, sql);
  };
  return { ask, [Symbol.asyncDispose]: close };
}

/** The engine trusts no one with its log: what arrives is checked like what a file says. */
function parseDrafts(body: string): PlanDraft[] {
  let drafts: unknown;
  try {
    drafts = JSON.parse(body);
  } catch (cause) {
    throw new EngineError('RULE_INVALID', 'the body is not JSON', { cause });
  }
  if (!Array.isArray(drafts)) throw new EngineError('RULE_INVALID', 'the body is not a list of plans');
  return drafts.map((draft: unknown) => {
    const parsed = planDraftSchema.safeParse(draft);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw new EngineError('RULE_INVALID', problems.join('; '));
  });
}

/** A running engine. */
export interface Engine {
  readonly addresses: EngineStatus['addresses'];
  /** Opens the console as the operator, whose token it carries; null where no doors are open. */
  readonly consoleLink: string | null;
  readonly parts: EngineParts;
  readonly metrics: Metrics;
  /** Rejects when the engine cannot go on; never resolves otherwise. */
  readonly failed: Promise<never>;
  /** Whether it comes on. */
  standing(): EngineStanding;
  /** Resolves when all that the log holds now is applied, committed and delivered. */
  drain(signal?: AbortSignal): Promise<void>;
  /** Last commit, sinks flushed; gives up waiting after the deadline of the configuration. */
  stop(): Promise<void>;
  reload(): ReloadOutcome;
  status(): EngineStatus;
}

/**
 * Opens everything and starts the lanes. What was opened is closed again when a later step fails. While
 * a server is waited for, health and status answer already and say for whom.
 */
export async function startEngine(loaded: LoadedConfig, options: EngineOptions): Promise<Engine> {
  const metrics = new Metrics({ withProcess: true });
  // Listens from the first moment, so that no fact of the opening is missed.
  const observer = new FactObserver(metrics, options.log, options.clock, rejectReasons);
  const engine = new RunningEngine(loaded, options, metrics, observer);
  try {
    await engine.begin();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

class RunningEngine implements Engine {
  #parts: EngineParts | null = null;
  readonly metrics: Metrics;
  readonly failed: Promise<never>;
  readonly #config: ConfigStore<Config>;
  readonly #options: EngineOptions;
  readonly #observer: FactObserver;
  readonly #ownToken = randomBytes(24).toString('base64url');
  readonly #watching = new AbortController();
  #fail!: (error: unknown) => void;
  #http: HttpServer | null = null;
  #api: { readonly url: string; close(): Promise<void> } | null = null;
  #serving: Promise<void> | null = null;
  #tracing: Tracing | null = null;
  /** The part that the opening waits for, with its trouble. */
  #waitingFor: { readonly part: string; readonly words: string } | null = null;
  #state: EngineState = 'starting';
  #failure: string | null = null;
  #checksumShown = '';
  #stopping: Promise<void> | null = null;

  constructor(loaded: LoadedConfig, options: EngineOptions, metrics: Metrics, observer: FactObserver) {
    this.#observer = observer;
    this.metrics = metrics;
    this.#options = options;
    this.failed = new Promise<never>((_, reject) => {
      this.#fail = reject;
    });
    // Whoever waits for `failed` hears of it; without a listener the status still tells.
    this.failed.catch(() => {});
    this.#config = new ConfigStore(loaded, {
      settings: settingsSchema.settings,
      load: options.loadAgain ?? (() => loaded),
      clock: options.clock,
      onOutcome: (outcome) => this.#tellReload(outcome),
    });
    this.#config.onChange((config) => options.log.setLevel(config.logging.level));
  }

  get addresses(): EngineStatus['addresses'] {
    const { url: api = null } = this.#api ?? {};
    return { http: this.#http?.url ?? null, clickhouse: this.#parts?.queries?.url ?? null, api };
  }

  get consoleLink(): string | null {
    return this.#api === null ? null : `${this.#api.url}/console#token=${encodeURIComponent(this.#token())}`;
  }

  get parts(): EngineParts {
    assert(this.#parts !== null, 'a started engine has its parts');
    return this.#parts;
  }

  /** Opens, serves, announces, starts the lanes; in this order, so that a taken port leaves no trace. */
  async begin(): Promise<void> {
    const { version, clock, log, isSilent } = this.#options;
    if (!isSilent)
      this.#tracing = await openTracing(this.#config.config, { version, clock, log, metrics: this.metrics });
    const parts = await this.#open();
    this.#waitForNobody();
    this.#parts = parts;
    this.#observer.knowSinks(parts.sinks().map(({ sink }) => sink));
    await this.#serve();
    if (this.#http !== null) await this.#openDoors(parts, this.#http.url);
    parts.start((error) => this.#takeFailure(error));
    this.#state = 'running';
    if (this.#options.loadAgain)
      void this.#config.watch(this.#watching.signal).catch((error) => this.#takeFailure(error));
    this.#options.log.info('engine.started', { ...this.addresses, generation: this.parts.generation });
  }

  /** The API where it is wanted; then others are told where everything answers. */
  async #openDoors(parts: EngineParts, http: string): Promise<void> {
    const { version } = this.#options;
    const token = () => this.#token();
    this.#api = await parts.serve({ version, metrics: this.metrics, status: () => this.status(), token });
    await parts.announce({ http, api: this.#api?.url ?? null, token: token() });
  }

  #open(): Promise<EngineParts> {
    const { clock, log, signal, isUntilEnd, isNewGeneration, open = openEngine } = this.#options;
    return open(this.#config.config, {
      clock,
      log,
      isUntilEnd: isUntilEnd ?? false,
      isNewGeneration: isNewGeneration ?? false,
      signal: signal ?? this.#watching.signal,
      onOpening: (part) => {
        this.#waitForNobody();
        this.#options.onOpening?.(part);
      },
      onWaiting: (part, error) => {
        this.#waitFor(part, error);
        this.#options.onWaiting?.(part, error);
        log.warn('engine.waiting', { for: part, error });
        this.#serve().catch((trouble: unknown) => this.#takeFailure(trouble));
      },
    });
  }

  #waitFor(part: string, { message }: EngineError): void {
    this.#waitingFor = { part, words: `${part}: ${message}` };
    this.metrics.set('paceline_waiting_for', { part }, 1);
  }

  #waitForNobody(): void {
    if (this.#waitingFor !== null) this.metrics.remove('paceline_waiting_for', { part: this.#waitingFor.part });
    this.#waitingFor = null;
  }

  /** Once: at the latest when all is open, earlier when something is waited for. */
  #serve(): Promise<void> {
    this.#serving ??= this.#options.isSilent ? Promise.resolve() : this.#listen();
    return this.#serving;
  }

  async #listen(): Promise<void> {
    this.#http = await startHttpServer(this.#config.config.http, {
      metrics: () => this.#printMetrics(),
      whyNotLive: () => this.#failure ?? this.#parts?.whyNotLive() ?? null,
      whyNotReady: () => this.#whyNotReady(),
      status: () => this.status(),
      reload: () => this.reload(),
      apply: async (body) => {
        if (this.#parts === null) throw new EngineError('CONTROL_UNAVAILABLE', this.#whyNotReady() ?? 'starting');
        return await this.#parts.applyDrafts(parseDrafts(body));
      },
      append: async (body) => {
        if (this.#parts === null) throw new EngineError('CONTROL_UNAVAILABLE', this.#whyNotReady() ?? 'starting');
        return await this.#parts.appendRecords(body);
      },
      token: () => this.#token(),
    });
    this.#options.onServing?.(this.#http.url);
  }

  #whyNotReady(): string | null {
    if (this.#parts === null && this.#waitingFor !== null) return `waiting for ${this.#waitingFor.words}`;
    if (this.#parts === null || this.#state !== 'running') return `the engine is ${this.#state}`;
    const trouble = this.#observer.controlTrouble;
    const edits = trouble === null ? null : `edits wait, and the rules in force stay in force: ${trouble}`;
    return this.#parts.whyNotReady() ?? edits;
  }

  standing(): EngineStanding {
    const { progress, trouble } = this.parts.standing();
    const state = this.#observer.stateTrouble;
    return { progress, trouble: trouble ?? (state === null ? null : new Error(`the state: ${state}`)) };
  }

  async drain(signal?: AbortSignal): Promise<void> {
    this.#state = 'draining';
    await Promise.race([this.failed, this.parts.drain(signal)]);
    this.#state = 'running';
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopOnce();
    return this.#stopping;
  }

  reload(): ReloadOutcome {
    return this.#config.reload();
  }

  status(): EngineStatus {
    return {
      version: this.#options.version,
      state: this.#state,
      failure: this.#failure,
      pid: process.pid,
      data_directory: this.#config.config.data_directory,
      generation: this.#parts?.generation ?? 0,
      waiting_for: this.#waitingFor?.words ?? null,
      not_ready: this.#whyNotReady(),
      addresses: this.addresses,
      config: {
        files: this.#config.files,
        checksum: this.#config.checksum,
        last_reload_successful: this.#config.counts.isLastSuccessful,
      },
      lanes: this.#observer.lanes(),
      sinks: this.#parts?.sinks() ?? [],
      records: this.metrics.total('paceline_records_in_total'),
      dead_letters: this.metrics.value('paceline_rows_out_total', { stream: deadLetters.name }),
      undelivered_bytes: this.#parts?.undeliveredBytes() ?? 0,
    };
  }

  async #stopOnce(): Promise<void> {
    this.#watching.abort();
    this.#state = 'draining';
    const { deadline_ms } = this.#config.config.shutdown;
    const deadline = new AbortController();
    const late = this.#options.clock.sleep(deadline_ms, deadline.signal).then(
      () => 'late',
      () => 'in time',
    );
    const closed = this.#close().then(() => 'closed');
    try {
      if ((await Promise.race([closed, late])) === 'late')
        throw new EngineError(
          'STATE_UNAVAILABLE',
          `not everything could be flushed within ${deadline_ms} ms; the next start delivers it`,
        );
    } finally {
      deadline.abort();
      this.#observer[Symbol.dispose]();
      this.#state = this.#failure === null ? 'stopped' : 'failed';
      this.#options.log.info('engine.stopped', { state: this.#state });
      this.#options.log.flush();
    }
  }

  /** Lanes first, so that health and status answer while the last commit goes out. */
  async #close(): Promise<void> {
    try {
      await this.#api?.close();
    } finally {
      await this.#closeParts();
    }
  }

  async #closeParts(): Promise<void> {
    try {
      await this.#parts?.close();
    } finally {
      await this.#http?.close();
      await this.#tracing?.close();
    }
  }

  #token(): string {
    return this.#config.config.http.token ?? this.#ownToken;
  }

  #takeFailure(error: unknown): void {
    if (this.#failure !== null) return;
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#state = 'failed';
    this.#options.log.error('engine.failed', { error: error instanceof Error ? error : new Error(String(error)) });
    this.#fail(error);
  }

  #tellReload(outcome: ReloadOutcome): void {
    const { log } = this.#options;
    if (outcome.result === 'rejected') log.error('config.reload_rejected', { reason: outcome.reason });
    else if (outcome.result === 'applied')
      log.info('config.reloaded', { applied: outcome.applied, waiting_for_restart: outcome.waitingForRestart });
  }

  async #printMetrics(): Promise<string> {
    const { counts, checksum } = this.#config;
    this.metrics.set('paceline_build_info', { version: this.#options.version, node: process.versions.node }, 1);
    const shown = checksum.slice(0, 16);
    // One configuration is in force: a reloaded one takes the place of the one before.
    if (shown !== this.#checksumShown) this.metrics.remove('paceline_config_info', { checksum: this.#checksumShown });
    this.#checksumShown = shown;
    this.metrics.set('paceline_config_info', { checksum: shown }, 1);
    this.metrics.set('paceline_config_last_reload_successful', {}, counts.isLastSuccessful ? 1 : 0);
    this.metrics.set('paceline_config_last_reload_success_timestamp_seconds', {}, counts.lastSuccessWallMs / 1_000);
    this.metrics.set('paceline_undelivered_bytes', {}, this.#parts?.undeliveredBytes() ?? 0);
    return await this.metrics.print();
  }
}
