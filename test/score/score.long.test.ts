import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scorePage, scoreSize } from '../../scripts/score/score-page.ts';
import { takeScore } from '../../scripts/score/take-score.ts';

// The rules that ship, against what the simulator says was wrong: the figures of docs/score.md are those of this tree.

test('the shipped rules find what is labelled, say little else, and docs/score.md has the figures', {
  timeout: 120_000,
}, async () => {
  const taken = await takeScore(scoreSize);
  const { precision, recall, missed, wrong, causes } = taken.shipped;
  expect(recall, JSON.stringify(missed)).toBeGreaterThanOrEqual(0.95);
  const said = wrong.map(({ alert }) => alert.summary).join('\n');
  expect(precision, said).toBeGreaterThanOrEqual(0.95);
  // A score of nothing would be a good one.
  expect(causes.reduce((sum, { labels }) => sum + labels, 0)).toBeGreaterThanOrEqual(10);
  expect(taken.straight.precision).toBeLessThan(taken.shaped.precision);
  expect(scorePage(taken), 'run "npm run score" and look at what changed').toBe(readFileSync('docs/score.md', 'utf8'));
});
