import { createHash } from 'node:crypto';
import { costBases } from '../../src/events/event-batch.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import type { CampaignPlan, Lateness, Plan, PlanDefaults, SourcePlan, SpendPlan } from '../../src/rules/plan.ts';
import type { Quotas } from '../../src/rules/quotas.ts';
import { drawnCurves } from './drawn-curves.ts';
import { drawOrders, pick, type Random, randomRules } from './random-rules.ts';
import { offshoot } from './random-source.ts';

/** The day on which small worlds begin. */
const worldDay = Date.UTC(2026, 2, 7) / dayMs;

/** `plan` with everything drawn that people may decide; `drawn-plans.test.ts` sees that nothing is left out. */
export function drawPlan(plan: Plan, random: Random, rules: number, firstDay = worldDay): Plan {
  const drawn = withQuotas({
    ...plan,
    defaults: drawDefaults(plan.defaults, random),
    sources: Object.fromEntries(Object.entries(plan.sources).map(([name, each]) => [name, drawSource(each, random)])),
    profiles: { ...plan.profiles, evening: Array.from({ length: 168 }, (_, hour) => (hour % 24 < 16 ? 0 : 3)) },
    rules: [...plan.rules, ...randomRules(random, rules)],
    campaigns: {
      ...plan.campaigns,
      c1: { ...drawCampaign(random), spend: drawFeed(random), labels: { tier: 'gold' } },
      c2: { ...drawCampaign(random), delivery_source: null, labels: { tier: 'gold' } },
      c3: drawCampaign(random),
    },
  });
  const served = withCurves(withDayparts(drawn, offshoot(drawn)));
  const own = offshoot([served, 'orders']);
  return { ...served, ...maybe(own, 0.8, () => ({ orders: drawOrders(own, firstDay) })) };
}

const served: Plan['dayparts'] = {
  office: { active: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1_200 }], zone: null },
  late: {
    active: [
      { days: [6, 7], from: 45, to: 1_305 },
      { days: [1], from: 0, to: 195 },
    ],
    zone: 'Asia/Kolkata',
  },
};

/** Serving hours for flights that have them, by name or not at all. */
function withDayparts(plan: Plan, random: Random): Plan {
  const some = () => maybe(random, 0.6, () => ({ daypart: pick(random, ['office', 'late']) }));
  const campaigns = Object.entries(plan.campaigns).map(([id, each]): [string, CampaignPlan] => [
    id,
    { ...each, ...some() },
  ]);
  const defaults = { ...plan.defaults, ...some() };
  return {
    ...plan,
    defaults,
    campaigns: Object.fromEntries(campaigns),
    ...maybe(random, 0.9, () => ({ dayparts: served })),
  };
}

/** Pieces for flights of some days, and for campaigns whose flights name none. */
function withCurves(plan: Plan): Plan {
  const own = offshoot({ ...plan, curves: null });
  const names = Object.keys(drawnCurves);
  const campaigns = Object.entries(plan.campaigns).map(([id, each]): [string, CampaignPlan] => [
    id,
    {
      ...each,
      ...maybe(own, 0.5, () => ({ curve: pick(own, names.slice(0, 3)) })),
      ...maybe(own, 0.3, () => ({ week_allowance_bp: 20_000, week_starts: 'saturday' as const })),
      ...maybe(own, 0.3, () => ({ flight_allowance_bp: 11_000 })),
      ...maybe(own, 0.3, () => ({ conversion_lag_bp: [9_999, 10_000] })),
    },
  ]);
  return {
    ...plan,
    defaults: {
      ...plan.defaults,
      ...maybe(own, 0.4, () => ({ week_allowance_bp: 12_000 })),
      ...maybe(own, 0.4, () => ({ flight_allowance_bp: 10_500 })),
      ...maybe(own, 0.4, () => ({ conversion_lag_bp: [3_500, 5_000, 7_300, 10_000] })),
      ...maybe(own, 0.6, () => ({ week_starts: pick(own, ['sunday', 'wednesday'] as const) })),
    },
    campaigns: Object.fromEntries(campaigns),
    ...maybe(own, 0.8, () => ({ curves: drawnCurves })),
  };
}

