import { expect, test } from 'vitest';
import { applyPlans } from '../../src/plans/apply-plans.ts';
import type { PlanDraft } from '../../src/rules/plan.ts';
import { RecordedPlans } from './postgres/recorded-plans.ts';

// A topic forgets its oldest records, plans among them; the lanes remember those in force.
const draft = (zone: string) => ({ org_id: 'acme', zone }) as unknown as PlanDraft;
const numberIn = async (zone: string, log: RecordedPlans) => (await applyPlans([draft(zone)], log))[0].number;

test('a plan after those that the log forgot has a higher number than they had, so that lanes take it', async () => {
  const log = new RecordedPlans(1);
  for (const [index, zone] of ['a', 'b', 'c'].entries()) expect(await numberIn(zone, log)).toBe(index + 1);
  log.oldest = log.records.length;
  expect(await numberIn('d', log)).toBe(4);
  expect(await numberIn('e', log)).toBe(5);
  // The same plan again: forgotten, so it is said again.
  log.oldest = log.records.length;
  expect(await numberIn('e', log)).toBe(6);
  expect(log.records.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a log that forgot more records than there are numbers says where plans are kept', async () => {
  const log = new RecordedPlans(1);
  log.oldest = 2 ** 32;
  await expect(numberIn('a', log)).rejects.toMatchObject({
    code: 'RULE_INVALID',
    message: expect.stringContaining('postgres.url'),
  });
});
