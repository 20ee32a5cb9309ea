import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { limits } from '../model/limits.ts';
import type { Plan } from '../rules/plan.ts';
import { canonicalJson, planSchema } from '../rules/plan-schema.ts';
import type { OrganizationSettings } from './organizations-file.ts';
import type { ReadRule } from './rule-file.ts';

/** A plan before the log gives it a number. */
export type PlanDraft = Omit<Plan, 'number'>;

export function makeDraft({ orgId, ...settings }: OrganizationSettings, rules: readonly ReadRule[]): PlanDraft {
  return {
    format: 1,
    org_id: orgId,
    ...settings,
    rules: rules.map(({ rule }) => rule).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/**
 * What the plan itself demands beyond the shape of what people wrote: zones, profiles that exist,
 * bounds. `placeOf` takes a path within the organization's own section.
 */
export function draftProblems(draft: PlanDraft, placeOf: (path: readonly PropertyKey[]) => Place): Problem[] {
  const numbered = { ...draft, number: 1 };
  const parsed = planSchema.safeParse(numbered);
  const problems = (parsed.error?.issues ?? []).map((issue) => {
    // People write `zone` where the plan says `defaults.zone`, and `evaluate_every` for `…_ms`.
    const path = issue.path.map(String).filter((key) => key !== 'defaults');
    const written = path.map((key) => key.replace(/_ms$/, '').replace(/_bp$/, '_percent'));
    return { ...placeOf(written), message: `${draft.org_id}: ${path.join('.')}: ${issue.message}` };
  });
  const { profile } = draft.defaults;
  if (profile !== null && !Object.hasOwn(draft.profiles, profile))
    problems.push({ ...placeOf(['profile']), message: `${draft.org_id}: profile "${profile}" does not exist` });
  const bytes = Buffer.byteLength(canonicalJson(numbered));
  // The number that the log gives may take nine more digits than this one.
  if (bytes + 9 > limits.planBytesMax)
    problems.push({
      ...placeOf([]),
      message: `${draft.org_id}: the plan has ${bytes} bytes, more than ${limits.planBytesMax}; move profiles or campaigns out`,
    });
  return problems;
}
