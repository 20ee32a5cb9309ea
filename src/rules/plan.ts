import { z } from 'zod';
import { costBases } from '../events/event-batch.ts';
import { BoundedMap } from '../model/bounded-map.ts';
import { limits } from '../model/limits.ts';
import { dayMs, minuteMs } from '../model/time.ts';
import { curveSchema } from './curve.ts';
import { daypartSchema } from './daypart.ts';
import { orderSchema, ordersPerPlanMax } from './order.ts';
import { currencyCode, planId, zoneName } from './plan-words.ts';
import { quotasSchema } from './quotas.ts';
import { notifySchema, ruleNotices } from './rule-notices.ts';
import { ruleScope } from './rule-scope.ts';
import { scheduleSchema } from './schedule.ts';

/**
 * A plan: everything people decide about an organization, as it travels in the log (record kind
 * `org_plan`, field `body`: this object as canonical JSON). Its offset is its activation; a number
 * lower than or equal to the one in force is ignored. Whoever makes plans checks them against
 * `planSchema` before they enter the log; the lane checks again, because a log may hold anything, and
 * answers with a dead letter `bad_plan`.
 */
export type Plan = Fixed<z.infer<typeof planSchema>>;
/** A plan before the log gives it a number. */
export type PlanDraft = Fixed<z.infer<typeof planDraftSchema>>;
export type PlanDefaults = Plan['defaults'];
export type SpendPlan = PlanDefaults['spend'];
export type SourcePlan = Plan['sources'][string];
export type CampaignPlan = Plan['campaigns'][string];
export type OrderPlan = NonNullable<Plan['orders']>[string];
export type RulePlan = Plan['rules'][number];
export type LevelPlan = NonNullable<RulePlan['warning']>;

/** What is read from a plan is never changed. */
type Fixed<T> = T extends object ? { readonly [Key in keyof T]: Fixed<T[Key]> } : T;

/** What the booked daily budget may be exceeded by: from nothing to a hundredfold, basis points. */
const allowanceBp = { min: 10_000, max: 1_000_000 };

/** Shares that grow to all there is, one for each day. */
function ascendingTo(all: number, share: z.ZodNumber) {
  return z
    .array(share)
    .max(32, 'must have 32 days at most')
    .refine((shares) => shares.every((each, day) => day === 0 || each >= shares[day - 1]), 'must not fall')
    .refine((shares) => shares.at(-1) === all, `must end with ${all}: all that comes`);
}

/** The values that plans, organization files and rule files have in common. Each says its own wish in words. */
export const planValues = {
  id: planId,
  text: z.string().max(2_000),
  /** CEL; what it may say is for `compileCondition` to judge. */
  condition: z.string().min(1).max(limits.conditionBytesMax),
  label: z.string().max(256),
  zone: zoneName,
  durationMs: z
    .int()
    .min(0)
    .max(400 * dayMs),
  /** How often flights are evaluated, ms. */
  cadenceMs: z.int().min(minuteMs).max(dayMs).multipleOf(minuteMs),
  allowanceBp: z.int().min(allowanceBp.min).max(allowanceBp.max),
  conversionLagBp: ascendingTo(10_000, z.int().min(1).max(10_000)),
  conversionLagPercent: ascendingTo(100, z.number().min(0.01).max(100)),
  weekDay: z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']),
  allowancePercent: z
    .number()
    .min(allowanceBp.min / 100)
    .max(allowanceBp.max / 100),
  costBasis: z.enum(costBases),
  spendFrom: z.enum(['impressions', 'feed']),
  /** 168 integer weights, Monday 00:00 first, local hours. One at least is positive, or a flight would have none at all. */
  profile: z
    .array(z.int().min(0).max(10_000))
    .length(168, 'must have 168 weights, Monday 00:00 first')
    .refine((weights) => weights.some((weight) => weight > 0), 'needs a positive weight'),
  /**
   * `flight`: while it runs. `ended`: after its end, while its delivery is still evaluated. `campaign`: money that no
   * flight covers. `order`: each order of the plan. `advertiser`: the campaigns of each advertiser that the rule is for,
   * together. `organization`: all of those together. `source`: each source.
   */
  scope: z.enum(['flight', 'ended', 'campaign', 'order', 'advertiser', 'organization', 'source']),
  /** Where a source of campaigns that are judged together is stale: `unknown`, or they count as they were known last. */
  staleMembers: z.enum(['unknown', 'counted']),
  mode: z.enum(['notify', 'shadow']),
  noDataThen: z.enum(['no_data', 'ok', 'firing']),
  onError: z.enum(['keep_last', 'error']),
  /** Platforms report a pause without saying whose it is; it is nearly always the advertiser's. */
  unnamedCause: z.enum(['ADVERTISER', 'SYSTEM']),
  sourceClock: z.enum(['trusted', 'untrusted']),
  currency: currencyCode,
  /** How late a record may come, ms: not less than delivery cells reach back, at most a year. */
  latenessMs: z
    .int()
    .min(3 * dayMs)
    .max(366 * dayMs),
  /** How long delivery ids are remembered, ms. */
  duplicateWindowMs: z
    .int()
    .min(15 * minuteMs)
    .max(3 * dayMs),
} as const;
const { id, text, condition, label, durationMs } = planValues;
/** A source, or `''` = none is named. */
export const sourceName = z.union([id, z.literal('')]);

