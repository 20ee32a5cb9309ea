import type { Logger } from '../../control/logs/logger.ts';
import { EngineError } from '../../model/errors.ts';
import { dayMs, hourMs } from '../../model/time.ts';
import type { Accounts } from '../../serving/access/store/accounts.ts';

const firstMs = 60_000;
/** Who repeats a call does so within minutes; a day is what clients of other APIs are used to. */
const callsKeptDays = 1;

interface Forgetting {
  readonly accounts: Pick<Accounts, 'sessions' | 'invitations' | 'keys' | 'replays' | 'calls'>;
  readonly nowMs: () => number;
  readonly days: number;
  readonly replaysDays: number;
  readonly log: Logger;
}

/** Forgets sessions, invitations, keys, replays and idempotency keys that ended long ago, every hour; what keeps it from doing so is waited out. */
export function forgetEndedHourly(forgetting: Forgetting): Disposable {
  const attempt = (): void => {
    forgetOnce(forgetting).catch((error: unknown) => {
      if (!(error instanceof EngineError)) throw error;
      forgetting.log.warn('access.not_forgotten', { error });
    });
  };
  const first = setTimeout(attempt, firstMs).unref();
  const hourly = setInterval(attempt, hourMs).unref();
  return {
    [Symbol.dispose]() {
      clearTimeout(first);
      clearInterval(hourly);
    },
  };
}

/** All that is due now, a bounded piece at a time. */
export async function forgetOnce({ accounts, nowMs, days, replaysDays, log }: Forgetting): Promise<void> {
  const { sessions, invitations, keys, replays, calls } = accounts;
  const ended = { requestId: 'serving.access.forget_after_days', days };
  const sent = { requestId: 'serving.access.forget_replays_after_days', days: replaysDays };
  const due = [
    { what: 'sessions', store: sessions, ...ended },
    { what: 'invitations', store: invitations, ...ended },
    { what: 'keys', store: keys, ...ended },
    { what: 'replays', store: replays, ...sent },
    { what: 'calls', store: calls, requestId: 'Idempotency-Key', days: callsKeptDays },
  ];
  for (const { what, store, requestId, days: kept } of due) {
    const before = nowMs() - kept * dayMs;
    let all = 0;
    for (let gone = -1; gone !== 0; all += gone) gone = await store.forget({ actor: 'paceline', requestId }, before);
    if (all > 0) log.info('access.forgotten', { what, rows: all });
  }
}
