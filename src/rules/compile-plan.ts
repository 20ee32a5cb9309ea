import { createHash } from 'node:crypto';
import { BoundedMap } from '../model/bounded-map.ts';
import { limits } from '../model/limits.ts';
import { wishOf } from '../model/wish.ts';
import { type Asked, AskedPlaces } from './asked-values.ts';
import { builtInRules } from './built-in-rules.ts';
import { type Condition, ConditionProblem, compileCondition, variableNames } from './condition.ts';
import { inhibitionProblems, inOrder } from './inhibition.ts';
import { keptTextMax, type LevelPlan, type Plan, planSchema, type RulePlan } from './plan.ts';
import { neededSources } from './plan-sources.ts';
import { namesCampaigns } from './rule-scope.ts';
import { Schedule } from './schedule.ts';
import { isToldPlainly } from './telling.ts';

export interface CompiledLevel {
  readonly plan: LevelPlan;
  readonly when: Condition;
  /** Null = `!(when)`. */
  readonly clear: Condition | null;
}

/** A variable that a rule names. */
interface RuleVariable {
  /** Place among the values of its scope. */
  readonly index: number;
  /** The name as a key of JSON, colon included. */
  readonly key: string;
}

export interface CompiledRule {
  readonly plan: RulePlan;
  readonly guard: Condition | null;
  readonly warning: CompiledLevel | null;
  readonly critical: CompiledLevel | null;
  /** Null = it judges at all hours. */
  readonly schedule: Schedule | null;
  /** Every variable of guard, when and clear, by name. */
  readonly variables: readonly RuleVariable[];
  /** The summary in parts: text as it stands, a value by its index, or a name of the scope. */
  readonly summary: TextParts;
  /** Its labels as JSON, names sorted. */
  readonly labelsText: string;
  /** By name, sorted. */
  readonly annotations: readonly (readonly [name: string, text: TextParts])[];
  /** People are told what its alerts are, whatever happened before. */
  readonly isToldPlainly: boolean;
  /** Rules of its plan that silence it. */
  readonly inhibitors: readonly Pick<RulePlan, 'id' | 'scope'>[];
  /** What it reads beyond the values that are always worked out. */
  readonly asked: readonly Asked[];
}

export type TextParts = readonly (string | number)[];

/** Whether the rule reads a value, in a condition or in its summary: what none reads need not be worked out. */
export function reads(rule: CompiledRule, name: string): boolean {
  const index = variableNames(rule.plan.scope).indexOf(name);
  return rule.summary.includes(index) || rule.variables.some((variable) => variable.index === index);
}

interface CompiledRules {
  /** By rule id, ascending. */
  readonly flightRules: readonly CompiledRule[];
  /** Judged of a flight after its end. */
  readonly endedRules: readonly CompiledRule[];
  /** Judged of what a campaign spent that no flight covers. */
  readonly campaignRules: readonly CompiledRule[];
  /** Judged of orders. */
  readonly orderRules: readonly CompiledRule[];
  /** About what the campaigns of each advertiser come to together. */
  readonly advertiserRules: readonly CompiledRule[];
  /** About what the campaigns that each is for come to together. */
  readonly organizationRules: readonly CompiledRule[];
  readonly sourceRules: readonly CompiledRule[];
  /** Those of all that ask for campaigns by their ids. */
  readonly namingRules: readonly CompiledRule[];
}

export interface CompiledPlan extends CompiledRules {
  readonly plan: Plan;
  /** Sources that flights of some campaign wait for. */
  readonly neededSources: ReadonlySet<string>;
}

/** Why a plan cannot be used, in one sentence. */
export class PlanProblem extends Error {
  override readonly name = 'PlanProblem';
}

/** Plans read lately, by their body: every lane of a process reads the same ones, at each restore again. */
const readLately = new BoundedMap<string, CompiledPlan>(limits.plansKeptMax);

/** Parses and compiles a plan body; throws PlanProblem. The same body may give the same object. */
export function readPlan(body: string): CompiledPlan {
  const known = readLately.get(body);
  if (known !== undefined) return known;
  const compiled = compileBody(body);
  if (body.length > keptTextMax) return compiled;
  readLately.set(body, compiled);
  return compiled;
}