/** Sources whose spend adds up, each once. */
export const spendSources = z
  .array(id)
  .min(1)
  .max(limits.sourcesPerOrganizationMax)
  .refine((names) => new Set(names).size === names.length, 'names a source twice');

const spend = z.strictObject({
  /** `impressions`: the cost carried by impressions and clicks. `feed`: spend records of `source`. */
  from: planValues.spendFrom,
  source: sourceName,
  /** Several sources that spend one budget: their sum counts, and all are waited for. `source` is then ''. */
  sources: spendSources.optional(),
  cost_basis: planValues.costBasis,
});

const level = z.strictObject({
  when: condition,
  /** Null = `!(when)`. */
  clear: condition.nullable(),
  for_ms: durationMs,
});

const rule = z.strictObject({
  id,
  name: text,
  scope: planValues.scope,
  mode: planValues.mode,
  /** CEL; the rule judges only where it is true. Null = always. */
  guard: condition.nullable(),
  warning: level.nullable(),
  critical: level.nullable(),
  keep_firing_for_ms: durationMs,
  /** After this long without a judgement; null = never. */
  // biome-ignore lint/suspicious/noThenProperty: "after … then …" is how people say it, and nobody awaits a plan.
  no_data: z.strictObject({ after_ms: durationMs, then: planValues.noDataThen }).nullable(),
  on_error: planValues.onError,
  /** With `{{p.osi_pct}}` places. */
  summary: text,
  /** Of rules of scope advertiser and organization; absent = unknown of the one, counted of the other. */
  stale_members: planValues.staleMembers.optional(),
  ...ruleScope,
  /** When it judges; absent = always. */
  schedule: scheduleSchema.optional(),
  ...ruleNotices,
  notify: notifySchema.optional(),
  /** First 16 hex digits of SHA-256 over the part that decides; another hash resets the alert. */
  hash: z.string().regex(/^[0-9a-f]{16}$/),
});

/** How late records may come, by their class (docs/semantics.md §2); what is absent is the usual. */
const lateness = z.strictObject({
  delivery_ms: planValues.latenessMs.optional(),
  report_ms: planValues.latenessMs.optional(),
  conversion_ms: planValues.latenessMs.optional(),
  correction_ms: planValues.latenessMs.optional(),
});
export type Lateness = Fixed<z.infer<typeof lateness>>;

const source = z.strictObject({
  /** True: complete up to the newest `complete_through`. False: up to the clock less `delay_ms`. */
  heartbeats: z.boolean(),
  delay_ms: durationMs,
  /** How often this source is expected to advance; 0 = continuously. */
  expected_interval_ms: durationMs,
  /** A frontier further behind the clock than this makes the flight `stale_data`. */
  stale_after_ms: durationMs,
  /** Where the source differs from what the plan says for all. */
  lateness: lateness.optional(),
  /** `untrusted`: its events count at the log's time when their own lies ahead of it. */
  clock: planValues.sourceClock.optional(),
});

/** Serving hours by name. */
const dayparts = z.record(id, daypartSchema);

/** Pieces of CUSTOM flights by name. */
const curves = z.record(id, curveSchema);

/** What differs for a campaign. */
const campaign = z.strictObject({
  spend: spend.optional(),
  delivery_source: id.nullable().optional(),
  profile: id.optional(),
  daypart: id.optional(),
  /** Pieces of its CUSTOM flights that name no curve. */
  curve: id.optional(),
  day_allowance_bp: planValues.allowanceBp.optional(),
  week_allowance_bp: planValues.allowanceBp.optional(),
  flight_allowance_bp: planValues.allowanceBp.optional(),
  conversion_lag_bp: planValues.conversionLagBp.optional(),
  week_starts: planValues.weekDay.optional(),
  /** Holds until a budget names one. */
  currency: planValues.currency.optional(),
  /** Whose campaign it is: rules may be for all of an advertiser. */
  advertiser: id.optional(),
  labels: z.record(id, label).optional(),
});