/** Small shares, now and then; by what is drawn already, since one draw more would move all that follow. */
function withQuotas(plan: Plan): Plan {
  const dice = createHash('sha256').update(JSON.stringify(plan)).digest();
  if (dice[0] > 60) return plan;
  const some = (at: number, name: keyof Quotas, values: readonly number[]): Quotas =>
    dice[at] < 128 ? { [name]: values[dice[at] % values.length] } : {};
  const quotas = {
    ...some(1, 'campaigns', [1, 2, 3]),
    ...some(2, 'heartbeat_sources', [1, 2]),
    ...some(3, 'remembered_records_per_day', [4, 10, 30]),
    ...some(4, 'dead_letters_per_hour', [1, 3]),
  };
  return { ...plan, defaults: { ...plan.defaults, quotas } };
}

function drawDefaults(defaults: PlanDefaults, random: Random): PlanDefaults {
  return {
    ...defaults,
    delivery_source: random() < 0.7 ? 'adserver' : null,
    profile: random() < 0.9 ? 'busy' : null,
    day_allowance_bp: 10_000 + Math.floor(random() * 4) * 5_000,
    zone: pick(random, ['UTC', 'UTC', 'Asia/Kolkata', 'America/New_York']),
    evaluate_every_ms: pick(random, [4, 5, 10]) * minuteMs,
    spend:
      random() < 0.9 ? { from: 'impressions', source: 'adserver', cost_basis: drawBasis(random) } : drawFeed(random),
    ...maybe(random, 0.3, () => ({ cause_when_unnamed: pick(random, ['SYSTEM', 'ADVERTISER'] as const) })),
    ...maybe(random, 0.1, () => ({ currency: 'USD' })),
    ...maybe(random, 0.2, () => ({ lateness: drawLateness(random) })),
    ...maybe(random, 0.2, () => ({ duplicate_window_ms: pick(random, [15, 60, 72 * 60]) * minuteMs })),
  };
}

function drawSource(source: SourcePlan, random: Random): SourcePlan {
  return {
    heartbeats: random() < 0.9 ? source.heartbeats : !source.heartbeats,
    delay_ms: pick(random, [source.delay_ms, source.delay_ms, 0, 20 * minuteMs]),
    expected_interval_ms: pick(random, [source.expected_interval_ms, source.expected_interval_ms, 0, 3 * hourMs]),
    // Often silent for longer than the shortest.
    stale_after_ms: pick(random, [10 * minuteMs, 2 * hourMs, 6 * hourMs]),
    ...maybe(random, 0.2, () => ({ lateness: drawLateness(random) })),
    ...maybe(random, 0.3, () => ({ clock: pick(random, ['trusted', 'untrusted'] as const) })),
  };
}

function drawCampaign(random: Random): CampaignPlan {
  const drawn = drawSettings(random);
  const own = offshoot(drawn);
  return {
    ...drawn,
    ...maybe(own, 0.2, () => ({ labels: { tier: 'silver' } })),
    ...maybe(own, 0.4, () => ({ advertiser: pick(own, ['adv', 'other']) })),
  };
}

function drawSettings(random: Random): CampaignPlan {
  return {
    ...maybe(random, 0.2, () => ({ spend: drawFeed(random) })),
    ...maybe(random, 0.2, () => ({ delivery_source: random() < 0.5 ? null : 'dsp' })),
    ...maybe(random, 0.3, () => ({ profile: 'evening' })),
    ...maybe(random, 0.3, () => ({ day_allowance_bp: pick(random, [10_000, 20_000]) })),
    ...maybe(random, 0.1, () => ({ currency: pick(random, ['USD', 'EUR']) })),
    ...maybe(random, 0.2, () => ({ labels: { tier: 'gold' } })),
  };
}

/** Of one feed mostly; of several, `source` names none. */
function drawFeed(random: Random): SpendPlan {
  const cost_basis = drawBasis(random);
  if (random() < 0.8) return { from: 'feed', source: 'dsp', cost_basis };
  return { from: 'feed', source: '', sources: ['dsp', 'adserver'], cost_basis };
}

function drawBasis(random: Random): SpendPlan['cost_basis'] {
  return random() < 0.9 ? 'MEDIA' : pick(random, costBases);
}

function drawLateness(random: Random): Lateness {
  const some = () => pick(random, [3, 4, 40, 366]) * dayMs;
  return {
    ...maybe(random, 0.5, () => ({ delivery_ms: some() })),
    ...maybe(random, 0.5, () => ({ report_ms: some() })),
    ...maybe(random, 0.5, () => ({ conversion_ms: some() })),
    ...maybe(random, 0.5, () => ({ correction_ms: some() })),
  };
}

function maybe<T extends object>(random: Random, probability: number, part: () => T): T | object {
  return random() < probability ? part() : {};
}
