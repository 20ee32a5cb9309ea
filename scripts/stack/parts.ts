import { alertmanager } from './alertmanager.ts';
import { icebergRest } from './iceberg-rest.ts';
import { kafka } from './kafka.ts';
import { type Part, type PartName, partNames } from './part.ts';
import { postgres } from './postgres.ts';
import { prometheus } from './prometheus.ts';
import { makeRedis } from './redis.ts';
import { registry } from './registry.ts';
import { s3 } from './s3.ts';
import { StackError } from './stack-error.ts';

export const parts: Readonly<Record<PartName, Part>> = {
  'redis-state': makeRedis('redis-state'),
  'redis-cache': makeRedis('redis-cache'),
  postgres,
  kafka,
  registry,
  alertmanager,
  prometheus,
  s3,
  'iceberg-rest': icebergRest,
};

/** What starts when nobody names parts. */
export const usualParts: readonly PartName[] = ['redis-state', 'redis-cache', 'postgres', 'kafka', 'registry'];

/** Reads part names, in starting order; `redis` means both. Throws StackError on an unknown one. */
export function readParts(words: readonly string[]): PartName[] {
  const named = new Set<string>(words.flatMap((word) => (word === 'redis' ? ['redis-state', 'redis-cache'] : [word])));
  for (const word of named)
    if (!partNames.includes(word as PartName))
      throw new StackError(`there is no part "${word}"; the parts are ${partNames.join(', ')}`);
  return partNames.filter((name) => named.has(name));
}
