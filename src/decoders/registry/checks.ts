import { type CheckResult, failed, notReached, ok } from '../../model/finding.ts';
import type { ConfluentRegistry } from './confluent-registry.ts';

/** The schema registry: it answers, holds all our schemas, and its newest ones can be read with ours. */
export async function checkRegistry(registry: ConfluentRegistry, url: string): Promise<CheckResult[]> {
  const reachable = 'registry.reachable';
  try {
    await registry.check();
  } catch (error) {
    return [notReached(reachable, error)];
  }
  const results = [ok(reachable, `${url} answers`)];
  try {
    const { missing, unfit } = await registry.compare();
    return [
      ...results,
      missing.length === 0
        ? ok('registry.schemas', 'all our schemas are registered')
        : failed('registry.schemas', `not registered: ${missing.join(', ')}`, 'Run "paceline migrate".'),
      unfit.length === 0
        ? ok('registry.compatibility', 'our newest schemas fit the newest registered ones')
        : failed(
            'registry.compatibility',
            unfit.map(({ subject, reason }) => `${subject}: ${reason}`).join('; '),
            'Somebody registered a version that ours does not fit: mend it there, or use the paceline that knows it.',
          ),
    ];
  } catch (error) {
    return [...results, notReached('registry.schemas', error)];
  }
}
