import { expect, test } from 'vitest';
import { utc } from '../../src/model/zones.ts';
import type { PacingValues } from '../../src/pacing/pacing.ts';
import { compileCondition, variableNames } from '../../src/rules/condition.ts';
import { flightValues } from '../../src/rules/rule-values.ts';

const terms = { budget: 1e9, replacedBudget: null, cap: null, mode: 'EVEN', curve: null, end: 1, isFrozen: false };
const pacing = { terms, budget: 1e9, spend: 0, daySpend: 30_000_000, exhaustionAt: null, projected: null };

function capLeft(capAllowed: number | null): unknown {
  const values = { ...pacing, capAllowed, dayBudget: null, money: null } as unknown as PacingValues;
  const flight = {
    asOf: 0,
    start: 0,
    end: 1,
    zone: utc,
    dayAllowanceBp: 10_000,
    monthSpend: null,
    hasImpressions: true,
  };
  return flightValues({ ...flight, values })[variableNames('flight').indexOf('p.cap_left')];
}

test('what the cap leaves for the day, to the cent; nothing where there is no cap', () => {
  expect(capLeft(45_500_000)).toBe(15.5);
  expect(capLeft(30_000_000)).toBe(0);
  expect(capLeft(null)).toBeNull();
});

test('rules may name it', () => {
  expect(compileCondition('p.cap_left < 1.0 || !known(p.cap_left)', 'flight').names).toEqual(['p.cap_left']);
});
