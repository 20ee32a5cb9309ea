import { expect, test } from 'vitest';
import { pacingModes } from '../../src/events/event-batch.ts';
import { type KindName, kinds } from '../../src/events/kinds.ts';
import { allowanceValues } from '../../src/rules/allowance-values.ts';
import { baselineStatistics } from '../../src/rules/baselines.ts';
import { variableNames } from '../../src/rules/condition.ts';
import { campaignWords, eventValues } from '../../src/rules/event-values.ts';
import { goalValues } from '../../src/rules/goal-values.ts';
import { measures } from '../../src/rules/measures.ts';
import {
  type Lateness,
  type OrderPlan,
  type Plan,
  planValues,
  type RulePlan,
  ruleVariables,
} from '../../src/rules/plan.ts';
import type { Quotas } from '../../src/rules/quotas.ts';
import { outsideHours } from '../../src/rules/schedule.ts';
import { windowHours } from '../../src/rules/window-values.ts';
import { drawUniverse } from '../simulation/universe/universe.ts';
import { randomRecords } from './random-world.ts';

// A setting or a value that no world ever draws is one that no random test watches.

const absent = 'absent';
/** What must have been seen of a setting, as text: these values, or as many different ones. */
type Seen = readonly (string | null | boolean)[] | number;

type Settings<T> = { readonly [Name in keyof Required<T>]: Seen };
type Defaults = Omit<Plan['defaults'], 'spend' | 'lateness' | 'quotas'>;
type Source = Omit<Plan['sources'][string], 'lateness'>;
type Campaign = Omit<Plan['campaigns'][string], 'spend'>;
type Level = NonNullable<RulePlan['warning']>;
type NoData = NonNullable<RulePlan['no_data']>;

/** By part of a plan; a setting that is new does not compile until it stands here. */
const wanted = {
  defaults: {
    zone: 3,
    evaluate_every_ms: 3,
    delivery_source: ['adserver', null],
    profile: ['busy', null],
    daypart: ['office', 'late', absent],
    day_allowance_bp: 4,
    week_allowance_bp: ['12000', absent],
    flight_allowance_bp: ['10500', absent],
    conversion_lag_bp: 2,
    week_starts: ['sunday', 'wednesday', absent],
    cause_when_unnamed: [...planValues.unnamedCause.options, absent],
    currency: ['USD', absent],
    duplicate_window_ms: 1,
  } satisfies Settings<Defaults>,
  source: {
    heartbeats: [true, false],
    delay_ms: 3,
    expected_interval_ms: 3,
    stale_after_ms: 3,
    clock: [...planValues.sourceClock.options, absent],
  } satisfies Settings<Source>,
  campaign: {
    delivery_source: ['dsp', null, absent],
    profile: ['evening', absent],
    daypart: ['office', 'late', absent],
    curve: 4,
    day_allowance_bp: 3,
    week_allowance_bp: ['20000', absent],
    flight_allowance_bp: ['11000', absent],
    conversion_lag_bp: 2,
    week_starts: ['saturday', absent],
    currency: ['USD', 'EUR', absent],
    advertiser: ['adv', 'other', absent],
    labels: 2,
  } satisfies Settings<Campaign>,
  spend: {
    from: planValues.spendFrom.options,
    source: ['', 'dsp', 'adserver'],
    sources: 2,
    cost_basis: planValues.costBasis.options,
  } satisfies Settings<Plan['defaults']['spend']>,
  quotas: {
    campaigns: 3,
    heartbeat_sources: 2,
    remembered_records_per_day: 3,
    dead_letters_per_hour: 2,
  } satisfies Settings<Quotas>,
  lateness: { delivery_ms: 4, report_ms: 4, conversion_ms: 4, correction_ms: 4 } satisfies Settings<Lateness>,
  rule: {
    id: 5,
    name: 5,
    scope: planValues.scope.options,
    mode: planValues.mode.options,
    guard: 10,
    warning: 10,
    critical: 10,
    keep_firing_for_ms: 3,
    no_data: 4,
    on_error: planValues.onError.options,
    summary: 3,
    stale_members: ['unknown', 'counted', absent],
    match: 3,
    campaigns: 4,
    advertisers: 3,
    orders: 3,
    exclude: 3,
    schedule: 10,
    labels: 2,
    annotations: 4,
    inhibited_by: 4,
    notify: 10,
    hash: 10,
  } satisfies Settings<RulePlan>,
  order: {
    name: 2,
    advertiser: ['adv', 'other', absent],
    currency: ['EUR', 'USD'],
    budget_micros: 4,
    start: 3,
    end: 4,
    zone: 3,
    mode: pacingModes,
    curve: ['evening', 'office', absent],
    members: 5,
  } satisfies Settings<OrderPlan>,
  notify: { cool_down_ms: 4, max_per_day: ['1', '2', null], flapping: 3 } satisfies Settings<
    NonNullable<RulePlan['notify']>
  >,
  schedule: {
    active: 10,
    outside: outsideHours.options,
    zone: ['America/New_York', 'Asia/Kolkata', null],
  } satisfies Settings<NonNullable<RulePlan['schedule']>>,
  level: { when: 10, clear: 10, for_ms: 3 } satisfies Settings<Level>,
  // biome-ignore lint/suspicious/noThenProperty: the name of the policy in the plan.
  noData: { after_ms: 3, then: planValues.noDataThen.options } satisfies Settings<NoData>,
} as const;

interface World {
  readonly name: string;
  plans(seed: number): Plan[];
  kindsOf(seed: number): string[];
  /** Kinds that it never sends. */
  readonly without: readonly KindName[];
}

