import { BackOff } from '../model/back-off.ts';
import { isWorthRetrying } from '../model/errors.ts';
import type { Source } from '../sources/source.ts';
import type { Alarm } from './alarm.ts';

interface BoundsQuestion {
  readonly source: Source;
  /** Rung when the runner stops. */
  readonly retryAlarm: Alarm;
  readonly isEnded: () => boolean;
}

/** Where the log of a partition begins and ends; a log that is away for a while is asked again. */
export async function askBounds(
  partition: number,
  { source, retryAlarm, isEnded }: BoundsQuestion,
): Promise<{ start: number; end: number }> {
  const backOff = new BackOff();
  for (;;) {
    try {
      return await source.bounds(partition);
    } catch (error) {
      if (!isWorthRetrying(error) || isEnded()) throw error;
      await retryAlarm.sleep(backOff.fail());
    }
  }
}
