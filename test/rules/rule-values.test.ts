import { expect, test } from 'vitest';
import { utc } from '../../src/model/zones.ts';
import type { PacingValues } from '../../src/pacing/pacing.ts';
import { ruleVariables } from '../../src/rules/plan.ts';
import { namedFlightValues, unknownFlight } from '../../src/rules/rule-values.ts';

test('values stand in the order of the names that conditions were compiled for', () => {
  const terms = { budget: 0, replacedBudget: null, cap: null, mode: 'EVEN', curve: null, end: 1, isFrozen: false };
  const values = { terms, budget: 0, spend: 0, exhaustionAt: null, projected: null, dayTarget: null };
  const facts = { values: values as unknown as PacingValues, asOf: 0, start: 0, end: 1, zone: utc, dayAllowanceBp: 1 };
  expect(Object.keys(namedFlightValues(facts))).toEqual(Object.keys(ruleVariables.flight));
  expect(unknownFlight).toHaveLength(Object.keys(ruleVariables.flight).length);
});
