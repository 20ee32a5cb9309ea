import type { Problem } from '../control/config/problem.ts';
import { isTogether } from '../rules/asked-values.ts';
import { compileCondition } from '../rules/condition.ts';
import { canHold, type Reach } from '../rules/condition-reach.ts';
import { isForOrder } from '../rules/order.ts';
import type { CampaignPlan, PlanDraft, RulePlan } from '../rules/plan.ts';
import { requiredSources } from '../rules/plan-sources.ts';
import {
  absentAskedFor,
  absentFor,
  absentOfCampaignFor,
  absentTogetherFor,
  campaignReach,
  flightReach,
  sourceReach,
} from '../rules/rule-reach.ts';
import { isForCampaign } from '../rules/rule-scope.ts';
import type { PlanFiles } from './plan-files.ts';
import { namesOfNobody } from './prove-scope.ts';
import type { ReadRule } from './rule-file.ts';

/** What the plans prove of a rule: it is no mistake of form, and perhaps not what was meant. */
interface RuleNote extends Problem {
  readonly rule: string;
  /** `never`: the level cannot fire for anybody that the rule is for. */
  readonly severity: 'never' | 'note';
}

/** A value that a rule reads, and for whom it is not there. */
interface AbsentValue {
  readonly rule: string;
  readonly name: string;
  readonly absent_for: string;
}

/** Flights of one kind, or a source, as a plan has them. */
interface Subject {
  readonly who: string;
  readonly names: ReadonlyMap<string, Reach>;
  /** Sources whose declared rhythm is the slowest, and it. */
  readonly rhythm: { readonly source: string; readonly ms: number } | null;
}

const levels = ['warning', 'critical'] as const;
const shownMax = 3;

/** Which levels cannot fire for whom, and which wait for a slower source than their `for` says (docs/rules.md). */
export function proveRules({ drafts, rules }: Pick<PlanFiles, 'drafts' | 'rules'>): RuleNote[] {
  return rules.flatMap((read) => {
    // In a database two organizations may have two rules of one id.
    const isRead = ({ id, hash }: RulePlan) => id === read.rule.id && hash === read.rule.hash;
    const planned = drafts.filter((draft) => draft.rules.some(isRead));
    const subjects = planned.flatMap((draft) => subjectsOf(draft, read.rule));
    const ofLevels = (level: (typeof levels)[number]) => [
      ...cannotFire(read, level, subjects),
      ...waitsLonger(read, level, subjects),
    ];
    return [...forWhom(read, planned), ...levels.flatMap(ofLevels), ...staleBetween(read, planned)];
  });
}

/** Of each rule the values that somebody has not, but for those that it asks about with `known`. */
export function absentValues(rules: readonly ReadRule[]): AbsentValue[] {
  return rules.flatMap(({ rule }) => {
    if (rule.scope === 'source') return [];
    const isOfCampaign = rule.scope === 'campaign';
    const texts = levels.flatMap((level) => [rule[level]?.when, rule[level]?.clear]);
    const all = [rule.guard, ...texts].filter((text) => text != null);
    const names = new Set(all.flatMap((text) => compileCondition(text, rule.scope).names));
    return [...names].sort().flatMap((name) => {
      const absent_for = isOfSeveral(rule.scope)
        ? absentTogetherFor(name)
        : isOfCampaign
          ? (absentOfCampaignFor[name as keyof typeof absentOfCampaignFor] ?? absentAskedFor(name, 'campaign'))
          : (absentFor[name as keyof typeof absentFor] ?? absentAskedFor(name, 'flight'));
      const isAsked = all.some((text) => text.includes(`known(${name})`));
      return absent_for === undefined || isAsked ? [] : [{ rule: rule.id, name, absent_for }];
    });
  });
}

function cannotFire(read: ReadRule, level: (typeof levels)[number], subjects: readonly Subject[]): RuleNote[] {
  const { rule } = read;
  const when = rule[level]?.when;
  if (when === undefined || subjects.length === 0) return [];
  const texts = rule.guard === null ? [when] : [rule.guard, when];
  const failing = subjects.filter(({ names }) => !canHold(texts, names) || isAlwaysOutside(rule, names));
  if (failing.length === 0) return [];
  const isNever = failing.length === subjects.length;
  const facts = [
    ...new Set(failing.flatMap(({ names }) => [...factsOf(texts, rule, names), ...hoursFact(rule, names)])),
  ];
  const because = facts.length === 0 ? '' : `: ${shown(facts)}`;
  const whom = isNever && rule.scope !== 'source' ? anybody(rule.scope) : shown(failing.map(({ who }) => who));
  return [note(read, level, isNever ? 'never' : 'note', `${level} cannot fire for ${whom}${because}`)];
}

