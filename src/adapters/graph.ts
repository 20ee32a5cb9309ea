import { bronzeTopology } from '../topology/bronze-topology.ts';
import { CampaignLane } from '../topology/campaign-topology.ts';
import type { TopologyNode } from '../topology/topology.ts';
import { logPlaceOf } from './log/log-place.ts';
import { planSinks } from './open-sinks.ts';
import type { Config } from './settings.ts';

/** A program of this configuration, as nodes and as Mermaid. */
export interface DrawnProgram {
  readonly name: string;
  readonly nodes: readonly TopologyNode[];
  /** Why it does not run; null = it runs. */
  readonly whyIdle: string | null;
  readonly mermaid: string;
}

/**
 * The programs that an engine of this configuration runs: the map of a lane like those that it makes, the
 * sinks that it opens or leaves idle. Opens nothing.
 */
export function drawPrograms(config: Config): DrawnProgram[] {
  const log = logPlaceOf(config).title;
  const lane = new CampaignLane({ partition: 0, partitions: config.log.partitions, generation: 1 });
  const campaigns = lane.topology.sinks(planSinks(config));
  const whyIdle = config.bronze.enabled ? null : 'bronze.enabled is false';
  const table = { name: 'table', does: 'records and offsets: one snapshot', streams: [], whyIdle };
  const bronze = bronzeTopology.sinks([table]);
  return [
    { name: campaigns.name, nodes: campaigns.nodes, whyIdle: null, mermaid: campaigns.describe(log) },
    { name: bronze.name, nodes: bronze.nodes, whyIdle, mermaid: bronze.describe(log) },
  ];
}
