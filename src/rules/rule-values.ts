import type { PacingMode } from '../events/event-batch.ts';
import { dayMs, hourMs } from '../model/time.ts';
import { floorShare, plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { dayJudged, isCapped, type MoneyBeside, type PacingValues } from '../pacing/pacing.ts';
import type { RuleValue } from './condition.ts';
import { ruleVariables, type SourcePlan } from './plan.ts';

/** The names a condition may use, with their values (docs/semantics.md §8.2); null = there is none. */

export interface FlightFacts {
  readonly values: PacingValues;
  readonly asOf: number;
  readonly start: number;
  readonly end: number;
  readonly zone: Zone;
  readonly dayAllowanceBp: number;
  /** Micros of the calendar month; null = not retained, or no rule asks. */
  readonly monthSpend: Whole | null;
  /** False: nobody says whether impressions come at all, so that none counted is not zero. */
  readonly hasImpressions: boolean;
}

/** What conditions call the modes. */
export const modeWords: Readonly<Record<PacingMode, string>> = {
  EVEN: 'even',
  TRAFFIC: 'traffic',
  ASAP: 'asap',
  AHEAD: 'ahead',
  FRONT_LOADED: 'front_loaded',
  DAYPARTED: 'dayparted',
  CUSTOM: 'custom',
};
type CampaignName = keyof typeof ruleVariables.campaign;
type SourceName = keyof typeof ruleVariables.source;

/** Why nobody planned money, in the order of the columns of `unplanned_spend`, and what is left where none is. */
export const unplannedCauses = [
  'no_flight',
  'no_budget',
  'before_start',
  'between_flights',
  'after_end',
  'paused',
  'over_budget',
] as const;
export type UnplannedCause = (typeof unplannedCauses)[number];
export const unplannedStatuses = [...unplannedCauses, 'planned'] as const;
export type UnplannedStatus = (typeof unplannedStatuses)[number];

/** Money that nobody planned, over the days that are kept; all in micros. */
export interface CampaignFacts {
  readonly status: UnplannedStatus;
  readonly days: number;
  readonly outside: Whole;
  readonly paused: Whole;
  readonly overBudget: Whole;
  /** Of the flight that is most over its budget, basis points; null = none is. */
  readonly overBudgetBp: Whole | null;
  /** Of the two newest days with spend. */
  readonly recent: Whole;
  readonly recentSpend: Whole;
}

/** The facts of a campaign all of whose days are planned, but for what it spent. */
export const nothingUnplanned: CampaignFacts = {
  status: 'planned',
  days: 0,
  outside: 0,
  paused: 0,
  overBudget: 0,
  overBudgetBp: null,
  recent: 0,
  recentSpend: 0,
};

const sourceNames = Object.keys(ruleVariables.source) as SourceName[];
export const unknownFlight: readonly RuleValue[] = Object.keys(ruleVariables.flight).map(() => null);

const campaignNames = Object.keys(ruleVariables.campaign) as CampaignName[];

export function campaignValues(facts: CampaignFacts): RuleValue[] {
  const { outside, paused, overBudget, recent, recentSpend } = facts;
  const named: Record<CampaignName, RuleValue> = {
    'u.status': facts.status,
    'u.spend': scaled(plus(plus(outside, paused), overBudget), 1e6),
    'u.days': facts.days,
    'u.outside': scaled(outside, 1e6),
    'u.paused': scaled(paused, 1e6),
    'u.over_budget': scaled(overBudget, 1e6),
    'u.over_budget_pct': scaled(facts.overBudgetBp, 100),
    'u.recent': scaled(recent, 1e6),
    'u.recent_pct': recentSpend > 0 ? share(recent, recentSpend) : null,
  };
  return campaignNames.map((each) => named[each]);
}

export function sourceValues(name: string, lagMs: number | null, source: SourcePlan): RuleValue[] {
  const named: Record<SourceName, RuleValue> = {
    's.name': name,
    's.lag_s': lagMs === null ? null : lagMs / 1_000,
    's.expected_interval_s': source.expected_interval_ms / 1_000,
    's.stale_after_s': source.stale_after_ms / 1_000,
  };
  return sourceNames.map((each) => named[each]);
}

/**
 * In the order of `ruleVariables.flight` (a test works out each of them by hand). Every evaluation asks: a list at once,
 * and no object of names.
 */
export function flightValues(facts: FlightFacts): RuleValue[] {
  const { values, asOf, start, end, dayAllowanceBp, hasImpressions } = facts;
  const { budget, terms, daySpend, dayBudget } = values;
  const { cap } = terms;
  const { leadHours, leadPct } = exhaustionLead(values, start, end);
  const named: RuleValue[] = [
    values.status, // p.status
    modeWords[terms.mode], // p.mode
    scaled(values.osiBp, 100), // p.osi_pct
    scaled(values.deliveryBp, 100), // p.delivery_pct
    scaled(values.elapsedBp, 100), // p.elapsed_pct
    (asOf - start) / hourMs, // p.elapsed_hours
    (end - asOf) / hourMs, // p.hours_left
    (end - asOf) / dayMs, // p.days_left
    values.projected === null ? null : share(values.projected, budget), // p.projected_pct
    scaled(values.liftBp, 10_000), // p.lift_needed
    scaled(values.requiredPerDay, 1e6), // p.required_daily
    scaled(values.runRatePerDay, 1e6), // p.run_rate_daily
    leadHours, // p.exhaust_lead_hours
    leadPct, // p.exhaust_lead_pct
    dayBudget === null ? null : share(daySpend, dayBudget), // p.day_pct
    dayAllowanceBp / 100, // p.day_allowance_pct
    isCapped(values), // p.day_capped
    scaled(values.capAllowed, 1e6), // p.daily_cap_allowed
    scaled(cap, 1e6), // p.daily_cap
    scaled(daySpend, 1e6), // p.day_spend
    scaled(values.dayTarget, 1e6), // p.day_target
    scaled(dayBudget, 1e6), // p.day_budget
    scaled(facts.monthSpend, 1e6), // p.month_spend
    dayBudget === null ? null : scaled(floorShare(dayBudget, 304, 10), 1e6), // p.month_allowed
    scaled(budget, 1e6), // p.budget
    scaled(values.spend, 1e6), // p.spend
    scaled(values.expected, 1e6), // p.expected
    scaled(values.projected, 1e6), // p.projected
    hasImpressions ? values.impressions2h : null, // m.impressions_2h
    scaled(values.spend2h, 1e6), // m.spend_2h
    scaled(values.expected2h, 1e6), // m.expected_spend_2h
    hasImpressions ? values.impressionsFlight : null, // m.impressions_flight
    localHour(facts), // t.local_hour
  ];
  if (values.money !== null) tellCost(named, values.money, terms.limit);
  return named;
}

type FlightName = keyof typeof ruleVariables.flight;
const placeOf = Object.fromEntries(Object.keys(ruleVariables.flight).map((name, at) => [name, at])) as Record<
  FlightName,
  number
>;

/** What of a flight is money whose goal is another: all ratios are of the goal. */
function tellCost(named: RuleValue[], money: MoneyBeside, limit: number | null): void {
  const cost: Partial<Record<FlightName, RuleValue>> = {
    'p.required_daily': null,
    'p.run_rate_daily': scaled(money.runRatePerDay, 1e6),
    'p.daily_cap_allowed': null,
    'p.daily_cap': null,
    'p.day_spend': scaled(money.daySpend, 1e6),
    'p.day_target': null,
    'p.day_budget': null,
    'p.month_allowed': null,
    'p.budget': scaled(limit, 1e6),
    'p.spend': scaled(money.spend, 1e6),
    'p.expected': null,
    'p.projected': scaled(money.projected, 1e6),
    'm.spend_2h': scaled(money.spend2h, 1e6),
    'm.expected_spend_2h': null,
  };
  for (const [name, value] of Object.entries(cost)) named[placeOf[name as FlightName]] = value;
}

/** Of the day that is judged: at its very end the hour is 24. */
function localHour(facts: FlightFacts): number {
  const { asOf, zone } = facts;
  if (asOf === zone.dayStart(dayJudged(facts, asOf) + 1)) return 24;
  const local = asOf + zone.offsetAt(asOf);
  return Math.floor((((local % dayMs) + dayMs) % dayMs) / hourMs);
}

function exhaustionLead({ exhaustionAt, projected }: PacingValues, start: number, end: number) {
  if (exhaustionAt !== null) {
    const lead = end - exhaustionAt;
    return { leadHours: lead / hourMs, leadPct: Math.floor((10_000 * lead) / (end - start)) / 100 };
  }
  const lasting = projected === null ? null : 0;
  return { leadHours: lasting, leadPct: lasting };
}

/** One IEEE division of an exact integer. */
function scaled(value: Whole | null, by: number): number | null {
  return value === null ? null : Number(value) / by;
}

/** Percent with two digits; null on a zero denominator. */
function share(part: Whole, whole: Whole): number | null {
  return whole === 0 ? null : Number(floorShare(10_000, part, whole)) / 100;
}
