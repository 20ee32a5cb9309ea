import type { MoneyAtRisk } from '../pacing/money-at-risk.ts';

/**
 * Values of what a flight may have spent while nobody saw it (docs/semantics.md §7.5), worked out where a rule names them.
 * Declared here once: conditions, docs/rules.md and what is worked out go by it. Pure.
 */
export const riskValues = {
  'p.unseen_spend': [
    'double',
    'What may have been spent since as_of at the run rate, unseen, currency units.',
    'flights at their end, and those without a current rate',
  ],
  'p.money_at_risk': [
    'double',
    'The part of it for which budget and daily cap have no room, currency units.',
    'flights at their end, and those without a current rate',
  ],
} as const;
export type RiskName = keyof typeof riskValues;

export function riskValue(name: RiskName, { unseen, atRisk }: MoneyAtRisk): number | null {
  const value = name === 'p.unseen_spend' ? unseen : atRisk;
  return value === null ? null : Number(value) / 1e6;
}
