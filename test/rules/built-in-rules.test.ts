import { expect, test } from 'vitest';
import { builtInRules } from '../../src/rules/built-in-rules.ts';
import { readPlan, ruleHash } from '../../src/rules/compile-plan.ts';
import { plan, rule } from '../oracle/story.ts';
import { shippedRules } from './healthy/shipped-rules.ts';

/** The rules of scope campaign by which a plan of these rules is judged. */
function judgedBy(...rules: readonly ReturnType<typeof rule>[]): string[] {
  return readPlan(JSON.stringify(plan({}, { rules }))).campaignRules.map((each) => each.plan.id);
}

test('a built-in rule is the one that ships under its id', () => {
  const shipped = shippedRules();
  for (const built of builtInRules)
    expect({ ...built, hash: ruleHash(built) }).toEqual(shipped.find(({ id }) => id === built.id));
});

test('plans that judge flights and say nothing of campaigns are judged by the built-in rule, all others by their own', () => {
  const flight = rule('behind', { warning: { when: 'p.osi_pct < 90.0', clear: null, for_ms: 0 } });
  const own = rule('own', { scope: 'campaign', warning: { when: 'u.spend > 0.0', clear: null, for_ms: 0 } });
  const source = rule('late', { scope: 'source', warning: { when: 's.lag_s > 9.0', clear: null, for_ms: 0 } });
  expect(judgedBy()).toEqual([]);
  expect(judgedBy(source)).toEqual([]);
  expect(judgedBy(flight)).toEqual(['unplanned-spend']);
  expect(judgedBy(flight, own)).toEqual(['own']);
  expect(judgedBy({ ...flight, id: 'unplanned-spend' })).toEqual([]);
});
