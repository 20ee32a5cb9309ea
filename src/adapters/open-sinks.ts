import { askClickHouse, rowsOf } from '../control/query-client.ts';
import { EngineError } from '../model/errors.ts';
import { alertEvents, deadLetters } from '../rows/tables.ts';
import type { AlertmanagerEndpoint } from '../sinks/alertmanager/alertmanager-client.ts';
import { AlertmanagerSink } from '../sinks/alertmanager/alertmanager-sink.ts';
import { transitionOf } from '../sinks/alertmanager/notification.ts';
import { refreshAlerts } from '../sinks/alertmanager/refresh-alerts.ts';
import { RecordLogSink } from '../sinks/records/record-log-sink.ts';
import type { Sink } from '../sinks/sink.ts';
import type { EngineLog } from './engine-log.ts';
import type { EngineContext } from './engine-parts.ts';
import { readPem } from './pem.ts';
import type { FailureRelay } from './running-engine.ts';
import type { Config } from './settings.ts';
import type { Tables } from './tables.ts';

/** Alerts and dead letters as records, exactly once each. */
export async function openRecordSinks({ kafka }: Config, log: EngineLog): Promise<Sink[]> {
  const { alerts_topic, dead_letters_topic } = kafka;
  return [
    new RecordLogSink({ name: 'alert-records', table: alertEvents, log: await log.openResults(alerts_topic) }),
    new RecordLogSink({
      name: 'dead-letter-records',
      table: deadLetters,
      log: await log.openResults(dead_letters_topic),
      rawColumns: ['key', 'raw'],
    }),
  ];
}

/** Prometheus sends its active alerts again about as often. */
const refreshMs = 60_000;

/**
 * Alertmanager as a sink, when the configuration names one and the stream is live: what a replay finds
 * out about last month must wake nobody.
 */
export function openAlertmanager(
  config: Config,
  tables: Tables,
  { clock, log }: Pick<EngineContext, 'clock' | 'log'>,
  failures: FailureRelay,
  stack: AsyncDisposableStack,
): Sink[] {
  const { urls, external_url: externalUrl } = config.alertmanager;
  if (urls.length === 0) return [];
  if (config.log.mode === 'replayed') {
    log.warn('alertmanager.idle', { reason: 'log.mode is replayed: a replay tells nobody of old alerts' });
    return [];
  }
  const onTrouble = (error: unknown) => log.warn('alertmanager.trouble', { error });
  const sink = new AlertmanagerSink({ ...alertmanagerEndpoint(config), externalUrl, refreshMs, clock, onTrouble });
  stack.defer(() => sink.close());
  const ending = new AbortController();
  const openAlerts = async () => rowsOf(await askOpenAlerts(tables)).map(transitionOf);
  const refreshing = refreshAlerts({ sink, openAlerts, refreshMs, externalUrl, clock, onTrouble }, ending.signal).catch(
    (error: unknown) => failures.tell(error),
  );
  stack.defer(async () => {
    ending.abort();
    await refreshing;
  });
  return [sink];
}

/** Where the Alertmanagers are and what opens them. */
export function alertmanagerEndpoint({ alertmanager }: Config): Omit<AlertmanagerEndpoint, 'onTrouble'> {
  const { urls, username, password, ca_file: ca } = alertmanager;
  return { urls, username, password, ca: ca === null ? null : readPem(ca, 'alertmanager.ca_file') };
}

async function askOpenAlerts({ reader, database }: Tables) {
  const query = `SELECT * REPLACE(
    toUnixTimestamp64Milli(evaluated_at) AS evaluated_at, toUnixTimestamp64Milli(active_since) AS active_since
  ) FROM ${database}.v_alerts_open`;
  try {
    return await askClickHouse(reader, query);
  } catch (error) {
    // Whatever keeps the tables from answering, the next round asks again.
    throw new EngineError('SINK_UNAVAILABLE', 'the open alerts cannot be read', { cause: error });
  }
}
