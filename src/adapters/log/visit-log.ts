import type { StreamIdentity } from '../../model/lane.ts';
import type { Config } from '../settings.ts';
import type { PlannedLog } from './engine-log.ts';
import { logPlaceOf } from './log-place.ts';
import type { VisitContext } from './visits.ts';

/** What the ledger of plans calls a stream: never its name alone, for a topic may be made anew. */
export function streamName({ clusterId, topicId }: StreamIdentity): string {
  return `${clusterId}/${topicId}`;
}

/** Opens the log of events for its plans alone; in a data directory only while no engine runs on it. */
export async function visitLog<T>(
  config: Config,
  context: VisitContext,
  visit: (log: Omit<PlannedLog, 'close'>) => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack();
  return await visit(stack.adopt(await logPlaceOf(config).openForPlans(context), (log) => log.close()));
}
