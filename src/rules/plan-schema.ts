import { createHash } from 'node:crypto';
import { z } from 'zod';
import { costBases } from '../events/event-batch.ts';
import { idPattern } from '../model/ids.ts';
import { limits } from '../model/limits.ts';
import { dayMs, minuteMs } from '../model/time.ts';
import { findZone } from '../model/zones.ts';
import { type Condition, ConditionProblem, compileCondition, variableNames } from './condition.ts';
import type { LevelPlan, Plan, RulePlan } from './plan.ts';

/**
 * The shape of a plan body. Whoever makes plans checks them before they enter the log; the lane
 * checks again, because a log may hold anything, and answers with a dead letter `bad_plan`.
 */
const id = z.string().regex(idPattern);
const duration = z
  .int()
  .min(0)
  .max(400 * dayMs);
const text = z.string().max(2_000);
const basis = z.enum(costBases);
const spend = z.strictObject({
  from: z.enum(['impressions', 'feed']),
  source: z.union([id, z.literal('')]),
  cost_basis: basis,
});
const allowance = z.int().min(10_000).max(1_000_000);

const level = z.strictObject({ when: z.string(), clear: z.string().nullable(), for_ms: duration });

const rule = z.strictObject({
  id,
  name: text,
  scope: z.enum(['flight', 'source']),
  mode: z.enum(['notify', 'shadow']),
  guard: z.string().nullable(),
  warning: level.nullable(),
  critical: level.nullable(),
  keep_firing_for_ms: duration,
  // biome-ignore lint/suspicious/noThenProperty: "after … then …" is how people say it, and nobody awaits a plan.
  no_data: z.strictObject({ after_ms: duration, then: z.enum(['no_data', 'ok', 'firing']) }).nullable(),
  on_error: z.enum(['keep_last', 'error']),
  summary: text,
  match: z.record(id, z.string().max(256)),
  hash: z.string().regex(/^[0-9a-f]{16}$/),
});

const source = z.strictObject({
  heartbeats: z.boolean(),
  delay_ms: duration,
  expected_interval_ms: duration,
  stale_after_ms: duration,
});

const partsMax = 256;
/** Longer texts are rare, and would be much to keep. */
const keptTextMax = 64 * 1024;

/**
 * Parts that are equal are one object, and checked once: a thousand organizations have the same rules
 * and profiles, which would be most of what a lane keeps on the heap.
 */
function shared<T>(schema: z.ZodType<T>): z.ZodType<T> {
  const parts = new Map<string, T>();
  return z.unknown().transform((value, context): T => {
    const text = JSON.stringify(value) ?? '';
    const known = parts.get(text);
    if (known !== undefined) return known;
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues)
        context.issues.push({ code: 'custom', path, message, input: value });
      return z.NEVER;
    }
    if (text.length > keptTextMax) return parsed.data;
    if (parts.size >= partsMax) parts.clear();
    parts.set(text, parsed.data);
    return parsed.data;
  });
}

/** At least one hour of the week must carry weight, or a flight would have none at all. */
const profile = z
  .array(z.int().min(0).max(10_000))
  .length(168)
  .refine((weights) => weights.some((weight) => weight > 0), 'a profile needs a positive weight');

const campaign = z.strictObject({
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.optional(),
  day_allowance_bp: allowance.optional(),
  labels: z.record(id, z.string().max(256)).optional(),
});

export const planSchema = z.strictObject({
  format: z.literal(1),
  org_id: id,
  number: z.int().min(1).max(4_294_967_295),
  defaults: z.strictObject({
    zone: z.string().refine((name) => findZone(name) !== null, 'not an IANA time zone'),
    evaluate_every_ms: z.int().min(minuteMs).max(dayMs).multipleOf(minuteMs),
    spend,
    delivery_source: id.nullable(),
    profile: id.nullable(),
    day_allowance_bp: allowance,
  }),
  sources: z
    .record(id, source)
    .refine((all) => Object.keys(all).length <= limits.sourcesPerOrganizationMax, 'too many sources'),
  profiles: shared(z.record(id, profile)),
  rules: shared(z.array(rule).max(limits.rulesPerPlanMax)),
  campaigns: z.record(id, campaign),
});

export interface CompiledLevel {
  readonly plan: LevelPlan;
  readonly when: Condition;
  /** Null = `!(when)`. */
  readonly clear: Condition | null;
}

/** A variable that a rule names. */
export interface RuleVariable {
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
  /** Every variable of guard, when and clear, by name. */
  readonly variables: readonly RuleVariable[];
  /** The summary in parts: text as it stands, a value by its index, or a name of the scope. */
  readonly summary: readonly (string | number)[];
}