function compileBody(body: string): CompiledPlan {
  const parsed = planSchema.safeParse(parsePlanJson(body));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PlanProblem(`${issue.path.join('.') || 'the plan'} ${wishOf(issue)}`);
  }
  return compilePlan(parsed.data);
}

function compilePlan(plan: Plan): CompiledPlan {
  let rules = rulesOf.get(plan.rules);
  if (rules === undefined) {
    rules = compileRules(plan.rules);
    rulesOf.set(plan.rules, rules);
  }
  return { plan, ...rules, neededSources: neededSources(plan) };
}

/** Compiled rules by the list that they were compiled from. */
const rulesOf = new WeakMap<readonly RulePlan[], CompiledRules>();

function compileRules(plans: readonly RulePlan[]): CompiledRules {
  if (new Set(plans.map((each) => each.id)).size !== plans.length) throw new PlanProblem('two rules share an id');
  const [wrong] = inhibitionProblems(plans);
  if (wrong !== undefined) throw new PlanProblem(`rule ${wrong.rule}: ${wrong.message}`);
  const places = new AskedPlaces();
  const rules = inOrder(plans).map((plan) => compileRule(plan, places, inhibitorsOf(plan, plans)));
  const problem = tooMuchAsked(places);
  if (problem !== null) throw new PlanProblem(problem);
  const campaignRules = rules.filter((each) => each.plan.scope === 'campaign');
  // Who judges flights but was not asked about money outside of them is told of it all the same.
  const isSilent = campaignRules.length === 0 && rules.some((each) => each.plan.scope === 'flight');
  return {
    flightRules: rules.filter((each) => each.plan.scope === 'flight'),
    endedRules: rules.filter((each) => each.plan.scope === 'ended'),
    campaignRules: isSilent ? builtInOf(plans) : campaignRules,
    orderRules: rules.filter((each) => each.plan.scope === 'order'),
    advertiserRules: rules.filter((each) => each.plan.scope === 'advertiser'),
    organizationRules: rules.filter((each) => each.plan.scope === 'organization'),
    sourceRules: rules.filter((each) => each.plan.scope === 'source'),
    namingRules: rules.filter((each) => namesCampaigns(each.plan)),
  };
}

/** What its rules ask for is worked out for each campaign again and again. */
function tooMuchAsked({ count }: AskedPlaces): string | null {
  const most = limits.askedValuesPerPlanMax;
  return count > most ? `the rules name ${count} windows, more than ${most}` : null;
}

/** Why rules cannot stand in one plan, in one sentence; null = they can. They compile each for itself. */
export function rulesProblem(plans: readonly RulePlan[]): string | null {
  const places = new AskedPlaces();
  for (const each of plans) compileRule(each, places, []);
  return tooMuchAsked(places);
}

/** Who is in shadow silences nobody. */
function inhibitorsOf({ inhibited_by }: RulePlan, plans: readonly RulePlan[]): CompiledRule['inhibitors'] {
  return plans.filter(({ id, mode }) => mode === 'notify' && inhibited_by?.includes(id) === true);
}

/** The built-in rules whose id the plan does not use for another one. */
function builtInOf(plans: readonly RulePlan[]): readonly CompiledRule[] {
  return builtInRules.filter(({ id }) => plans.every((each) => each.id !== id)).map(compileBuiltIn);
}

function compileBuiltIn(rule: Omit<RulePlan, 'hash'>): CompiledRule {
  return compileRule({ ...rule, hash: ruleHash(rule) }, new AskedPlaces(), []);
}

/** A plan nests five deep. Reading JSON takes any depth, whoever walks the value then runs out of stack. */
const nestingMax = 16;

/** The value of a body that is of a plan's size and depth; throws PlanProblem. */
export function parsePlanJson(body: string): unknown {
  if (Buffer.byteLength(body) > limits.planBytesMax) throw new PlanProblem('plan is too large');
  if (isNestedDeeper(body, nestingMax)) throw new PlanProblem(`plan nests deeper than ${nestingMax}`);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new PlanProblem('plan is not JSON', { cause });
  }
}

/** Counts brackets outside of texts; what it counts wrong is no JSON. */
function isNestedDeeper(body: string, depthMax: number): boolean {
  let depth = 0;
  let isText = false;
  for (let at = 0; at < body.length; at++) {
    const code = body.charCodeAt(at);
    if (code === quote) isText = !isText;
    else if (code === backslash && isText) at += 1;
    else if (!isText && (code === openBrace || code === openBracket)) depth += 1;
    else if (!isText && (code === closeBrace || code === closeBracket)) depth -= 1;
    if (depth > depthMax) return true;
  }
  return false;
}

