import { expect, test } from 'vitest';
import { PlanProblem, readPlan } from '../../src/rules/compile-plan.ts';

/** Plan bodies that a producer may have written by hand: each is refused in words, and nothing is thrown beside. */
const bodies: Readonly<Record<string, string>> = {
  'a list nested 20,000 deep': `{"rules":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
  'an object nested 20,000 deep': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  'brackets in a text': JSON.stringify('['.repeat(20_000)),
  'an unfinished text': '{"a":"[[[[',
  'no object': 'null',
  'nothing at all': '',
  'a body beyond the bound': `"${'x'.repeat(600_000)}"`,
  'a name of the object itself': '{"__proto__":{"format":1},"constructor":1}',
};

test.each(Object.entries(bodies))('%s is no plan', (_, body) => {
  expect(() => readPlan(body)).toThrow(PlanProblem);
});
