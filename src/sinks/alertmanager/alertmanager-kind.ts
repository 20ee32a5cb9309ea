import { type CheckResult, notReached, ok, worstOf } from '../../model/finding.ts';
import { alertEvents } from '../../rows/tables.ts';
import type { Sink } from '../sink.ts';
import { type ReadPem, type SinkPorts, sinkKind } from '../sink-kind.ts';
import { AlertmanagerClient, type AlertmanagerEndpoint } from './alertmanager-client.ts';
import { AlertmanagerSink } from './alertmanager-sink.ts';
import { type AlertmanagerSettings, alertmanagerSection } from './config.ts';
import { shownTransitionOf } from './notification.ts';
import { refreshAlerts } from './refresh-alerts.ts';

/** Prometheus sends its active alerts again about as often. */
const refreshMs = 60_000;
const reachable = 'alertmanager.reachable';

export const alertmanagerKind = sinkKind({
  section: alertmanagerSection,
  does: 'groups, silences, repeats',
  streams: [alertEvents.name],
  isConfigured: ({ urls }) => urls.length > 0,
  // What a replay finds out about last month must wake nobody.
  whyIdle: ({ mode }) => (mode === 'replayed' ? 'log.mode is replayed: a replay tells nobody of old alerts' : null),
  open: openAlertmanager,
  checks: {
    [reachable]:
      'Every Alertmanager answers under /api/v2. One that is away is told here; alerts get through as long as one takes them.',
  },
  check: checkAlertmanager,
});

/** The sink, and beside it the rounds that say again what is active. */
function openAlertmanager(settings: AlertmanagerSettings, ports: SinkPorts, readPem: ReadPem): Sink {
  const { clock, onTrouble, fail } = ports;
  const { external_url: externalUrl } = settings;
  const sink = new AlertmanagerSink({ ...endpointOf(settings, readPem), externalUrl, refreshMs, clock, onTrouble });
  const openAlerts = async () => (await ports.query(openAlertsQuery(ports.database))).map(shownTransitionOf);
  const ending = new AbortController();
  const rounds = { sink, openAlerts, refreshMs, externalUrl, clock, onTrouble };
  const refreshing = refreshAlerts(rounds, ending.signal).catch(fail);
  return {
    name: sink.name,
    streams: sink.streams,
    deliver: (chunks) => sink.deliver(chunks),
    check: () => sink.check(),
    close: async () => {
      ending.abort();
      await refreshing;
      await sink.close();
    },
  };
}

function openAlertsQuery(database: string): string {
  return `SELECT * REPLACE(
    toUnixTimestamp64Milli(evaluated_at) AS evaluated_at, toUnixTimestamp64Milli(active_since) AS active_since
  ) FROM ${database}.alert_latest FINAL
  WHERE told NOT IN ('', 'as_state')
    OR told = 'as_state' AND mode = 'notify' AND to_state IN ('firing', 'recovering', 'no_data', 'error')`;
}

function endpointOf(
  { urls, username, password, ca_file: ca }: AlertmanagerSettings,
  readPem: ReadPem,
): Omit<AlertmanagerEndpoint, 'onTrouble'> {
  return { urls, username, password, ca: ca === null ? null : readPem(ca, 'alertmanager.ca_file') };
}

/** Every Alertmanager answers: one is enough for alerts to get through, yet each that is away is told. */
async function checkAlertmanager(settings: AlertmanagerSettings, readPem: ReadPem): Promise<CheckResult[]> {
  const endpoint = endpointOf(settings, readPem);
  const each = await Promise.all(
    endpoint.urls.map(async (url) => {
      const client = new AlertmanagerClient({ ...endpoint, urls: [url], onTrouble: () => {} });
      try {
        await client.check();
        return ok(reachable, new URL(url).origin);
      } catch (error) {
        return notReached(reachable, error);
      } finally {
        client.close();
      }
    }),
  );
  return [worstOf(each)];
}
