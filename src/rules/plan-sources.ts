import type { CampaignPlan, Plan } from './plan.ts';

/** Which sources flights wait for, by a plan (docs/semantics.md §7.1). Pure. */

/** Of a campaign whose own entry is `own`: names, sorted. */
export function requiredSources(plan: Pick<Plan, 'defaults' | 'sources'>, own: CampaignPlan): readonly string[] {
  const { spend, delivery_source } = plan.defaults;
  const delivery = own.delivery_source === undefined ? delivery_source : own.delivery_source;
  const names = new Set(spendSources(plan, own.spend ?? spend));
  if (delivery !== null) names.add(delivery);
  return [...names].sort();
}

/** Of any campaign: those that the plan names, and all others. */
export function neededSources(plan: Plan): ReadonlySet<string> {
  const needed = new Set(requiredSources(plan, {}));
  for (const own of Object.values(plan.campaigns)) for (const name of requiredSources(plan, own)) needed.add(name);
  return needed;
}

/** A feed that nobody named is all sources that are declared: one of them may be silent. */
function spendSources(
  plan: Pick<Plan, 'sources'>,
  { from, source, sources }: Plan['defaults']['spend'],
): readonly string[] {
  if (sources !== undefined) return sources;
  if (source !== '') return [source];
  return from === 'feed' ? Object.keys(plan.sources) : [];
}
