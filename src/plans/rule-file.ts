import { z } from 'zod';
import type { Problem } from '../control/config/problem.ts';
import type { Place } from '../control/config/yaml-document.ts';
import { assert } from '../model/errors.ts';
import { nearest } from '../model/nearest.ts';
import { askedHint, askedNamesLike, askedValueOf, isTogether } from '../rules/asked-values.ts';
import { isOfCampaigns, ruleHash } from '../rules/compile-plan.ts';
import { ConditionProblem, compileCondition, variableNames } from '../rules/condition.ts';
import { refuseImpossibleTexts } from '../rules/condition-texts.ts';
import { type LevelPlan, planValues, type RulePlan } from '../rules/plan.ts';
import { notifySchema, ruleNotices } from '../rules/rule-notices.ts';
import { ruleScope } from '../rules/rule-scope.ts';
import { type ScheduleWindow, scheduleSchema } from '../rules/schedule.ts';
import { type CheckedFile, checkFile } from './checked-file.ts';
import { duration } from './duration.ts';
import { readHours } from './schedule-text.ts';

/** A rule as people write it: one YAML file a rule in `config/rules/` (docs/rules.md). */
const { id, condition } = planValues;
const level = z.strictObject({ when: condition, clear: condition.optional(), for: duration.default(0) });

const hours = planValues.text.min(1).max(200);
const scheduleFileSchema = z.strictObject({
  /** One text, or several: inside is what is inside of any. */
  active: z.union([hours, z.array(hours).min(1).max(64)]),
  outside: scheduleSchema.shape.outside.default('hold'),
  /** Absent = the zone of the flight, of the campaign, or of the organization. */
  zone: planValues.zone.optional(),
});

/** How often people are told. */
const notifyFileSchema = z
  .strictObject({
    cool_down: duration.pipe(notifySchema.shape.cool_down_ms).optional(),
    max_per_day: notifySchema.shape.max_per_day.unwrap().optional(),
    /** `true` = above 50, below 25. */
    flapping: z.union([z.literal(true), notifySchema.shape.flapping.unwrap()]).optional(),
  })
  .refine((all) => Object.keys(all).length > 0, 'must say cool_down, max_per_day or flapping');

const ruleFileSchema = z.strictObject({
  id,
  name: planValues.text.min(1).max(200),
  scope: planValues.scope.default('flight'),
  mode: planValues.mode.default('notify'),
  /** Organizations it applies to; absent = all. */
  organizations: z.array(id).optional(),
  ...ruleScope,
  match: ruleScope.match.default({}),
  schedule: scheduleFileSchema.optional(),
  ...ruleNotices,
  notify: notifyFileSchema.optional(),
  guard: condition.optional(),
  warning: level.optional(),
  critical: level.optional(),
  keep_firing_for: duration.default(0),
  // biome-ignore lint/suspicious/noThenProperty: "after … then …" is how people say it, and nobody awaits a rule.
  no_data: z.strictObject({ after: duration, then: planValues.noDataThen }).optional(),
  on_error: planValues.onError.default('keep_last'),
  summary: planValues.text.max(500).default(''),
  stale_members: planValues.staleMembers.optional(),
});
type RuleFile = z.infer<typeof ruleFileSchema>;

export interface ReadRule {
  readonly file: string;
  /** As it was written, comments included. */
  readonly text: string;
  /** What it says, defaults filled in. */
  readonly written: RuleFile;
  readonly rule: RulePlan;
  /** Undefined = every organization. */
  readonly organizations: readonly string[] | undefined;
  /** Where each of them is named. */
  readonly organizationPlaces: readonly Place[];
  /** Where a value stands; the nearest that encloses it, where it does not. */
  placeOf(path: readonly PropertyKey[]): Place;
  /** Where the `when` of each level stands, or would. */
  readonly levelPlaces: { readonly warning: Place; readonly critical: Place };
}

