import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isExact, printFindings } from './compare-directory.ts';
import { prove } from './prove.ts';

// The small sister of `npm run prove`: two days across a change of the clocks.
test('real engines, whole and killed, and batches of any size make what the oracle says', {
  timeout: 300_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paceline-proof-'));
  const options = { directory, seed: 11, days: 2, campaigns: 4, partitions: 2, kills: 3, batches: [1, 0] };
  const names: string[] = [];
  try {
    for await (const { name, findings } of prove({ ...options, tell: () => undefined })) {
      names.push(name);
      expect(isExact(findings), `${name}, seed ${options.seed}\n${printFindings(findings)}`).toBe(true);
      expect(findings.campaign_metrics_daily.compared).toBeGreaterThan(0);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  expect(names).toEqual(['whole', 'killed 3 times', 'batches of 1', 'batches of any size']);
});
