import type { Clock } from '../model/time.ts';
import { allLanes } from '../runtime/fixed-assignment.ts';
import type { DataDirectory } from '../state/sqlite/data-directory.ts';
import type { EngineLog } from './engine-log.ts';
import { makeEventCodec } from './event-codec.ts';
import { ScannedPlanLog } from './plan-log.ts';
import { planSigning } from './plan-signing.ts';
import type { Config } from './settings.ts';
import { openTopicLog } from './topic-log.ts';
import { openEventLog } from './visits.ts';

/** The log in the data directory: all lanes are ours for ever, and its writer is us. */
export async function openRecordedEngineLog(
  config: Config,
  directory: DataDirectory,
  clock: Clock,
): Promise<EngineLog> {
  await using stack = new AsyncDisposableStack();
  const log = stack.adopt(await openEventLog(config, directory, clock), (opened) => opened.close());
  const { partitions } = log;
  const identity = await log.identity();
  const codec = makeEventCodec(log.encoding);
  const opened = stack.move();
  return {
    name: `the log in ${config.data_directory}`,
    source: log,
    assignment: allLanes(partitions),
    identity,
    codec,
    recorded: log,
    openResults: async (topic) =>
      opened.adopt(await openTopicLog({ dir: directory.logDirectory, topic, partitions, clock }), (each) =>
        each.close(),
      ),
    plans: new ScannedPlanLog(log, { partitions, codec, signing: planSigning(config) }),
    // The state lies beside the log, in one directory with one owner: neither is ever without the other.
    hasHistory: async () => false,
    close: () => opened.disposeAsync(),
  };
}
