import type { WorldOptions } from '../control/engine-parts.ts';
import type { RulePlan } from '../model/plan.ts';
import type { Clock } from '../model/time.ts';
import type { RecordedLog } from '../sources/recorded-log.ts';
import { demoWorld } from '../sources/simulator/demo-world.ts';
import { producePaced } from '../sources/simulator/paced-producer.ts';
import { plansOfWorld } from '../sources/simulator/plans.ts';
import type { EventEncoder } from '../sources/simulator/produce-records.ts';

export interface DemoStage {
  readonly log: RecordedLog;
  readonly encoder: EventEncoder;
  readonly rules: readonly RulePlan[];
  readonly clock: Clock;
}

/** Plays the demo's world into a replayed log, plans first, until it ends or the signal aborts. */
export async function playDemoWorld(stage: DemoStage, options: WorldOptions, signal: AbortSignal): Promise<void> {
  const { log, encoder, clock, rules } = stage;
  const world = demoWorld(options.seed, log.partitions);
  const plans = plansOfWorld(world, { rules });
  await producePaced({ world, plans, log, encoder, clock, speed: options.speed, signal });
}