const [quote, backslash, openBrace, openBracket, closeBrace, closeBracket] = Buffer.from('"\\{[}]');

function compileRule(plan: RulePlan, places: AskedPlaces, inhibitors: CompiledRule['inhibitors']): CompiledRule {
  try {
    const compile = (condition: string) => compileCondition(condition, plan.scope, places);
    const compileLevel = (each: LevelPlan | null): CompiledLevel | null =>
      each && { plan: each, when: compile(each.when), clear: each.clear === null ? null : compile(each.clear) };
    const guard = plan.guard === null ? null : compile(plan.guard);
    const warning = compileLevel(plan.warning);
    const critical = compileLevel(plan.critical);
    const conditions = [guard, warning?.when, warning?.clear, critical?.when, critical?.clear];
    const names = new Set(conditions.flatMap((condition) => condition?.names ?? []));
    const asked = new Set<Asked>();
    const indexOf = (name: string): number => {
      const index = variableNames(plan.scope).indexOf(name);
      if (index >= 0) return index;
      const place = places.placeOf(name, plan.scope);
      if (place !== undefined) asked.add(place);
      return place?.index ?? -1;
    };
    const variables = [...names].sort().map((name) => ({ index: indexOf(name), key: `${JSON.stringify(name)}:` }));
    const summary = partsOf(plan.summary, plan.scope, indexOf);
    const schedule = plan.schedule === undefined ? null : new Schedule(plan.schedule);
    if (schedule?.outside === 'downgrade' && (warning === null || critical === null))
      throw new PlanProblem(`rule ${plan.id}: outside: downgrade needs both levels`);
    return {
      plan,
      guard,
      warning,
      critical,
      schedule,
      variables,
      summary,
      labelsText: canonicalJson(plan.labels ?? {}),
      annotations: Object.entries(plan.annotations ?? {})
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([name, text]) => [name, partsOf(text, plan.scope, indexOf)]),
      isToldPlainly: isToldPlainly(plan),
      inhibitors,
      asked: [...asked],
    };
  } catch (cause) {
    if (!(cause instanceof ConditionProblem)) throw cause;
    throw new PlanProblem(`rule ${plan.id}: ${cause.message}`, { cause });
  }
}

/** What stands in a summary for names that are no variables. */
export const summaryNames = { campaign: -1, flight: -2 } as const;

/** `{{name}}` becomes the place of its value; what names nothing stays as it is. */
function partsOf(summary: string, scope: RulePlan['scope'], indexOf: (name: string) => number): (string | number)[] {
  return summary.split(/(\{\{\s*[\w.:-]+\s*\}\})/).map((part) => {
    const name = /^\{\{\s*([\w.:-]+)\s*\}\}$/.exec(part)?.[1];
    if (name === undefined) return part;
    if (isOfCampaigns(scope) && name === 'c.campaign_id') return summaryNames.campaign;
    if ((scope === 'flight' || scope === 'ended') && name === 'c.flight_id') return summaryNames.flight;
    const index = indexOf(name);
    return index < 0 ? part : index;
  });
}

/** Whether each alert of a rule of this scope is about one campaign. */
export function isOfCampaigns(scope: RulePlan['scope']): boolean {
  return scope === 'flight' || scope === 'ended' || scope === 'campaign';
}

/** Hash of the part of a rule that decides: editing anything else keeps its alerts open. */
export function ruleHash(rule: Omit<RulePlan, 'hash'>): string {
  const { scope, guard, warning, critical, keep_firing_for_ms, no_data, on_error } = rule;
  const { match, campaigns, advertisers, orders, exclude, schedule, stale_members } = rule;
  const levels = { guard, warning, critical, keep_firing_for_ms, no_data, on_error };
  // What is absent leaves no trace in the text: rules that do not say it keep the hash that they had.
  const deciding = { scope, ...levels, match, campaigns, advertisers, orders, exclude, schedule, stale_members };
  return createHash('sha256').update(canonicalJson(deciding)).digest('hex').slice(0, 16);
}

/** JSON with sorted keys: the same object always has the same bytes. */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`).join(',')}}`;
}
