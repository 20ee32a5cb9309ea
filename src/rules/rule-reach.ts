import { dayMs, hourMs } from '../model/time.ts';
import { runningStatuses } from '../pacing/pacing.ts';
import { allowanceValues } from './allowance-values.ts';
import { type AskedValue, askedValueOf } from './asked-values.ts';
import { type Season, type Statistic, seasons, statisticsOf } from './baselines.ts';
import {
  anyNumber,
  anyText,
  anyTruth,
  neverThere,
  numbersBetween,
  orAbsent,
  type Reach,
  textsOf,
} from './condition-reach.ts';
import { campaignWords, eventValues } from './event-values.ts';
import { goalValues } from './goal-values.ts';
import { type Measure, measures, moneyCounters, windowCounters } from './measures.ts';
import { type CampaignPlan, type PlanDraft, ruleVariables, type SourcePlan } from './plan.ts';
import { requiredSources } from './plan-sources.ts';
import { riskValues } from './risk-values.ts';
import { modeWords, unplannedStatuses } from './rule-values.ts';
import { type WindowValue, windowHours, windowValueOf } from './window-values.ts';

type FlightName = keyof typeof ruleVariables.flight;
const atLeast = (least: number) => numbersBetween(least, Number.POSITIVE_INFINITY);

/** For whom a value of a flight is not there, in words; what is not named here is always there. */
export const absentFor: { readonly [Name in FlightName]?: string } = {
  'p.osi_pct': 'ASAP flights, and until half a percent of the budget is expected',
  'p.delivery_pct': 'budgets of 0',
  'p.projected_pct': 'budgets of 0, and before anything was to be delivered',
  'p.lift_needed': 'flights that spent nothing in the last day, and at their end',
  'p.required_daily': 'flights at their end',
  'p.run_rate_daily': 'the first instant of a flight',
  'p.exhaust_lead_hours': 'flights without a projection',
  'p.exhaust_lead_pct': 'flights without a projection',
  'p.day_pct': 'days for which nothing is booked: ASAP without a daily cap, budgets of 0',
  'p.day_capped': 'flights without a daily cap',
  'p.daily_cap_allowed': 'flights without a daily cap',
  'p.daily_cap': 'flights without a daily cap',
  'p.day_target': 'ASAP flights without a daily cap, and after the end',
  'p.day_budget': 'ASAP flights without a daily cap, and after the end',
  'p.month_spend': 'days whose month began more than 33 days ago',
  'p.month_allowed': 'ASAP flights without a daily cap, and after the end',
  'p.expected': 'ASAP flights',
  'p.projected': 'before anything was to be delivered',
  'm.impressions_2h':
    'flights judged by whole days; and without impressions, where spend comes from a feed and no delivery source is named',
  'm.spend_2h': 'flights judged by whole days',
  'm.expected_spend_2h': 'ASAP flights, and those judged by whole days',
  'm.impressions_flight': 'flights without impressions, where spend comes from a feed and no delivery source is named',
};

/** For whom what a rule asks for is not there, in words; undefined = it is always there. */
export function absentAskedFor(name: string, scope: 'flight' | 'campaign'): string | undefined {
  const value = askedValueOf(name, scope);
  if (value === undefined) return undefined;
  if (value.kind === 'label') return 'campaigns without that label';
  if (value.kind === 'risk') return riskValues[value.name][2];
  if (value.kind === 'word' || value.kind === 'event' || value.kind === 'goal' || value.kind === 'allowance') {
    const [, , absent] = declared(value);
    return absent === '–' ? undefined : absent;
  }
  if (value.kind === 'matured')
    return 'campaigns of which nobody knows how late their conversions are; windows of which less than half is in';
  const isByHours = (value.kind === 'window' ? value.window : value.span).of === 'hours';
  const isCount = value.kind === 'baseline' && value.statistic === 'n';
  if (isCount) return undefined;
  const reasons = [
    ...(isByHours ? ['flights judged by whole days'] : []),
    ...(isByHours && value.kind === 'baseline' && value.statistic !== 'now' ? ['hours of before a rule asked'] : []),
    ...(value.kind === 'baseline' && value.statistic !== 'n' ? [absentBefore(value.statistic, value.season)] : []),
    absentMeasureFor(value.measure) ?? '',
  ];
  const all = reasons.filter((each) => each !== '');
  return all.length === 0 ? undefined : all.join('; ');
}

function declared(value: AskedValue & { readonly kind: 'word' | 'event' | 'goal' | 'allowance' }) {
  if (value.kind === 'word') return campaignWords[value.name];
  if (value.kind === 'allowance') return allowanceValues[value.name];
  return value.kind === 'event' ? eventValues[value.name] : goalValues[value.name];
}

