import type { CompiledRule } from './compile-plan.ts';
import { variableNames } from './condition.ts';
import { isNothing, judgeLevels } from './judgement.ts';
import { campaignValues, nothingUnplanned } from './rule-values.ts';

/** What rules find in campaigns all of whose money is planned: nothing in those that spend, nothing in those that do not. */
export interface Quiet {
  readonly spending: boolean;
  readonly idle: boolean;
}

/**
 * Whether rules of scope `campaign` find nothing in a campaign all of whose money is planned. That is nearly
 * every campaign at each of its evaluations, and all of them look alike to such rules, but for whether they spend:
 * so it is found out once a view of a plan. False where a rule asks for more than that.
 */
export function quietOnPlan(rules: readonly CompiledRule[]): Quiet {
  const areAll = (recentSpend: number) => rules.every((rule) => isQuiet(rule, recentSpend));
  return { spending: areAll(1), idle: areAll(0) };
}

function isQuiet(rule: CompiledRule, recentSpend: number): boolean {
  if (rule.schedule !== null) return false;
  const names = variableNames('campaign');
  if (!rule.variables.every(({ index }) => names[index]?.startsWith('u.') === true)) return false;
  return isNothing(judgeLevels(rule, campaignValues({ ...nothingUnplanned, recentSpend }), false, false).outcome);
}
