import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import { hourMs, minuteMs } from '../../src/model/time.ts';
import { LanePlayer } from '../../src/replay/lane-player.ts';
import { alertEvents, pacingSnapshots, type ReadRowOf } from '../../src/rows/tables.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { CampaignRun } from '../../src/simulator/campaign-run.ts';
import { RecordProducer } from '../../src/simulator/produce-records.ts';
import { simulateWorld } from '../../src/simulator/simulate-world.ts';
import { campaignKey, type World } from '../../src/simulator/world.ts';
import { openRecordedLog } from '../../src/sources/recorded/recorded-log.ts';

export interface Played {
  readonly alerts: readonly ReadRowOf<typeof alertEvents>[];
  readonly snapshots: readonly ReadRowOf<typeof pacingSnapshots>[];
  /** What each campaign had really spent at the end of each hour of the log, micros, by `campaignKey`. */
  readonly spent: ReadonlyMap<string, readonly number[]>;
}

/** The rows that the engine makes of a world under some plans: its log on disk, played in memory. */
export async function playWorld(world: World, plans: readonly Plan[]): Promise<Played> {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-score-'));
  const { partitions } = world;
  const codec = makeEventCodec('binary');
  const log = await openRecordedLog({
    ...{ dir, topic: eventsTopic, partitions, mode: 'replayed', encoding: 'binary', clock: systemClock },
  });
  try {
    const producer = new RecordProducer(log, codec.encoder);
    const spent = new Map(world.campaigns.map((campaign) => [campaignKey(campaign), [] as number[]]));
    const note = ({ campaign, spentMicros }: CampaignRun, minute: number) => {
      if (minute % hourMs === hourMs - minuteMs) spent.get(campaignKey(campaign))!.push(spentMicros);
    };
    for (const record of simulateWorld(world, plans, note)) {
      producer.add(record);
      if (producer.isFull) await producer.flush();
    }
    await producer.flush();
    const played = { alerts: [] as Played['alerts'][number][], snapshots: [] as Played['snapshots'][number][], spent };
    for (let partition = 0; partition < partitions; partition++) {
      const lane = { partition, partitions, generation: 1, planKey: null };
      const player = new LanePlayer(lane, { decoder: codec.makeDecoder(), tables: [alertEvents, pacingSnapshots] });
      const { start, end } = await log.bounds(partition);
      for await (const run of log.readBack(partition, start, end)) await player.play(run);
      played.alerts.push(...player.take(alertEvents));
      played.snapshots.push(...player.take(pacingSnapshots));
    }
    return played;
  } finally {
    await log.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
