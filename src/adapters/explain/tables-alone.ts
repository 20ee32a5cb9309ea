import type { Clock } from '../../model/time.ts';
import type { Past } from '../../serving/ports.ts';
import type { Config } from '../settings.ts';
import { writtenPlans } from './written-plans.ts';

/** For the doors: a query over bronze takes seconds and memory that an engine's lanes need. */
export function tablesAlone(config: Pick<Config, 'log' | 'plans' | 'postgres'>, clock: Clock): Past {
  return {
    ...writtenPlans(config, clock),
    topic: config.log.topic,
    whyNoRecords: 'the API asks tables alone; "paceline explain" reads bronze too',
    records: async () => [],
  };
}