const defaults = z.strictObject({
  /** IANA zone of campaigns that never named one. */
  zone: planValues.zone,
  evaluate_every_ms: planValues.cadenceMs,
  spend,
  /** Source whose impressions and clicks a flight waits for; null = delivery is not waited for. */
  delivery_source: id.nullable(),
  /** Profile of TRAFFIC flights that name no curve. */
  profile: id.nullable(),
  /** Serving hours of DAYPARTED flights that name no curve. */
  daypart: id.optional(),
  /** What the platform may spend on one day, basis points of the booked daily budget. */
  day_allowance_bp: planValues.allowanceBp,
  /** The same in one week, of seven times that budget, and over a flight, of its budget; absent = no more than booked. */
  week_allowance_bp: planValues.allowanceBp.optional(),
  flight_allowance_bp: planValues.allowanceBp.optional(),
  /** How much of a day's conversions is in by the end of that day, the next, and so on; absent = as they were seen to come. */
  conversion_lag_bp: planValues.conversionLagBp.optional(),
  /** On which day the platform's weeks begin; absent = Monday. */
  week_starts: planValues.weekDay.optional(),
  /** What a status without a cause (SYSTEM, the default of the event) means; absent = ADVERTISER. */
  cause_when_unnamed: planValues.unnamedCause.optional(),
  /** Currency of campaigns whose budget has not come yet. */
  currency: planValues.currency.optional(),
  lateness: lateness.optional(),
  /** For how long a delivery record with the same id is the same event, ms. */
  duplicate_window_ms: planValues.duplicateWindowMs.optional(),
  quotas: quotasSchema.optional(),
});

/** Longer texts are rare, and would be much to keep. */
export const keptTextMax = 64 * 1024;

/**
 * Parts that are equal are one object, and checked once: a thousand organizations have the same rules
 * and profiles, which would be most of what a lane keeps on the heap.
 */
function shared<T>(schema: z.ZodType<T>): z.ZodType<T> {
  const parts = new BoundedMap<string, T>(limits.planPartsKeptMax);
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
    parts.set(text, parsed.data);
    return parsed.data;
  });
}

export const planSchema = z.strictObject({
  format: z.literal(1),
  org_id: id,
  number: z.int().min(1).max(4_294_967_295),
  /** The organization was erased: its records are refused, and what the lane knew of it is forgotten. Absent = it is open. */
  closed: z.literal(true).optional(),
  defaults,
  /** Sources by name. A record of an undeclared source is counted but never waited for. */
  sources: z
    .record(id, source)
    .refine((all) => Object.keys(all).length <= limits.sourcesPerOrganizationMax, 'too many sources'),
  profiles: shared(z.record(id, planValues.profile)),
  dayparts: shared(dayparts).optional(),
  curves: shared(curves).optional(),
  rules: shared(z.array(rule).max(limits.rulesPerPlanMax)),
  campaigns: z.record(id, campaign),
  /** Several campaigns under one budget and dates. */
  orders: z
    .record(id, orderSchema)
    .refine((all) => Object.keys(all).length <= ordersPerPlanMax, `more than ${ordersPerPlanMax} orders`)
    .optional(),
});

export const planDraftSchema = planSchema.omit({ number: true });

/** What holds where nobody wrote a plan (docs/semantics.md §3). */
export const usualDefaults: PlanDefaults = {
  zone: 'UTC',
  evaluate_every_ms: 5 * minuteMs,
  spend: { from: 'impressions', source: '', cost_basis: 'MEDIA' },
  delivery_source: null,
  profile: null,
  day_allowance_bp: 10_000,
};

/** The plan that closes an organization: it says nothing that anybody planned. */
export function closingPlan(orgId: string): PlanDraft {
  const nothing = { sources: {}, profiles: {}, rules: [], campaigns: {} };
  return { format: 1, org_id: orgId, closed: true, defaults: usualDefaults, ...nothing };
}