interface CompiledRules {
  /** By rule id, ascending. */
  readonly flightRules: readonly CompiledRule[];
  readonly sourceRules: readonly CompiledRule[];
}

export interface CompiledPlan extends CompiledRules {
  readonly plan: Plan;
}

/** Why a plan cannot be used, in one sentence. */
export class PlanProblem extends Error {
  override readonly name = 'PlanProblem';
}

/** Plans read lately, by their body: every lane of a process reads the same ones, at each restore again. */
const readLately = new Map<string, CompiledPlan>();
const readLatelyMax = 64;

/** Parses and compiles a plan body; throws PlanProblem. The same body may give the same object. */
export function readPlan(body: string): CompiledPlan {
  const known = readLately.get(body);
  if (known !== undefined) return known;
  const compiled = compileBody(body);
  if (body.length > keptTextMax) return compiled;
  if (readLately.size >= readLatelyMax) readLately.clear();
  readLately.set(body, compiled);
  return compiled;
}

function compileBody(body: string): CompiledPlan {
  if (Buffer.byteLength(body) > limits.planBytesMax) throw new PlanProblem('plan is too large');
  const parsed = planSchema.safeParse(parseJson(body));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PlanProblem(`${issue.path.join('.')}: ${issue.message}`);
  }
  return compilePlan(parsed.data as Plan);
}

export function compilePlan(plan: Plan): CompiledPlan {
  let rules = rulesOf.get(plan.rules);
  if (rules === undefined) {
    rules = compileRules(plan.rules);
    rulesOf.set(plan.rules, rules);
  }
  return { plan, ...rules };
}

/** Compiled rules by the list that they were compiled from. */
const rulesOf = new WeakMap<readonly RulePlan[], CompiledRules>();

function compileRules(plans: readonly RulePlan[]): CompiledRules {
  const rules = plans.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(compileRule);
  if (new Set(plans.map((each) => each.id)).size !== rules.length) throw new PlanProblem('two rules share an id');
  return {
    flightRules: rules.filter((each) => each.plan.scope === 'flight'),
    sourceRules: rules.filter((each) => each.plan.scope === 'source'),
  };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new PlanProblem('plan is not JSON', { cause });
  }
}

function compileRule(plan: RulePlan): CompiledRule {
  try {
    const compile = (condition: string) => compileCondition(condition, plan.scope);
    const compileLevel = (each: LevelPlan | null): CompiledLevel | null =>
      each && { plan: each, when: compile(each.when), clear: each.clear === null ? null : compile(each.clear) };
    const guard = plan.guard === null ? null : compile(plan.guard);
    const warning = compileLevel(plan.warning);
    const critical = compileLevel(plan.critical);
    const conditions = [guard, warning?.when, warning?.clear, critical?.when, critical?.clear];
    const names = new Set(conditions.flatMap((condition) => condition?.names ?? []));
    const variables = [...names].sort().map((name) => variableOf(name, plan.scope));
    return { plan, guard, warning, critical, variables, summary: partsOf(plan.summary, plan.scope) };
  } catch (cause) {
    if (!(cause instanceof ConditionProblem)) throw cause;
    throw new PlanProblem(`rule ${plan.id}: ${cause.message}`, { cause });
  }
}

/** What stands in a summary for names that are no variables. */
export const summaryNames = { campaign: -1, flight: -2 } as const;

/** `{{name}}` becomes the place of its value; what names nothing stays as it is. */
function partsOf(summary: string, scope: RulePlan['scope']): (string | number)[] {
  return summary.split(/(\{\{\s*[a-z._0-9]+\s*\}\})/).map((part) => {
    const name = /^\{\{\s*([a-z._0-9]+)\s*\}\}$/.exec(part)?.[1];
    if (name === undefined) return part;
    if (name === 'c.campaign_id') return summaryNames.campaign;
    if (name === 'c.flight_id') return summaryNames.flight;
    const index = variableNames(scope).indexOf(name);
    return index < 0 ? part : index;
  });
}

function variableOf(name: string, scope: RulePlan['scope']): RuleVariable {
  return { index: variableNames(scope).indexOf(name), key: `${JSON.stringify(name)}:` };
}

/** Hash of the part of a rule that decides: editing anything else keeps its alerts open. */
export function ruleHash(rule: Omit<RulePlan, 'hash'>): string {
  const { scope, guard, warning, critical, keep_firing_for_ms, no_data, on_error, match } = rule;
  const deciding = { scope, guard, warning, critical, keep_firing_for_ms, no_data, on_error, match };
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
