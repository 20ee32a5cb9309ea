import { defaultPlanOrg } from '../../model/ids.ts';
import type { OrganizationSettings } from '../../plans/organizations-file.ts';
import type { Plan, PlanDraft, RulePlan } from '../../rules/plan.ts';
import type { ChoosePlans } from '../chosen-plans.ts';

/** What is tried in place of what is in force; plain data, for it travels to threads. */
export interface Candidate {
  /** Null = the rules in force. */
  readonly rules: {
    /** `all`: no other rule is in force. `some`: each stands in place of the rule with its id, or beside the others. */
    readonly replace: 'all' | 'some';
    readonly list: readonly CandidateRule[];
  } | null;
  /** Settings by organization, those of all first; null = the settings in force. */
  readonly settings: readonly OrganizationSettings[] | null;
}

export interface CandidateRule {
  readonly rule: RulePlan;
  /** Undefined = every organization. */
  readonly organizations: readonly string[] | undefined;
}

/** The plans of the candidate where those of the log stand. */
export function plansOf({ rules, settings }: Candidate): ChoosePlans {
  const rulesOf = (orgId: string, inForce: readonly RulePlan[]): RulePlan[] => {
    if (rules === null) return [...inForce];
    const ours = rules.list
      .filter(({ organizations }) => organizations === undefined || organizations.includes(orgId))
      .map(({ rule }) => rule);
    const replaced = new Set(rules.list.map(({ rule }) => rule.id));
    const others = rules.replace === 'all' ? [] : inForce.filter(({ id }) => !replaced.has(id));
    return [...others, ...ours].sort((a, b) => (a.id < b.id ? -1 : 1));
  };
  if (settings === null) return ({ number: _, ...plan }) => [{ ...plan, rules: rulesOf(plan.org_id, plan.rules) }];
  const draftOf = (each: OrganizationSettings, inForce: readonly RulePlan[]): PlanDraft => ({
    format: 1,
    ...each,
    rules: rulesOf(each.org_id, inForce),
  });
  return (plan: Plan) => {
    // Where the plan of everyone stands, organizations begin that have none of their own in the log.
    const meant = plan.org_id === defaultPlanOrg ? settings : settings.filter(({ org_id }) => org_id === plan.org_id);
    return meant.map((each) => draftOf(each, plan.rules));
  };
}
