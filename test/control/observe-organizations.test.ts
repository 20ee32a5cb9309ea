import { expect, onTestFinished, test } from 'vitest';
import { Metrics } from '../../src/control/metrics/metrics.ts';
import { otherNames, TopCounts } from '../../src/control/metrics/top-counts.ts';
import { OrganizationObserver } from '../../src/control/observe-organizations.ts';
import { publishFact } from '../../src/model/facts.ts';
import type { Clock, WallTimeMs } from '../../src/model/time.ts';

let nowMs = 0;
const clock: Clock = { wallMs: () => nowMs as WallTimeMs, steadyMs: () => nowMs, sleep: async () => undefined };

function count(organizations: readonly { orgId: string; records: number; letters: number }[], others = 0): void {
  nowMs += 1_000;
  publishFact('organizations.counted', { lane: 't:3', partition: 3, organizations, others });
}

function seriesOf(text: string, name: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`));
  return new Map(lines.map((line) => [/organization="([^"]*)"/.exec(line)?.[1] ?? '', Number(line.split(' ').at(-1))]));
}

test('the organizations with the most are named, the others are one, and who falls behind loses its series', async () => {
  const metrics = new Metrics();
  const observer = new OrganizationObserver(metrics, clock);
  onTestFinished(() => observer[Symbol.dispose]());
  count(
    Array.from({ length: 30 }, (_, i) => ({ orgId: `org-${i}`, records: 100 + i, letters: i })),
    7,
  );
  const first = seriesOf(await metrics.print(), 'paceline_top_organization_records');
  expect(first.size).toBe(21);
  expect(first.get('org-29')).toBe(129);
  expect(first.has('org-9')).toBe(false);
  expect([...first.values()].reduce((sum, value) => sum + value, 0)).toBe(30 * 100 + (29 * 30) / 2 + 7);
  count([{ orgId: 'org-0', records: 1_000, letters: 500 }]);
  const text = await metrics.print();
  const then = seriesOf(text, 'paceline_top_organization_records');
  expect([then.size, then.get('org-0'), then.has('org-10')]).toEqual([21, 1_100, false]);
  expect(seriesOf(text, 'paceline_top_organization_dead_letters').get('org-0')).toBe(500);
});

test('names without end take memory that has one, and hide nobody who is large', () => {
  const counts = new TopCounts();
  for (let i = 0; i < 5_000; i++) {
    counts.add(`made-up-${i}`, '0', 1);
    if (i % 5 === 0) counts.add('noisy', '0', 10);
  }
  const [first, ...rest] = counts.top();
  expect(first.name).toBe('noisy');
  expect(first.count).toBeGreaterThanOrEqual(10_000);
  expect(rest).toHaveLength(20);
  expect(rest.at(-1)?.name).toBe(otherNames);
});