/** Values of a flight, with their CEL types. */
const flightVariables = {
  'p.status': ['string', 'Pacing status of this snapshot.'],
  'p.mode': ['string', 'even, traffic, asap, ahead, front_loaded, dayparted or custom.'],
  'p.osi_pct': ['double', 'On-schedule indicator, %.'],
  'p.delivery_pct': ['double', 'Spend over budget, %.'],
  'p.elapsed_pct': ['double', 'Elapsed weight, %.'],
  'p.elapsed_hours': ['double', 'Hours since the flight started.'],
  'p.hours_left': ['double', 'Hours to the end of the flight.'],
  'p.days_left': ['double', 'Hours left over 24.'],
  'p.projected_pct': ['double', 'Projected spend over budget, %.'],
  'p.lift_needed': ['double', 'Required over current run rate.'],
  'p.required_daily': ['double', 'Required spend per day, currency units.'],
  'p.run_rate_daily': ['double', 'Current spend per day, currency units.'],
  'p.exhaust_lead_hours': ['double', 'Hours between exhaustion and the end; 0 when it lasts.'],
  'p.exhaust_lead_pct': ['double', 'The same over the length of the flight, %.'],
  'p.day_pct': ['double', "The day's spend over its booked budget, %."],
  'p.day_allowance_pct': ['double', 'What the platform may spend on a day, %.'],
  'p.day_capped': ['bool', "The day's spend reached the daily cap times the allowance."],
  'p.daily_cap_allowed': ['double', 'Daily cap times allowance, currency units.'],
  'p.daily_cap': ['double', 'Daily cap, currency units.'],
  'p.day_spend': ['double', "The day's spend, currency units."],
  'p.day_target': ['double', "The day's share of what remained at its beginning, currency units."],
  'p.day_budget': ['double', "The day's booked budget: the cap, else what the plan booked; currency units."],
  'p.month_spend': ['double', 'Spend of the campaign in the calendar month, currency units.'],
  'p.month_allowed': ['double', '30.4 times the booked budget of a day, currency units.'],
  'p.budget': ['double', 'Budget, currency units.'],
  'p.spend': ['double', 'Spend, currency units.'],
  'p.expected': ['double', 'Expected spend, currency units.'],
  'p.projected': ['double', 'Spend at the end of the flight at the current rate, currency units.'],
  'm.impressions_2h': ['double', 'Valid impressions of the last two hours.'],
  'm.spend_2h': ['double', 'Spend of the last two hours, currency units.'],
  'm.expected_spend_2h': ['double', 'Expected spend of the last two hours, currency units.'],
  'm.impressions_flight': ['double', 'Valid impressions since the flight started.'],
  't.local_hour': ['double', 'Hour of the local day at as_of, 0 to 24 (the end of a day).'],
} as const;

/** Values of an order: those of a flight that campaigns have together, and what it is. */
const orderVariables = {
  'g.order_id': ['string', 'Order.'],
  'g.name': ['string', 'Its name.'],
  'g.advertiser': ['string', 'Whose it is.'],
  'g.currency': ['string', 'Its currency.'],
  'g.campaigns': ['double', 'Its members with money in its currency.'],
  'g.campaigns_left_out': ['double', 'Those with money in another one, which have no part in it.'],
  'p.status': flightVariables['p.status'],
  'p.mode': flightVariables['p.mode'],
  'p.osi_pct': flightVariables['p.osi_pct'],
  'p.delivery_pct': flightVariables['p.delivery_pct'],
  'p.elapsed_pct': flightVariables['p.elapsed_pct'],
  'p.elapsed_hours': ['double', 'Hours since the order started.'],
  'p.hours_left': ['double', 'Hours to its end; below 0 after it.'],
  'p.days_left': ['double', 'Hours left over 24.'],
  'p.projected_pct': flightVariables['p.projected_pct'],
  'p.lift_needed': flightVariables['p.lift_needed'],
  'p.required_daily': flightVariables['p.required_daily'],
  'p.run_rate_daily': flightVariables['p.run_rate_daily'],
  'p.exhaust_lead_hours': flightVariables['p.exhaust_lead_hours'],
  'p.exhaust_lead_pct': ['double', 'The same over the length of the order, %.'],
  'p.day_pct': flightVariables['p.day_pct'],
  'p.day_spend': flightVariables['p.day_spend'],
  'p.day_target': flightVariables['p.day_target'],
  'p.day_budget': ['double', "The day's booked budget, currency units."],
  'p.budget': flightVariables['p.budget'],
  'p.spend': flightVariables['p.spend'],
  'p.expected': flightVariables['p.expected'],
  'p.projected': ['double', 'Spend at the end of the order at the current rate, currency units.'],
  'p.unseen_spend': ['double', 'What may have been spent since as_of, unseen, currency units.'],
  'p.money_at_risk': ['double', 'The part of it for which the budget has no room, currency units.'],
  'm.spend_2h': flightVariables['m.spend_2h'],
  'm.expected_spend_2h': flightVariables['m.expected_spend_2h'],
  't.local_hour': flightVariables['t.local_hour'],
} as const;