const sentBy = (seed: number) =>
  drawUniverse(seed).sent.flatMap(({ value }) => {
    try {
      return [JSON.parse(Buffer.from(value ?? '').toString())];
    } catch {
      return []; // What careless producers send.
    }
  });

const worlds: readonly World[] = [
  {
    name: 'random worlds',
    plans: (seed) =>
      randomRecords(seed, 400).flatMap(({ detail }) => (detail?.kind === 'org_plan' ? [JSON.parse(detail.body)] : [])),
    kindsOf: (seed) => randomRecords(seed, 400).map(({ kind }) => kind),
    without: ['video_progress', 'metric_correction', 'creative_status', 'auction_stats', 'performance_report'],
  },
  {
    name: 'universes',
    plans: (seed) =>
      sentBy(seed).flatMap(({ type, org_id, body }) =>
        type === 'org_plan' && org_id !== '_keys' ? [JSON.parse(body)] : [],
      ),
    kindsOf: (seed) => [...sentBy(seed).map(({ type }) => type), 'tick'],
    without: ['creative_status'],
  },
];
const seeds = Array.from({ length: 150 }, (_, index) => 1 + index);

test.each(worlds)('$name draw every setting of a plan, and every choice it has', ({ plans }) => {
  const seen = new Map<string, Set<string>>();
  const look = (part: keyof typeof wanted, object: object | null | undefined) => {
    if (object === null || object === undefined) return;
    for (const name of Object.keys(wanted[part])) {
      const value = (object as Readonly<Record<string, unknown>>)[name];
      const text = value === undefined ? absent : typeof value === 'string' ? value : JSON.stringify(value);
      const key = `${part}.${name}`;
      seen.set(key, (seen.get(key) ?? new Set()).add(text));
    }
  };
  for (const { defaults, sources, campaigns, orders = {}, rules } of seeds.flatMap(plans)) {
    look('defaults', defaults);
    look('quotas', defaults.quotas);
    for (const each of [...Object.values(sources), ...Object.values(campaigns), defaults]) {
      if ('lateness' in each) look('lateness', each.lateness);
      if ('spend' in each) look('spend', each.spend);
    }
    for (const each of Object.values(sources)) look('source', each);
    for (const each of Object.values(campaigns)) look('campaign', each);
    for (const each of Object.values(orders)) look('order', each);
    for (const each of rules) {
      look('rule', each);
      for (const level of [each.warning, each.critical]) look('level', level);
      look('noData', each.no_data);
      look('schedule', each.schedule);
      look('notify', each.notify);
    }
  }
  const missing = Object.entries(wanted).flatMap(([part, settings]) =>
    Object.entries(settings as Readonly<Record<string, Seen>>).flatMap(([name, wish]) => {
      const found = seen.get(`${part}.${name}`) ?? new Set();
      if (typeof wish === 'number') return found.size < wish ? [`${part}.${name}: ${found.size} of ${wish}`] : [];
      return wish.filter((value) => !found.has(String(value))).map((value) => `${part}.${name}: ${value}`);
    }),
  );
  expect(missing).toEqual([]);
});

/** Where conditions stand. */
function conditionsOf({ guard, warning, critical }: RulePlan): string[] {
  return [guard, warning?.when, warning?.clear, critical?.when, critical?.clear].filter(
    (each) => typeof each === 'string',
  );
}

test.each(worlds)('$name compare every value of every scope, alone and in each level', ({ plans }) => {
  const rules = seeds.flatMap(plans).flatMap(({ rules }) => rules.filter(({ id }) => id.startsWith('drawn-')));
  const missing = (Object.keys(ruleVariables) as (keyof typeof ruleVariables)[]).flatMap((scope) => {
    const texts = rules.filter((rule) => rule.scope === scope).flatMap(conditionsOf);
    return variableNames(scope).filter((name) => {
      const comparing = new RegExp(`(?<![\\w.])${name.replace('.', '\\.')}(?![\\w.)])`);
      return !texts.some((text) => comparing.test(text));
    });
  });
  expect(missing).toEqual([]);
});

test.each(worlds)('$name ask for every measure, window and statistic', ({ plans }) => {
  const texts = seeds.flatMap(plans).flatMap(({ rules }) => rules.flatMap(conditionsOf));
  const asked = new Set(texts.flatMap((text) => text.match(/\b[mbecp]\.[a-z0-9_]+/g) ?? []));
  const isAsked = (pattern: string) => [...asked].some((name) => new RegExp(`^${pattern}$`).test(name));
  const windows = [...windowHours.map((hours) => `${hours}h`), 'today', 'flight', '1d', '31d'];
  const wishes = [
    ...[...measures.keys()].flatMap((name) => [`m\\.${name}_\\d+d`, `b\\.${name}_\\d+[hd]_[a-z_]+`]),
    ...[
      ...Object.keys(eventValues),
      ...Object.keys(goalValues),
      ...Object.keys(allowanceValues),
      ...Object.keys(campaignWords),
      'c.labels',
    ].map((name) => name.replace('.', '\\.')),
    ...windows.map((window) => `m\\.[a-z_]+_${window}`),
    ...Object.keys(baselineStatistics).map((statistic) => `b\\.[a-z_]+_\\d+[hd]_(daily_)?${statistic}`),
  ];
  expect(wishes.filter((wish) => !isAsked(wish))).toEqual([]);
});

test.each(worlds)('$name send every kind of record but those that they say', ({ kindsOf, without }) => {
  const sent = new Set(seeds.flatMap(kindsOf));
  const missing = (Object.keys(kinds) as KindName[]).filter((kind) => !sent.has(kind));
  expect(missing.sort()).toEqual([...without].sort());
});
