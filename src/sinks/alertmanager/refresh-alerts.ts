import { isWorthRetrying } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { type AlertmanagerSink, activeUntilMs } from './alertmanager-sink.ts';
import { type AlertTransition, activeNotificationOf } from './notification.ts';

interface RefreshOptions {
  readonly sink: AlertmanagerSink;
  /** The newest transition of every alert that is open now, from the tables: the truth of all instances. */
  readonly openAlerts: () => Promise<readonly AlertTransition[]>;
  readonly refreshMs: number;
  readonly externalUrl: string | null;
  readonly clock: Clock;
  /** A round that did not come through; the next one comes by itself. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Sends active alerts again until `signal` is aborted: Alertmanager forgets all of them when it restarts,
 * and ends whatever nobody says again. Any instance may do it, also several at a time.
 */
export async function refreshAlerts(options: RefreshOptions, signal: AbortSignal): Promise<void> {
  const { clock, refreshMs } = options;
  while (!signal.aborted) {
    await sendOnce(options);
    await clock.sleep(refreshMs, signal).catch((cause: unknown) => {
      if (!signal.aborted) throw cause;
    });
  }
}

async function sendOnce(options: RefreshOptions): Promise<void> {
  const { sink, openAlerts, clock, refreshMs, externalUrl, onTrouble } = options;
  try {
    const until = { activeUntilMs: activeUntilMs(clock, refreshMs), externalUrl };
    const open = await openAlerts();
    await sink.send(open.flatMap((transition) => activeNotificationOf(transition, until)));
  } catch (error) {
    if (!isWorthRetrying(error)) throw error;
    onTrouble(error);
  }
}
