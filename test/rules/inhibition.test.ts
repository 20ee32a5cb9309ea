import { expect, test } from 'vitest';
import { PlanProblem, readPlan } from '../../src/rules/compile-plan.ts';
import { inhibitionProblems, inOrder } from '../../src/rules/inhibition.ts';
import type { RulePlan } from '../../src/rules/plan.ts';
import { plan, rule } from '../oracle/story.ts';

const level = { when: 'p.spend > 1.0', clear: null, for_ms: 0 };
function flightRule(id: string, over: Partial<RulePlan> = {}): RulePlan {
  return rule(id, { warning: level, ...over });
}

test('rules that silence each other are refused, however long the way', () => {
  const ring = ['a', 'b', 'c'].map((id, i) => flightRule(id, { inhibited_by: [['b', 'c', 'a'][i]] }));
  expect(inhibitionProblems(ring).map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
    'a: rules silence each other: a, b, c, a',
    'b: rules silence each other: b, c, a, b',
    'c: rules silence each other: c, a, b, c',
  ]);
  expect(inhibitionProblems([flightRule('a', { inhibited_by: ['x', 'a'] })])).toEqual([
    { rule: 'a', index: 1, message: 'rules silence each other: a, a' },
  ]);
  expect(() => readPlan(JSON.stringify(plan({}, { rules: ring })))).toThrow(PlanProblem);
});

test('a rule of sources is silenced by rules of sources alone', () => {
  const lag = { when: 's.lag_s > 1.0', clear: null, for_ms: 0 };
  const late = rule('late', { scope: 'source', warning: lag, inhibited_by: ['spent', 'gone'] });
  const gone = rule('gone', { scope: 'source', warning: lag });
  expect(inhibitionProblems([late, gone, flightRule('spent')])).toEqual([
    { rule: 'late', index: 0, message: 'rule "spent" is of no source, and this one is of nothing else' },
  ]);
});

test('a rule of the organization is silenced by rules of its scope alone, and silences those of flights', () => {
  const much = { when: 'o.spend > 1.0', clear: null, for_ms: 0 };
  const all = rule('all', { scope: 'organization', warning: much, inhibited_by: ['spent', 'month'] });
  const month = rule('month', { scope: 'organization', warning: much });
  expect(inhibitionProblems([all, month, flightRule('spent')])).toEqual([
    { rule: 'all', index: 0, message: 'rule "spent" is not of the organization, and this one is of nothing else' },
  ]);
  expect(inhibitionProblems([flightRule('spent', { inhibited_by: ['month'] }), month])).toEqual([]);
});

test('who silences is judged first, whatever its name', () => {
  const rules = [
    flightRule('a', { inhibited_by: ['m'] }),
    flightRule('b'),
    flightRule('m', { inhibited_by: ['z', 'unknown'] }),
    flightRule('z'),
  ];
  expect(inOrder(rules).map(({ id }) => id)).toEqual(['b', 'z', 'm', 'a']);
});
