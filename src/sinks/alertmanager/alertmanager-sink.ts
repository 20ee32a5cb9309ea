import type { Clock } from '../../model/time.ts';
import { decodeRows } from '../../rows/row-binary.ts';
import { alertEvents } from '../../rows/tables.ts';
import type { OutputChunk, Sink } from '../sink.ts';
import { AlertmanagerClient, type AlertmanagerEndpoint } from './alertmanager-client.ts';
import { type AlertTransition, isForPeople, type Notification, notificationsOf, transitionOf } from './notification.ts';

interface AlertmanagerOptions extends AlertmanagerEndpoint {
  /** Where people look an alert up; becomes its generatorURL. */
  readonly externalUrl: string | null;
  /** How often active alerts are sent again (refresh-alerts.ts), ms. */
  readonly refreshMs: number;
  readonly clock: Clock;
}

/** Elements of one call: a day of alerts of a large lane must not be one body of many megabytes. */
const alertsPerCallMax = 500;
/** An active alert outlives this many rounds of sending again; Prometheus uses four. */
const roundsOutlived = 4;

/** Until when an active alert stays active by itself, epoch ms. */
export function activeUntilMs(clock: Clock, refreshMs: number): number {
  return clock.wallMs() + roundsOutlived * refreshMs;
}

/**
 * Alert transitions to Alertmanager, which groups, silences and repeats. What people are not told stays here. An
 * alert that is posted twice is the same alert, so repeats are harmless; the last transition of an alert
 * in a round is the one that is said.
 */
export class AlertmanagerSink implements Sink {
  readonly name = 'alertmanager';
  readonly streams = [alertEvents.name];
  readonly #options: AlertmanagerOptions;
  readonly #client: AlertmanagerClient;

  constructor(options: AlertmanagerOptions) {
    this.#options = options;
    this.#client = new AlertmanagerClient(options);
  }

  async deliver(chunks: readonly OutputChunk[]): Promise<void> {
    const latest = new Map<string, AlertTransition>();
    for (const transition of chunks.flatMap(transitionsOf)) {
      // Taken out first, so that the order of the map is the order of the transitions that count.
      latest.delete(transition.fingerprint);
      latest.set(transition.fingerprint, transition);
    }
    const { clock, refreshMs, externalUrl } = this.#options;
    const options = { activeUntilMs: activeUntilMs(clock, refreshMs), externalUrl };
    await this.send([...latest.values()].flatMap((transition) => notificationsOf(transition, options)));
  }

  async send(notifications: readonly Notification[]): Promise<void> {
    for (let at = 0; at < notifications.length; at += alertsPerCallMax)
      await this.#client.post(notifications.slice(at, at + alertsPerCallMax));
  }

  check(): Promise<void> {
    return this.#client.check();
  }

  async close(): Promise<void> {
    this.#client.close();
  }
}

function transitionsOf({ streams }: OutputChunk): AlertTransition[] {
  return streams
    .filter(({ stream }) => stream === alertEvents.name)
    .flatMap(({ bytes }) => decodeRows(alertEvents, bytes).map(transitionOf))
    .filter(isForPeople);
}