/** Reads one rule; problems carry their line and column, down to the place inside a condition. */
export function readRule(file: string, text: string): { read: ReadRule | undefined; problems: readonly Problem[] } {
  const checked = checkFile(file, text, ruleFileSchema);
  if (checked.value === undefined) return { read: undefined, problems: checked.problems };
  const problems = [
    ...conditionProblems(checked, checked.value),
    ...shapeProblems(checked, checked.value),
    ...placeProblems(checked, checked.value),
    ...scheduleProblems(checked, checked.value),
  ];
  if (problems.length > 0) return { read: undefined, problems };
  const { organizations } = checked.value;
  const organizationPlaces = (organizations ?? []).map((_, index) => checked.placeOf(['organizations', index]));
  const levelPlaces = {
    warning: checked.placeInside(['warning', 'when'], 0),
    critical: checked.placeInside(['critical', 'when'], 0),
  };
  const rule = toPlan(checked.value);
  const places = { organizationPlaces, levelPlaces, placeOf: checked.placeOf };
  const read = { file, text, written: checked.value, rule, organizations, ...places };
  return { read, problems };
}

function conditionProblems(checked: CheckedFile<RuleFile>, rule: RuleFile): Problem[] {
  const { guard, warning, critical, scope } = rule;
  const conditions: readonly (readonly [path: string[], text: string | undefined])[] = [
    [['guard'], guard],
    [['warning', 'when'], warning?.when],
    [['warning', 'clear'], warning?.clear],
    [['critical', 'when'], critical?.when],
    [['critical', 'clear'], critical?.clear],
  ];
  return conditions.flatMap(([path, text]) => (text === undefined ? [] : problemIn(checked, path, text, scope)));
}

function problemIn(checked: CheckedFile<RuleFile>, path: string[], text: string, scope: RuleFile['scope']): Problem[] {
  try {
    compileCondition(text, scope);
    refuseImpossibleTexts(text, scope, nearest);
    return [];
  } catch (cause) {
    if (!(cause instanceof ConditionProblem)) throw cause;
    return [{ ...checked.placeInside(path, cause.at), message: `${path.join('.')}: ${cause.message}` }];
  }
}

