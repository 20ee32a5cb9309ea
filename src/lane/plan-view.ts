import { minuteMs } from '../model/time.ts';
import type { Asked } from '../rules/asked-values.ts';
import { type CompiledPlan, type CompiledRule, reads } from '../rules/compile-plan.ts';
import { asksForCreatives, asksWhoseBudget, type EventName } from '../rules/event-values.ts';
import type { CampaignPlan, Plan, SourcePlan } from '../rules/plan.ts';
import { requiredSources } from '../rules/plan-sources.ts';
import { quietOnPlan } from '../rules/quiet-rules.ts';
import { isForCampaign } from '../rules/rule-scope.ts';
import type { CampaignPlanView } from './campaign.ts';
import { hourCounter } from './hour-books.ts';
import { declaredCurve } from './lag-books.ts';

/** What a plan says of a source that it names and does not declare. */
const undeclaredSource: SourcePlan = {
  heartbeats: false,
  delay_ms: 2 * minuteMs,
  expected_interval_ms: 0,
  stale_after_ms: 6 * 60 * minuteMs,
};

export function sourceOf(plan: Plan, name: string): SourcePlan {
  return Object.hasOwn(plan.sources, name) ? plan.sources[name] : undeclaredSource;
}

/** The plan as the campaign `id` sees it, of which it says `own`. */
export function makePlanView(compiled: CompiledPlan, id: string, own: CampaignPlan, epoch: number): CampaignPlanView {
  const { plan, flightRules, endedRules, campaignRules } = compiled;
  const delivery = own.delivery_source === undefined ? plan.defaults.delivery_source : own.delivery_source;
  const spend = own.spend ?? plan.defaults.spend;
  const isFor = (rule: CompiledRule) => isForCampaign(rule.plan, id, own);
  const rules = flightRules.filter(isFor);
  const endedOnes = endedRules.filter(isFor);
  const asked = askedBy([...rules, ...endedOnes]);
  const ofCampaign = campaignRules.filter(isFor);
  const asks = (what: (name: EventName) => boolean) =>
    asked.some(({ value }) => value.kind === 'event' && what(value.name));
  const lags = own.conversion_lag_bp ?? plan.defaults.conversion_lag_bp;
  return {
    epoch,
    sources: requiredSources(plan, own).map((name) => ({ name, source: sourceOf(plan, name) })),
    rules,
    endedRules: endedOnes,
    campaignRules: ofCampaign,
    quiet: quietOnPlan(ofCampaign),
    asked,
    askedOfCampaign: askedBy(ofCampaign),
    asksForCreatives: asks(asksForCreatives),
    asksWhoseBudget: asks(asksWhoseBudget),
    asksForHours: hoursAsked(asked),
    asksForLags: asked.some(({ value }) => value.kind === 'matured'),
    declaredLags: lags === undefined ? null : declaredCurve(lags),
    readsMonth: [...rules, ...endedOnes].some((rule) => reads(rule, 'p.month_spend')),
    hasImpressions: delivery !== null || spend.from === 'impressions',
    every: plan.defaults.evaluate_every_ms,
    dayAllowanceBp: own.day_allowance_bp ?? plan.defaults.day_allowance_bp,
    planNumber: plan.number,
  };
}

/** Which counters these compare by the hour. */
function hoursAsked(asked: readonly Asked[]): number {
  let bits = 0;
  for (const { value } of asked)
    if (value.kind === 'baseline' && value.span.of === 'hours')
      for (const counter of value.measure.counters) bits |= hourCounter[counter as keyof typeof hourCounter];
  return bits;
}

/** What these rules read beyond the values of their scopes, each once. */
function askedBy(rules: readonly CompiledRule[]): Asked[] {
  return [...new Set(rules.flatMap((rule) => rule.asked))];
}
