import { expect, test } from 'vitest';
import { fuzzRound } from './fuzz.ts';

// Seconds of what `npm run fuzz -- --for 10m` does for as long as one likes; a seed is a round.
const seeds = Array.from({ length: 12 }, (_, index) => 7_000 + index);

test.each(seeds)('good records add up among whatever others send (seed %i)', { timeout: 30_000 }, async (seed) => {
  const { problems, letters, records, goodRows } = await fuzzRound(seed);
  expect(problems, `node scripts/fuzz.ts --seed ${seed}`).toEqual([]);
  // A fuzzer whose records are all refused, or all taken, finds nothing.
  expect(letters / records).toBeGreaterThan(0.15);
  expect(letters / records).toBeLessThan(0.6);
  expect(goodRows).toMatchObject({ campaign_metrics_daily: 1, pacing_snapshots: expect.any(Number) });
  expect(goodRows.pacing_snapshots).toBeGreaterThan(2);
});