function anybody(scope: Exclude<RulePlan['scope'], 'source'>): string {
  return scope === 'campaign' ? 'any campaign' : 'any flight';
}

/** Sources that are complete to midnights have flights judged at the end of a day, and never within it. */
function isAlwaysOutside({ schedule }: RulePlan, names: ReadonlyMap<string, Reach>): boolean {
  if (schedule === undefined || schedule.outside === 'downgrade' || !isAtMidnights(names)) return false;
  return schedule.zone === null && !schedule.active.some(({ to }) => to === 1_440);
}

function hoursFact(rule: RulePlan, names: ReadonlyMap<string, Reach>): string[] {
  return isAlwaysOutside(rule, names) ? ['its schedule has no end of a day, and t.local_hour is always 24'] : [];
}

function isAtMidnights(names: ReadonlyMap<string, Reach>): boolean {
  const hour = names.get('t.local_hour')?.numbers;
  return hour?.[0] === 24 && hour[1] === 24;
}

function waitsLonger(read: ReadRule, level: (typeof levels)[number], subjects: readonly Subject[]): RuleNote[] {
  const ms = read.rule[level]?.for_ms ?? 0;
  const slower = subjects.filter(({ rhythm }) => rhythm !== null && ms > 0 && rhythm.ms > ms);
  if (slower.length === 0) return [];
  const sources = slower.map(({ rhythm }) => `"${rhythm?.source}", which moves every ${hours(rhythm?.ms ?? 0)}`);
  const message = `${level}: for ${hours(ms)} is over when the source moves next: ${shown([...new Set(sources)])}`;
  return [note(read, level, 'note', message)];
}

/** A source that is stale before it moves again leaves all rules of its flights unknown from then on. */
function staleBetween(read: ReadRule, planned: readonly PlanDraft[]): RuleNote[] {
  const { rule } = read;
  if (rule.scope !== 'flight') return [];
  const found = planned.flatMap((draft) =>
    campaignsOf(draft, rule).flatMap(({ own }) =>
      requiredSources(draft, own).flatMap((name) => {
        const { heartbeats, expected_interval_ms: every, stale_after_ms: stale } = draft.sources[name] ?? {};
        if (heartbeats !== true || every === undefined || stale === undefined || stale > every) return [];
        return [`"${name}" is stale after ${hours(stale)} and moves every ${hours(every)}`];
      }),
    ),
  );
  if (found.length === 0) return [];
  const level = rule.critical === null ? 'warning' : 'critical';
  return [note(read, level, 'note', `unknown between the moves of a source: ${shown([...new Set(found)])}`)];
}

function note(
  read: ReadRule,
  level: (typeof levels)[number],
  severity: RuleNote['severity'],
  message: string,
): RuleNote {
  return { ...read.levelPlaces[level], rule: read.rule.id, severity, message };
}

/** Whether rules of the scope judge what campaigns come to together. */
function isOfSeveral(scope: RulePlan['scope']): scope is 'order' | 'advertiser' | 'organization' {
  return scope === 'order' || isTogether(scope);
}

function subjectsOf(draft: PlanDraft, rule: RulePlan): Subject[] {
  const of = draft.org_id === '_default' ? '' : ` of ${draft.org_id}`;
  if (rule.scope === 'source') {
    return Object.entries(draft.sources).map(([name, source]) => ({
      who: `source "${name}"${of}`,
      names: sourceReach(name, source),
      rhythm: null,
    }));
  }
  const { scope } = rule;
  // What campaigns come to together can be anything.
  if (isOfSeveral(scope)) return [];
  if (scope === 'campaign')
    return campaignsOf(draft, rule).map(({ who }) => ({ who, names: campaignReach(), rhythm: null }));
  return campaignsOf(draft, rule).map(({ who, own }) => ({
    who,
    names: flightReach(draft, own, scope),
    rhythm: scope === 'flight' ? slowest(draft, own) : null,
  }));
}

interface PlannedCampaign {
  readonly who: string;
  readonly own: CampaignPlan;
}

