import { EngineError } from '../../model/errors.ts';
import type { Clock } from '../../model/time.ts';
import { readPlanFiles } from '../../plans/plan-files.ts';
import { demoOrders, demoWorld } from '../../simulator/demo-world.ts';
import { producePaced } from '../../simulator/paced-producer.ts';
import { plansOfWorld } from '../../simulator/plans.ts';
import type { EngineParts } from '../engine-parts.ts';
import type { Config } from '../settings.ts';

interface DemoOptions {
  readonly seed: number;
  /** Simulated seconds per second. */
  readonly speed: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Plays the demo's world into the replayed log of an engine, plans with the configured rules first, paced
 * by the clock; resolves when it ends or the signal aborts.
 */
export async function playDemoWorld(
  { producer }: Pick<EngineParts, 'producer'>,
  { plans: files }: Pick<Config, 'plans'>,
  { seed, ...pace }: DemoOptions,
): Promise<void> {
  if (producer === null) throw new EngineError('USAGE', 'a world is played into the log of the data directory alone');
  const world = demoWorld(seed, producer.log.partitions);
  const decided = plansOfWorld(world, { rules: readPlanFiles(files).rules.map(({ rule }) => rule) });
  const orders = demoOrders(world);
  const plans = decided.map((plan) => {
    const own = orders[plan.org_id];
    return own === undefined ? plan : { ...plan, orders: own };
  });
  await producePaced({ world, plans, ...producer, ...pace });
}
