import type { Clock } from '../model/time.ts';
import type { RulePlan } from '../rules/plan.ts';
import { demoWorld } from '../simulator/demo-world.ts';
import { producePaced } from '../simulator/paced-producer.ts';
import { plansOfWorld } from '../simulator/plans.ts';
import type { EventEncoder } from '../simulator/produce-records.ts';
import type { RecordedLog } from '../sources/recorded/recorded-log.ts';
import type { WorldOptions } from './engine-parts.ts';

interface DemoStage {
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
