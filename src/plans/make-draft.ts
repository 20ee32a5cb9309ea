import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { laneLimits } from '../model/lane-limits.ts';
import { limits } from '../model/limits.ts';
import { nearest } from '../model/nearest.ts';
import { canonicalJson, rulesProblem } from '../rules/compile-plan.ts';
import type { CampaignPlan, PlanDraft } from '../rules/plan.ts';
import { orderProblems } from './order-problems.ts';
import type { OrganizationSettings } from './organizations-file.ts';
import type { ReadRule } from './rule-file.ts';

export function makeDraft(settings: OrganizationSettings, rules: readonly ReadRule[]): PlanDraft {
  return {
    format: 1,
    ...settings,
    rules: rules.map(({ rule }) => rule).toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/**
 * What a plan demands of its parts together, beyond the shape of each: names that exist, bounds.
 * `placeOf` takes a path within the organization's own section.
 */
export function draftProblems(draft: PlanDraft, placeOf: (path: readonly PropertyKey[]) => Place): Problem[] {
  const say = (path: readonly string[], message: string) => ({
    ...placeOf(path),
    message: `${draft.org_id}: ${message}`,
  });
  const problems = nameProblems(draft).map(({ path, message }) => say(path, message));
  problems.push(...orderProblems(draft, placeOf));
  const sources = Object.keys(draft.sources).length;
  if (sources > limits.sourcesPerOrganizationMax)
    problems.push(say(['sources'], `${sources} sources, more than ${limits.sourcesPerOrganizationMax}`));
  if (draft.rules.length > limits.rulesPerPlanMax)
    problems.push(say([], `${draft.rules.length} rules, more than ${limits.rulesPerPlanMax}`));
  for (const [name, { stale_after_ms }] of Object.entries(draft.sources))
    if (stale_after_ms > laneLimits.judgedBackMs)
      problems.push(
        say(['sources', name, 'stale_after'], `source "${name}": nothing is judged more than 31 days back`),
      );
  const unfit = rulesProblem(draft.rules);
  if (unfit !== null) problems.push(say([], unfit));
  const bytes = Buffer.byteLength(canonicalJson({ ...draft, number: 1 }));
  // The number that the log gives may take nine more digits than this one.
  if (bytes + 9 > limits.planBytesMax)
    problems.push(
      say([], `the plan has ${bytes} bytes, more than ${limits.planBytesMax}; move profiles or campaigns out`),
    );
  return problems;
}

interface NameProblem {
  readonly path: readonly string[];
  readonly message: string;
}

/** Profiles and sources that are named and do not exist. */
function nameProblems({
  defaults,
  campaigns,
  sources,
  profiles,
  dayparts = {},
  curves = {},
}: PlanDraft): NameProblem[] {
  const problems: NameProblem[] = [];
  const checkSource = (name: string | null | undefined, path: readonly string[]) => {
    if (name == null || name === '' || Object.hasOwn(sources, name)) return;
    problems.push({ path, message: `source "${name}" is not in sources${hint(name, sources)}` });
  };
  const check = ({ profile, daypart, curve, delivery_source, spend }: CampaignPlan, at: readonly string[]) => {
    if (profile !== undefined && !Object.hasOwn(profiles, profile))
      problems.push({
        path: [...at, 'profile'],
        message: `profile "${profile}" does not exist${hint(profile, profiles)}`,
      });
    if (daypart !== undefined && !Object.hasOwn(dayparts, daypart))
      problems.push({
        path: [...at, 'daypart'],
        message: `daypart "${daypart}" does not exist${hint(daypart, dayparts)}`,
      });
    if (curve !== undefined && !Object.hasOwn(curves, curve))
      problems.push({ path: [...at, 'curve'], message: `curve "${curve}" does not exist${hint(curve, curves)}` });
    checkSource(delivery_source, [...at, 'delivery_source']);
    checkSource(spend?.source, [...at, 'spend', 'source']);
    for (const [i, name] of (spend?.sources ?? []).entries()) checkSource(name, [...at, 'spend', 'sources', String(i)]);
    if (spend?.from === 'feed' && spend.source === '' && spend.sources === undefined)
      problems.push({ path: [...at, 'spend', 'source'], message: 'spend from a feed must name its source' });
  };
  const { profile, ...rest } = defaults;
  check(profile === null ? rest : { ...rest, profile }, []);
  for (const [id, campaign] of Object.entries(campaigns)) check(campaign, ['campaigns', id]);
  return problems;
}

function hint(name: string, known: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(known);
  const near = nearest(name, names);
  if (near !== undefined) return `; did you mean "${near}"?`;
  return names.length === 0 ? '' : `; known there: ${names.join(', ')}`;
}
