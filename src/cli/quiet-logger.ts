import { type Logger, makeLogger } from '../control/logs/logger.ts';
import { systemClock } from '../control/system-clock.ts';

/** For commands whose output is for people: only what went wrong is logged. */
export function quietLogger(): Logger {
  return makeLogger({ level: 'error', clock: systemClock });
}
