import { randomUUID } from 'node:crypto';
import { systemClock } from '../control/system-clock.ts';
import { assert, EngineError } from '../model/errors.ts';
import { laneName } from '../model/lane.ts';
import { awaitLane, type LaneWait } from '../state/redis/await-lane.ts';
import { openDataDirectory } from '../state/sqlite/data-directory.ts';
import { EmbeddedStateStore } from '../state/sqlite/embedded-state-store.ts';
import { CampaignLane } from '../topology/campaign-topology.ts';
import { visitWaitMs } from './log/visits.ts';
import { stateEndpoint } from './open-state.ts';
import type { Config } from './settings.ts';

/** The lane of an organization, and the offset that its state must be past. */
interface ErasedLane {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly org: string;
}

/**
 * Writes the state of a lane anew in the data directory, where nothing of an organization that was closed is left,
 * and the file without its free pages. Returns how many blobs were written. Throws COPY_DIFFERS where the lane was
 * not worked off, or its output waits for its sinks.
 */
export async function sealEmbeddedState(
  config: Pick<Config, 'data_directory'>,
  { topic, partition, offset, org }: ErasedLane,
): Promise<number> {
  const directory = await openDataDirectory(config.data_directory, { clock: systemClock, waitMs: visitWaitMs });
  const store = new EmbeddedStateStore(directory.statePath);
  try {
    const held = await store.readGeneration(topic);
    if (held === null) return 0;
    const { generation, identity } = held;
    const lane = laneName({ topic, partition });
    const token = randomUUID();
    const snapshot = await store.claim(lane, token);
    const { meta } = snapshot;
    if (meta === null || meta.nextOffset <= offset)
      throw new EngineError(
        'COPY_DIFFERS',
        `lane ${lane} is at offset ${meta?.nextOffset ?? 0}, and ${org} was closed at ${offset}`,
      );
    if (snapshot.outbox.length > 0)
      throw new EngineError('SINK_UNAVAILABLE', `output of lane ${lane} still waits for its sinks; run it again`);
    const program = new CampaignLane({
      partition,
      generation,
      partitions: identity.partitions,
      planKey: identity.planKey ?? null,
    });
    program.restore(snapshot);
    if (program.campaignsOf(org) > 0)
      throw new EngineError('COPY_DIFFERS', `lane ${lane} still knows ${program.campaignsOf(org)} campaigns of ${org}`);
    const seq = meta.seq + 1;
    const { delta, bases, oldestDeltaSeq, outputs } = program.harvestWhole(seq);
    assert(outputs.length === 0, 'nothing was applied, so no row changed');
    const commit = { ...meta, lane, token, prevSeq: meta.seq, seq, prevOffset: meta.nextOffset };
    const [outcome] = await store.commit([{ ...commit, delta, bases, oldestDeltaSeq, outbox: null, acknowledged: [] }]);
    if (outcome !== 'OK')
      throw new EngineError('DATA_DIR_LOCKED', `lane ${lane} was taken by another process meanwhile; run it again`);
    store.compact();
    return bases.length + 1;
  } finally {
    await store.close();
    directory.close();
  }
}

/** The same where Redis has the state: its owner rewrites it, and we wait. Null where the state is not in Redis. */
export async function awaitRedisState(
  config: Config,
  { topic, partition, offset }: ErasedLane,
  wait: Omit<LaneWait, 'clock'>,
): Promise<{ readonly seq: number } | null> {
  const endpoint = stateEndpoint(config);
  if (endpoint === null) return null;
  const lane = { prefix: config.redis.key_prefix, lane: laneName({ topic, partition }), offset };
  return await awaitLane(endpoint, lane, { ...wait, clock: systemClock });
}
