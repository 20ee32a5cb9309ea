import type { Logger } from '../../control/logs/logger.ts';
import { EngineError } from '../../model/errors.ts';
import { dayMs, hourMs } from '../../model/time.ts';
import type { Accounts } from '../../serving/access/store/accounts.ts';

const firstMs = 60_000;
const by = { actor: 'paceline', requestId: 'serving.access.forget_after_days' };

interface Forgetting {
  readonly accounts: Pick<Accounts, 'sessions' | 'invitations'>;
  readonly nowMs: () => number;
  readonly days: number;
  readonly log: Logger;
}

/** Forgets sessions and invitations that ended long ago, every hour; what keeps it from doing so is waited out. */
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
export async function forgetOnce({ accounts, nowMs, days, log }: Forgetting): Promise<void> {
  const before = nowMs() - days * dayMs;
  for (const [what, store] of Object.entries({ sessions: accounts.sessions, invitations: accounts.invitations })) {
    let all = 0;
    for (let gone = -1; gone !== 0; all += gone) gone = await store.forget(by, before);
    if (all > 0) log.info('access.forgotten', { what, rows: all });
  }
}