/** A name in `{{ }}` that is none would stand in every alert as it is written. */
function placeProblems(checked: CheckedFile<RuleFile>, { summary, annotations = {}, scope }: RuleFile): Problem[] {
  const known = [
    ...variableNames(scope),
    ...(isOfCampaigns(scope) ? ['c.campaign_id'] : []),
    ...(scope === 'flight' || scope === 'ended' ? ['c.flight_id'] : []),
  ];
  const texts = [[['summary'], summary] as const, ...Object.entries(annotations).map(inAnnotations)];
  const isKnown = (name: string) => known.includes(name) || askedValueOf(name, scope) !== undefined;
  return texts.flatMap(([path, text]) => [
    ...strayBraces(text, isKnown).map(({ at, message }) => ({
      ...checked.placeInside(path, at),
      message: `${path.join('.')}: ${message}`,
    })),
    ...[...text.matchAll(placePattern)]
      .filter(([, name]) => !isKnown(name))
      .map(({ 1: name, index }) => {
        const near = nearest(name, [...known, ...askedNamesLike(name, scope)]);
        const hint =
          askedHint(name, scope) ??
          (near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`);
        const message = `${path.join('.')}: unknown name "${name}"; ${hint}`;
        return { ...checked.placeInside(path, index), message };
      }),
  ]);
}

const placePattern = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Braces that were meant for a place and make none; they would stand in every alert as they are written. */
function strayBraces(text: string, isKnown: (name: string) => boolean): { at: number; message: string }[] {
  // As many blanks where a place stands, so that what is left keeps its index.
  const rest = text.replace(placePattern, (place) => ' '.repeat(place.length));
  const found: { at: number; message: string }[] = [];
  for (const { index } of rest.matchAll(/\{\{/g))
    found.push({ at: index, message: 'this "{{" is never closed; a value is written "{{name}}"' });
  const [closing] = rest.matchAll(/\}\}/g);
  // Text in braces of its own, as JSON is, closes what it has opened.
  if (closing !== undefined && !rest.slice(0, closing.index).includes('{'))
    found.push({ at: closing.index, message: 'this "}}" closes nothing; a value is written "{{name}}"' });
  for (const { 1: name, index } of rest.matchAll(/(?<!\{)\{\s*([\w.:-]+)\s*\}/g))
    if (isKnown(name)) found.push({ at: index, message: `one brace is text as it stands; write "{{${name}}}"` });
  return found;
}

function inAnnotations([name, text]: [string, string]): readonly [string[], string] {
  return [['annotations', name], text];
}

function shapeProblems(checked: CheckedFile<RuleFile>, rule: RuleFile): Problem[] {
  const problems: Problem[] = [];
  if (rule.warning === undefined && rule.critical === undefined)
    problems.push({ ...checked.placeOf([]), message: 'a rule needs a warning or a critical level' });
  const { scope, match, campaigns, advertisers, orders, exclude } = rule;
  const refuse = (path: string[], value: unknown, message: string) => {
    if (value !== undefined) problems.push({ ...checked.placeOf(path), message: `${path.join('.')}: ${message}` });
  };
  const labels = Object.keys(match).length > 0 ? match : undefined;
  if (scope === 'source') {
    const named = { match: labels, campaigns, advertisers, orders, exclude };
    for (const [key, value] of Object.entries(named))
      refuse([key], value, 'a rule of scope source judges no campaigns');
  } else if (scope === 'order') {
    const byCampaigns = 'a rule of scope order chooses by orders and advertisers; the order says its members';
    refuse(['match'], labels, byCampaigns);
    refuse(['campaigns'], campaigns, byCampaigns);
    refuse(['exclude', 'match'], exclude?.match, byCampaigns);
    refuse(['exclude', 'campaigns'], exclude?.campaigns, byCampaigns);
  } else {
    const ofOrders = `a rule of scope ${scope} judges no orders; scope: order does`;
    refuse(['orders'], orders, ofOrders);
    refuse(['exclude', 'orders'], exclude?.orders, ofOrders);
  }
  if (!isTogether(scope)) {
    const ofOne = `a rule of scope ${scope} is unknown where its source is stale; scope: advertiser and organization choose`;
    refuse(['stale_members'], rule.stale_members, ofOne);
  }
  return problems;
}

function scheduleProblems(checked: CheckedFile<RuleFile>, { schedule, warning, critical }: RuleFile): Problem[] {
  if (schedule === undefined) return [];
  const { active, outside } = schedule;
  const problems = [active].flat().flatMap((text, index) => {
    const read = readHours(text);
    if (Array.isArray(read)) return [];
    const path = ['schedule', 'active', ...(typeof active === 'string' ? [] : [index])];
    return [{ ...checked.placeInside(path, read.at), message: `schedule.active: ${read.message}` }];
  });
  if (outside === 'downgrade' && (warning === undefined || critical === undefined))
    problems.push({ ...checked.placeOf(['schedule', 'outside']), message: 'outside: downgrade needs both levels' });
  return problems;
}

function hoursOf(text: string): ScheduleWindow[] {
  const read = readHours(text);
  assert(Array.isArray(read), 'hours of a checked file can be read');
  return read;
}

/** As Nagios has it. */
const usualFlapping = { above: 50, below: 25 };

function toPlan(rule: RuleFile): RulePlan {
  const toLevel = (each: RuleFile['warning']): LevelPlan | null =>
    each === undefined ? null : { when: each.when, clear: each.clear ?? null, for_ms: each.for };
  const plan = {
    id: rule.id,
    name: rule.name,
    scope: rule.scope,
    mode: rule.mode,
    guard: rule.guard ?? null,
    warning: toLevel(rule.warning),
    critical: toLevel(rule.critical),
    keep_firing_for_ms: rule.keep_firing_for,
    // biome-ignore lint/suspicious/noThenProperty: the name of the policy in the plan.
    no_data: rule.no_data === undefined ? null : { after_ms: rule.no_data.after, then: rule.no_data.then },
    on_error: rule.on_error,
    summary: rule.summary === '' ? rule.name : rule.summary,
    match: rule.match,
    campaigns: rule.campaigns,
    advertisers: rule.advertisers,
    orders: rule.orders,
    exclude: rule.exclude,
    stale_members: rule.stale_members,
    schedule: rule.schedule && {
      active: [rule.schedule.active].flat().flatMap(hoursOf),
      outside: rule.schedule.outside,
      zone: rule.schedule.zone ?? null,
    },
    labels: rule.labels,
    annotations: rule.annotations,
    inhibited_by: rule.inhibited_by,
    notify: rule.notify && {
      cool_down_ms: rule.notify.cool_down ?? 0,
      max_per_day: rule.notify.max_per_day ?? null,
      flapping: rule.notify.flapping === true ? usualFlapping : (rule.notify.flapping ?? null),
    },
  };
  return { ...plan, hash: ruleHash(plan) };
}