/** What a statistic is not there for, beside those for whom its measure is not. */
export const absentBaselineFor: Readonly<Record<Exclude<Statistic, 'n'>, string>> = {
  prev_week: 'campaigns that did not run a week before',
  prev_day: 'campaigns that did not run a day before',
  now: '',
  mean: 'fewer than three weeks',
  ewma: 'fewer than three weeks',
  median: 'fewer than three weeks',
  mad: 'fewer than three weeks',
  ratio: 'fewer than three weeks; a median of 0 or less',
  score: 'fewer than three weeks; a window that differs where all weeks are the same',
  expected: 'fewer than three weeks; a window with nothing to take a share of',
  z: 'fewer than three weeks; a window with nothing to take a share of; where all or none are counted',
};

function absentBefore(statistic: Exclude<Statistic, 'n'>, season: Season): string {
  const absent = absentBaselineFor[statistic];
  if (season === 'peers')
    return absent.replace('three weeks', 'three such campaigns').replace('all weeks', 'all of them');
  return season === 'daily' ? absent.replace('three weeks', 'three days').replace('all weeks', 'all days') : absent;
}

/** For whom no window of a measure is there; undefined = it is always there. */
export function absentMeasureFor({ ratio, counters }: Measure): string | undefined {
  const isDelivery = counters.some((each) => windowCounters[each].isDelivery);
  const reasons = [
    ...(ratio === null ? [] : [`nothing in ${ratio.by.join(' and ')}`]),
    ...(isDelivery ? ['no delivery'] : []),
  ];
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

const hourNames = [...measures.values()].flatMap((measure) => {
  const { name, isFine } = measure;
  if (!isFine) return [];
  const before = (['weekly', 'daily'] as const).flatMap((season) =>
    statisticsOf(measure, season).map((each) => `_${seasons[season].infix}${each}`),
  );
  return windowHours.flatMap((hours) => [
    `m.${name}_${hours}h`,
    ...before.filter((each) => !each.endsWith('_n')).map((each) => `b.${name}_${hours}h${each}`),
  ]);
});

/** How far behind `as_of` may lie to be finer than a day (docs/semantics.md §7.1). */
const finestBackMs = 46 * hourMs;

/** What the values of flights of a campaign can be, by its plan. */
export function flightReach(plan: PlanDraft, own: CampaignPlan, scope: 'flight' | 'ended'): Map<string, Reach> {
  const names = new Map<string, Reach>(typeReach);
  for (const [name, reach] of Object.entries(usualReach)) names.set(name, reach);
  const isEnded = scope === 'ended';
  const before = isEnded ? numbersBetween(Number.NEGATIVE_INFINITY, 0) : atLeast(0);
  names.set('p.hours_left', before).set('p.days_left', before);
  if (isEnded) {
    names.set('p.status', textsOf(['ended_under', 'ended_full', 'ended_over']));
    for (const name of ['p.required_daily', 'p.lift_needed']) names.set(name, neverThere);
  } else names.set('p.status', textsOf(runningStatuses));
  names.set('p.day_allowance_pct', constant((own.day_allowance_bp ?? plan.defaults.day_allowance_bp) / 100));
  const sources = requiredSources(plan, own).map((name): SourcePlan | undefined => plan.sources[name]);
  if (sources.some((each) => each !== undefined && !each.heartbeats && each.delay_ms >= finestBackMs)) {
    for (const name of ['m.expected_spend_2h', ...hourNames]) names.set(name, neverThere);
    names.set('t.local_hour', constant(24));
  }
  // As its declared rhythm says: complete to a midnight, which is the end of a day.
  if (sources.some((each) => each?.heartbeats === true && each.expected_interval_ms >= dayMs))
    names.set('t.local_hour', constant(24));
  const { from } = own.spend ?? plan.defaults.spend;
  const delivery = own.delivery_source === undefined ? plan.defaults.delivery_source : own.delivery_source;
  if (from === 'feed' && delivery === null) {
    // None counted is not zero where nobody says that impressions are complete.
    names.set('m.impressions_flight', orAbsent(anyNumber));
  }
  return names;
}

/** For whom a value of a campaign is not there, in words. */
export const absentOfCampaignFor: { readonly [Name in keyof typeof ruleVariables.campaign]?: string } = {
  'u.over_budget_pct': 'campaigns none of whose flights has spent more than a budget above 0',
  'u.recent_pct': 'campaigns that spent nothing in the days looked at',
};

/** Days that are looked at for money that nobody planned, those that are cut at both ends included. */
const unplannedDays = 34;

/** What the values of a campaign can be, of which no plan says anything. */
export function campaignReach(): Map<string, Reach> {
  const names: { readonly [Name in keyof typeof ruleVariables.campaign]: Reach } = {
    'u.status': textsOf(unplannedStatuses),
    'u.spend': anyNumber,
    'u.days': numbersBetween(0, unplannedDays),
    'u.outside': anyNumber,
    'u.paused': anyNumber,
    'u.over_budget': atLeast(0),
    'u.over_budget_pct': orAbsent(atLeast(0)),
    'u.recent': anyNumber,
    'u.recent_pct': orAbsent(anyNumber),
  };
  return new Map(Object.entries(names));
}

const absentOfOrderFor: Readonly<Record<string, string>> = {
  'g.name': 'orders without a name',
  'g.advertiser': 'orders that say no advertiser',
};

/** For whom a value of campaigns together is not there, in words; undefined = it is always there. */
export function absentTogetherFor(name: string): string | undefined {
  if (name.startsWith('g.')) return absentOfOrderFor[name];
  if (Object.hasOwn(absentFor, name)) return absentFor[name as FlightName]?.replaceAll('flight', 'order');
  if (Object.hasOwn(riskValues, name)) return 'orders at their end, and those without a current rate';
  const window = windowValueOf(name);
  if (window?.kind === 'window') return absentWindowTogetherFor(window);
  const [, own] = /^[oa]\.(.*)$/.exec(name) ?? [];
  if (own === undefined || /^(advertiser|members|campaigns|flights.*)$/.test(own)) return undefined;
  const isShare = own.endsWith('_pct');
  return `campaigns of several currencies${isShare ? '; flights with nothing to take a share of' : own === 'currency' ? '; campaigns without one' : ''}`;
}

function absentWindowTogetherFor({ measure, window }: Extract<WindowValue, { kind: 'window' }>): string {
  const isByHours = window.of === 'hours';
  const reasons = [
    'campaigns of which a source is stale',
    ...(isByHours ? ['campaigns judged by whole days'] : []),
    ...(measure.counters.some((each) => moneyCounters.has(each)) ? ['campaigns of several currencies'] : []),
    absentMeasureFor(measure) ?? '',
  ];
  return reasons.filter((each) => each !== '').join('; ');
}

/** What the values of a declared source can be. */
export function sourceReach(name: string, source: SourcePlan): Map<string, Reach> {
  const lag = source.heartbeats ? atLeast(Number.NEGATIVE_INFINITY) : constant(source.delay_ms / 1_000);
  return new Map([
    ['s.name', textsOf([name])],
    ['s.lag_s', source.heartbeats ? orAbsent(lag) : lag],
    ['s.expected_interval_s', constant(source.expected_interval_ms / 1_000)],
    ['s.stale_after_s', constant(source.stale_after_ms / 1_000)],
  ]);
}

function constant(value: number): Reach {
  return numbersBetween(value, value);
}

/** What is known of values; of one that is not named here nothing but its type is. */
const usualReach: { readonly [Name in FlightName]?: Reach } = {
  'p.mode': textsOf(Object.values(modeWords)),
  'p.osi_pct': orAbsent(atLeast(0)),
  'p.elapsed_pct': numbersBetween(0, 100),
  'p.elapsed_hours': atLeast(0),
  'p.hours_left': anyNumber,
  'p.days_left': anyNumber,
  'p.lift_needed': orAbsent(atLeast(0)),
  'p.required_daily': orAbsent(atLeast(0)),
  'p.exhaust_lead_hours': orAbsent(atLeast(0)),
  'p.exhaust_lead_pct': orAbsent(numbersBetween(0, 100)),
  'p.day_allowance_pct': atLeast(100),
  'p.daily_cap_allowed': orAbsent(atLeast(0)),
  'p.daily_cap': orAbsent(atLeast(0)),
  'p.day_spend': anyNumber,
  'p.day_target': orAbsent(atLeast(0)),
  'p.day_budget': orAbsent(atLeast(0)),
  'p.month_allowed': orAbsent(atLeast(0)),
  'p.budget': atLeast(0),
  'p.spend': anyNumber,
  'p.expected': orAbsent(atLeast(0)),
  't.local_hour': numbersBetween(0, 24),
};

/** What a value can be by its type alone. */
const typeReach = Object.entries(ruleVariables.flight).map(([name, [type]]): [string, Reach] => {
  if (type === 'string') return [name, anyText];
  return [name, orAbsent(type === 'bool' ? anyTruth : anyNumber)];
});
