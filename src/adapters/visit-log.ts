import { EngineError } from '../model/errors.ts';
import type { StreamIdentity } from '../model/lane.ts';
import type { PlanLog } from '../plans/apply-plans.ts';
import { openDataDirectory } from '../state/sqlite/data-directory.ts';
import { makeEventCodec } from './event-codec.ts';
import { hasKafka, openKafkaLog } from './kafka-log.ts';
import { ScannedPlanLog } from './plan-log.ts';
import { planSigning } from './plan-signing.ts';
import { openEventCodec } from './schema-registry.ts';
import type { Config } from './settings.ts';
import { openEventLog, type VisitContext, visitWaitMs } from './visits.ts';

/** What the ledger of plans calls a stream: never its name alone, for a topic may be made anew. */
export function streamName({ clusterId, topicId }: StreamIdentity): string {
  return `${clusterId}/${topicId}`;
}

interface VisitedLog {
  readonly topic: string;
  readonly identity: StreamIdentity;
  readonly plans: PlanLog;
}

/** Opens the log of events for its plans alone; in a data directory only while no engine runs on it. */
export async function visitLog<T>(
  config: Config,
  context: VisitContext,
  visit: (log: VisitedLog) => Promise<T>,
): Promise<T> {
  await using stack = new AsyncDisposableStack();
  const { topic } = config.log;
  if (hasKafka(config)) {
    if (config.log.mode === 'replayed')
      throw new EngineError(
        'USAGE',
        `${topic} is a replayed stream: its plans are in it, at the times they were applied`,
      );
    const codec = await openEventCodec(config, 'binary', context.clock);
    const { source } = stack.adopt(await openKafkaLog(config, 'campaigns', context), (opened) => opened.close());
    const identity = await source.identity();
    return await visit({
      topic,
      identity,
      plans: new ScannedPlanLog(source, { partitions: identity.partitions, codec, signing: planSigning(config) }),
    });
  }
  const { clock } = context;
  const directory = await openDataDirectory(config.data_directory, { clock, waitMs: visitWaitMs });
  stack.adopt(directory, (opened) => opened.close());
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const plans = new ScannedPlanLog(log, {
    partitions: log.partitions,
    codec: makeEventCodec(log.encoding),
    signing: planSigning(config),
  });
  return await visit({ topic, identity: await log.identity(), plans });
}
