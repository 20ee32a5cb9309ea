import { randomBytes } from 'node:crypto';
import { startHttpServer } from '../../control/http/http-server.ts';
import type { Logger } from '../../control/logs/logger.ts';
import { Metrics } from '../../control/metrics/metrics.ts';
import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { openTracing } from '../open-tracing.ts';
import type { Config } from '../settings.ts';
import { serverEndpoint } from '../tables.ts';
import { openServing } from './open-serving.ts';

export interface ServeAlone {
  /** Of the API. */
  readonly url: string;
  /** Of metrics and health. */
  readonly controlUrl: string;
  close(): Promise<void>;
}

const lookEveryMs = 5_000;

/**
 * The API without an engine, over servers that others fill: it keeps nothing, so as many as are wanted may stand
 * side by side. Throws CONFIG_INVALID where the tables are embedded, which one process alone can open.
 */
export async function serveAlone(
  config: Config,
  { version, clock, log }: { version: string; clock: Clock; log: Logger },
): Promise<ServeAlone> {
  if (config.clickhouse.url === null)
    throw new EngineError(
      'CONFIG_INVALID',
      'clickhouse.url names no server; embedded tables are served by "paceline run"',
    );
  await using stack = new AsyncDisposableStack();
  const metrics = new Metrics({ withProcess: true });
  const tracing = await openTracing(config, { version, clock, log, metrics });
  stack.defer(() => tracing.close());
  const randomToken = randomBytes(24).toString('base64url');
  const token = () => config.http.token ?? randomToken;
  const endpoint = serverEndpoint(config);
  const serving = await openServing(config, {
    version,
    clock,
    log,
    metrics,
    endpoint,
    engine: null,
    writer: null,
    operatorToken: token,
  });
  stack.defer(() => serving.close());
  const look = new LookAtTables(serving.check, clock);
  stack.defer(() => look.stop());
  const isStopping = { yes: false };
  const refuse = () => {
    throw new EngineError('USAGE', 'this process serves and runs no engine');
  };
  const control = await startHttpServer(config.http, {
    metrics: () => metrics.print(),
    whyNotLive: () => null,
    whyNotReady: () => (isStopping.yes ? 'stopping' : look.trouble),
    status: () => ({ version, state: isStopping.yes ? 'stopping' : 'running', pid: process.pid, api: serving.url }),
    reload: refuse,
    apply: refuse,
    append: refuse,
    token,
  });
  stack.defer(() => control.close());
  const opened = stack.move();
  log.info('serving.started', { api: serving.url, http: control.url });
  return {
    url: serving.url,
    controlUrl: control.url,
    async close() {
      isStopping.yes = true;
      await opened.disposeAsync();
      log.info('serving.stopped', {});
      log.flush();
    },
  };
}

/** Whether the tables answer, looked at every few seconds: a balancer sends nobody here meanwhile. */
class LookAtTables {
  trouble: string | null = 'the tables were not asked yet';
  readonly #stopped = new AbortController();
  readonly #done: Promise<void>;

  constructor(check: () => Promise<void>, clock: Clock) {
    this.#done = this.#look(check, clock);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#done;
  }

  async #look(check: () => Promise<void>, clock: Clock): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      this.trouble = await check().then(
        () => null,
        (error: unknown) => `the tables do not answer: ${error instanceof Error ? error.message : String(error)}`,
      );
      // Aborted = this process stops.
      await clock.sleep(lookEveryMs, signal).catch(() => undefined);
    }
  }
}
