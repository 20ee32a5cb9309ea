import { expect, test } from 'vitest';
import { readPlan } from '../../src/rules/compile-plan.ts';
import { quietOnPlan } from '../../src/rules/quiet-rules.ts';
import { plan, rule } from '../oracle/story.ts';
import { shippedRules } from './healthy/shipped-rules.ts';

/** Whether a rule of scope campaign with this condition finds nothing: [where money is spent, where none is]. */
function quietly(when: string): [boolean, boolean] {
  const own = rule('own', { scope: 'campaign', warning: { when, clear: null, for_ms: 0 } });
  const { campaignRules } = readPlan(JSON.stringify(plan({}, { rules: [own] })));
  const { spending, idle } = quietOnPlan(campaignRules);
  return [spending, idle];
}

test.each([
  ['u.spend > 0.0', [true, true]],
  ['u.recent_pct < 5.0', [false, true]],
  ['!known(u.recent_pct)', [true, false]],
  ['u.status == "planned"', [false, false]],
  ['u.over_budget_pct > 1.0', [true, true]],
])('of money that is all planned, %s finds nothing: %j', (when, wanted) => {
  expect(quietly(when)).toEqual(wanted);
});

test('the rules that ship are quiet where all money is planned', () => {
  const { campaignRules } = readPlan(JSON.stringify(plan({}, { rules: shippedRules() })));
  expect(campaignRules.length).toBeGreaterThan(0);
  expect(quietOnPlan(campaignRules)).toEqual({ spending: true, idle: true });
});
