import { expect, test } from 'vitest';
import { soak } from './soak/soak.ts';

test('while Redis, PostgreSQL and ClickHouse die and come back, no answer is wrong, and none is of another organization', {
  timeout: 240_000,
}, async () => {
  const seed = 15;
  const report = await soak({ requests: 4_000, seed });
  console.log(JSON.stringify(report));
  expect(report.wrong, `seed ${seed}`).toEqual([]);
  expect(report.faults).toBeGreaterThanOrEqual(3);
  for (const count of [report.right, report.refused]) expect(count).toBeGreaterThan(report.requests / 20);
  expect(report.writes).toBeGreaterThan(3);
});