/** Campaigns that a rule is for: those that the plan names, and one that stands for all others. */
function campaignsOf(draft: PlanDraft, rule: RulePlan): PlannedCampaign[] {
  const of = draft.org_id === '_default' ? '' : ` of ${draft.org_id}`;
  const named = Object.entries(draft.campaigns).map(([id, own]) => ({ who: `campaign "${id}"${of}`, id, own }));
  const ids = rule.campaigns?.map((each) => each.replace(/\*$/, '')) ?? [''];
  const other = ids.find((id) => !Object.hasOwn(draft.campaigns, id) && isForCampaign(rule, id, {}));
  return [
    ...(other === undefined ? [] : [{ who: `campaigns${of}`, own: {} }]),
    ...named.filter(({ id, own }) => isForCampaign(rule, id, own)),
  ];
}

/** Names that no campaign has, and rules that are for nobody because of what they exclude. */
function forWhom(read: ReadRule, planned: readonly PlanDraft[]): RuleNote[] {
  if (read.rule.scope === 'source') return [];
  const found = namesOfNobody(read, planned);
  const notes = found.map(({ place, message, isNever }): RuleNote => {
    return { ...place, rule: read.rule.id, severity: isNever ? 'never' : 'note', message };
  });
  if (notes.length > 0 || planned.length === 0) return notes;
  if (read.rule.scope === 'order') {
    const isFor = ({ orders = {} }: PlanDraft) =>
      Object.entries(orders).some(([id, each]) => isForOrder(read.rule, id, each));
    if (planned.some(isFor)) return notes;
    const message = 'the rule is for no order: no plan that it holds for has one that it asks for';
    return [{ ...read.placeOf([]), rule: read.rule.id, severity: 'never', message }];
  }
  if (read.rule.scope === 'advertiser') {
    const isFor = ({ campaigns }: PlanDraft) =>
      Object.entries(campaigns).some(([id, own]) => own.advertiser !== undefined && isForCampaign(read.rule, id, own));
    if (planned.some(isFor)) return notes;
    const message = 'the rule is for no advertiser: no plan that it holds for has a campaign with one that it asks for';
    return [{ ...read.placeOf([]), rule: read.rule.id, severity: 'never', message }];
  }
  if (planned.some((draft) => campaignsOf(draft, read.rule).length > 0)) return notes;
  const message = 'the rule is for no campaign: none has all that it asks for, or what it excludes is all of them';
  return [{ ...read.placeOf([]), rule: read.rule.id, severity: 'never', message }];
}

function slowest(draft: PlanDraft, own: CampaignPlan): Subject['rhythm'] {
  const rhythms = requiredSources(draft, own).flatMap((source) => {
    const plan = draft.sources[source];
    return plan?.heartbeats === true ? [{ source, ms: plan.expected_interval_ms }] : [];
  });
  return rhythms.reduce<Subject['rhythm']>((most, each) => (most === null || each.ms > most.ms ? each : most), null);
}

/** What the plan fixes of the values that the conditions name. */
function factsOf(texts: readonly string[], { scope }: RulePlan, names: ReadonlyMap<string, Reach>): string[] {
  const named = new Set(texts.flatMap((text) => compileCondition(text, scope).names));
  return [...named].sort().flatMap((name) => {
    const reach = names.get(name);
    if (reach === undefined) return [];
    const { numbers, texts: words, canBeTrue, canBeFalse, isAbsent } = reach;
    if (numbers === null && words?.length === 0 && !canBeTrue && !canBeFalse && isAbsent)
      return [`${name} is never there`];
    if (numbers !== null && numbers[0] === numbers[1]) return [`${name} is always ${numbers[0]}`];
    if (name === 'p.hours_left' || name === 'p.days_left')
      return [`${name} is ${scope === 'ended' ? '0 or less' : '0 or more'}`];
    if (name === 'u.days' || name === 'u.over_budget' || name === 'u.over_budget_pct')
      return [`${name} is ${name === 'u.days' ? `0 to ${numbers?.[1]}` : '0 or more'}`];
    return name === 'p.status' || name === 'u.status' ? [`${name} is one of ${words?.join(', ')}`] : [];
  });
}

function shown(all: readonly string[]): string {
  const rest = all.length - shownMax;
  return rest > 0 ? `${all.slice(0, shownMax).join(', ')} and ${rest} more` : all.join(', ');
}

function hours(ms: number): string {
  return ms % 3_600_000 === 0 ? `${ms / 3_600_000}h` : `${Math.round(ms / 60_000)}m`;
}