/** Values of campaigns together, by what stands behind the prefix of their scope. */
const togetherVariables = {
  members: ['double', 'Campaigns that the rule is for, whether or not one of their flights runs.'],
  campaigns: ['double', 'Campaigns with a flight that runs.'],
  flights: ['double', 'Flights that run.'],
  flights_warming_up: ['double', 'Those of which it is too early to tell.'],
  flights_on_track: ['double', 'Those that are on track.'],
  flights_behind: ['double', 'Those that are behind or severely behind.'],
  flights_severely_behind: ['double', 'Those that are severely behind.'],
  flights_ahead: ['double', 'Those that are ahead.'],
  flights_exhausted: ['double', 'Those whose budget is gone.'],
  flights_capped: ['double', 'Those whose cap of the day is reached.'],
  flights_overspent: ['double', 'Those that had spent more than their budget when it was cut.'],
  flights_paused: ['double', 'Those that the advertiser or a schedule has paused.'],
  flights_blocked: ['double', 'Those that something else keeps from delivering.'],
  flights_stale: ['double', 'Those whose sources are stale.'],
  currency: ['string', 'Currency of all money here; null where the campaigns have none yet, or several.'],
  budget: ['double', 'Budgets of flights that run, currency units.'],
  spend: ['double', 'What they spent as far as their sources are complete.'],
  expected: ['double', 'What they should have spent by then; ASAP flights have no part in it.'],
  projected: ['double', 'What they are heading for at their ends.'],
  osi_pct: ['double', 'Spend over expected spend of those that expect any, %.'],
  delivery_pct: ['double', 'Spend over budgets, %.'],
  projected_pct: ['double', 'Projected spend over budgets, %.'],
  unseen_spend: ['double', 'What may have been spent since, unseen.'],
  money_at_risk: ['double', 'The part of it for which budgets and daily caps have no room.'],
  spend_today: ['double', 'Spend that was booked for today, whatever is not in yet.'],
  spend_yesterday: ['double', 'Of the day before.'],
  spend_7d: ['double', 'Of the seven days before today.'],
  spend_month: ['double', 'Of the calendar month, with today.'],
} as const;
export type TogetherName = keyof typeof togetherVariables;
export const togetherNames = Object.keys(togetherVariables) as readonly TogetherName[];

function prefixed<Prefix extends string>(prefix: Prefix) {
  type Prefixed = { readonly [Name in TogetherName as `${Prefix}${Name}`]: (typeof togetherVariables)[Name] };
  return Object.fromEntries(togetherNames.map((name) => [`${prefix}${name}`, togetherVariables[name]])) as Prefixed;
}

/** Names a condition may use, by the scope of its rule. docs/rules.md is printed from it. */
export const ruleVariables = {
  flight: flightVariables,
  ended: flightVariables,
  campaign: {
    'u.status': ['string', 'What most of the unplanned spend of the newest day that has some is.'],
    'u.spend': ['double', 'Unplanned spend of the last 33 days, currency units.'],
    'u.days': ['double', 'Days of these that have some.'],
    'u.outside': ['double', 'The part of it that lies in no flight with a budget, currency units.'],
    'u.paused': ['double', 'The part of it while the advertiser had the campaign paused, currency units.'],
    'u.over_budget': ['double', 'The part of it beyond the budget of a flight, currency units.'],
    'u.over_budget_pct': ['double', 'By how much the flight that is most over its budget is over it, %.'],
    'u.recent': ['double', 'Unplanned spend, but not that over a budget, of the two newest days with spend.'],
    'u.recent_pct': ['double', 'The same over all spend of these two days, %.'],
  },
  order: orderVariables,
  advertiser: { 'a.advertiser': ['string', 'The advertiser.'], ...prefixed('a.') },
  organization: prefixed('o.'),
  source: {
    's.name': ['string', 'Source.'],
    's.lag_s': ['double', 'Clock less frontier, seconds.'],
    's.expected_interval_s': ['double', 'Expected interval, seconds.'],
    's.stale_after_s': ['double', 'Further behind than this its flights are stale, seconds.'],
  },
} as const satisfies Record<string, Record<string, readonly ['double' | 'string' | 'bool', string]>>;
