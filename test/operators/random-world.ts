import { type Detail, type PacingMode, pacingModes, rollovers } from '../../src/events/event-batch.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { findZone } from '../../src/model/zones.ts';
import { canonicalJson, ruleHash } from '../../src/rules/compile-plan.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { TestRecord } from './batch-builder.ts';
import { curveName } from './drawn-curves.ts';
import { drawnGoal } from './drawn-goals.ts';
import { drawPlan } from './random-plan.ts';
import { randomRules } from './random-rules.ts';
import { randomSource } from './random-source.ts';

/** Small, dense worlds for tests: every kind of record, a few campaigns, hours of log time. */
export { randomSource };

const start = Date.UTC(2026, 2, 7, 20);

/** A mode that came later stands for one of the first five now and then, so that worlds stay what they were. */
function drawMode(drawn: number, at: number): PacingMode {
  const mode = pacingModes[drawn];
  if (mode === 'FRONT_LOADED' && at > 9 && at % 2 === 1) return 'CUSTOM';
  return mode === 'TRAFFIC' && at % 2 === 1 ? 'DAYPARTED' : mode;
}

/** Half of the flights in pieces name their curve. */
function pacedBy(mode: PacingMode, at: number, first: number, last: number) {
  return { mode, curve_id: mode === 'CUSTOM' && at % 4 === 1 ? curveName(first, last) : null };
}

export function testPlan(number: number, orgId = '_default'): Plan {
  const rule = {
    id: 'behind',
    name: 'Behind',
    scope: 'flight' as const,
    mode: 'notify' as const,
    guard: 'p.elapsed_hours >= 1.0',
    warning: { when: 'p.osi_pct < 95.0', clear: 'p.osi_pct >= 97.0', for_ms: 10 * minuteMs },
    critical: { when: 'p.osi_pct < 60.0 || m.impressions_2h == 0.0', clear: null, for_ms: number * minuteMs },
    keep_firing_for_ms: 10 * minuteMs,
    // biome-ignore lint/suspicious/noThenProperty: the name of the policy in the plan.
    no_data: { after_ms: 30 * minuteMs, then: 'no_data' as const },
    on_error: 'keep_last' as const,
    summary: '{{c.campaign_id}} is at {{p.osi_pct}} %',
    match: {},
  };
  const fresh = {
    ...rule,
    id: 'fresh',
    scope: 'source' as const,
    guard: null,
    warning: null,
    critical: { when: 's.lag_s > 3600.0', clear: null, for_ms: 0 },
    // biome-ignore lint/suspicious/noThenProperty: the name of the policy in the plan.
    no_data: { after_ms: 15 * minuteMs, then: 'firing' as const },
    summary: '{{s.name}} is late',
  };
  return {
    format: 1,
    org_id: orgId,
    number,
    defaults: {
      zone: 'UTC',
      evaluate_every_ms: 5 * minuteMs,
      spend: { from: 'impressions', source: 'adserver', cost_basis: 'MEDIA' },
      delivery_source: 'adserver',
      profile: 'busy',
      day_allowance_bp: 20_000,
    },
    sources: {
      adserver: { heartbeats: false, delay_ms: 2 * minuteMs, expected_interval_ms: 0, stale_after_ms: 6 * hourMs },
      dsp: { heartbeats: true, delay_ms: 0, expected_interval_ms: hourMs, stale_after_ms: 2 * hourMs },
    },
    profiles: { busy: Array.from({ length: 168 }, (_, hour) => 1 + (hour % 24)) },
    rules: [rule, fresh].map((each) => ({ ...each, hash: ruleHash(each) })),
    campaigns: { c1: { spend: { from: 'feed', source: 'dsp', cost_basis: 'MEDIA' } } },
  };
}

/** As `testPlan`, with rules over every value, level, policy and mode, and every setting drawn. */
function drawnPlan(number: number, random: () => number): Plan {
  return drawPlan(testPlan(number), random, 9);
}

/** Its settings are those of `testPlan`, as a lane with narrower bounds than the engine's asks. */
export function ruledPlan(number: number, random: () => number): Plan {
  const plan = testPlan(number);
  const campaigns = { ...plan.campaigns, c2: { delivery_source: null, labels: { tier: 'gold' } } };
  return { ...plan, campaigns, rules: [...plan.rules, ...randomRules(random, 9)] };
}

function goalOf(campaign: number, ledger: number) {
  const goal = drawnGoal(campaign, ledger);
  if (goal === null) return {};
  return { goal, daily_cap_micros: null, ...(ledger % 2 === 0 ? { budget_micros: 0 } : {}) };
}

const zones = ['America/New_York', 'Asia/Kolkata', 'Europe/London'];

/** Records of one lane, offsets from 0, log times that mostly rise. Plans are `drawn` in all that they may say. */
export function randomRecords(seed: number, count: number, drawn = drawnPlan): TestRecord[] {
  const random = randomSource(seed);
  const below = (n: number) => Math.floor(random() * n);
  const records: TestRecord[] = [planRecord(drawn(1, random), 0, start)];
  let logTime = start;
  let ledger = 1;
  const days = Math.floor(start / dayMs);
  const add = (record: Omit<TestRecord, 'offset' | 'logTime'>) =>
    records.push({ offset: records.length, logTime: logTime - (random() < 0.05 ? below(3_000) : 0), ...record });
  const control = (campaign: string, detail: Detail) => add({ kind: detail.kind, org: 'acme', campaign, detail });
  const flight = (campaign: string, shift: number) => {
    const tz = zones[campaign.length % 3 === 0 ? 0 : below(3)];
    control(campaign, {
      kind: 'flight_changed',
      flight_id: 'f1',
      start_local: days - 1,
      end_local: days + 1 + shift,
      ...hoursOf(tz, days - 1, days + 1 + shift, ledger),
      tz,
      ...pacedBy(drawMode(below(5), records.length), records.length, days - 1, days + 1 + shift),
      rebase: (['ON_PLAN', 'ON_ACTUAL', 'NONE'] as const)[below(3)],
      effective_at: logTime - below(7_200_000),
      ledger_version: ledger++,
    });
    if (ledger % 3 === 0) former(campaign);
  };
  /** What ended before, and leaves to others what it did not spend. */
  const former = (campaign: string) => {
    const rollover = rollovers[Math.floor(ledger / 3) % 3];
    const dates = { start_local: days - 4, end_local: days - 2, tz: zones[ledger % 3] };
    const said = { flight_id: 'f0', effective_at: logTime, ledger_version: ledger++ };
    const shape = { mode: 'EVEN', curve_id: null, rebase: 'ON_PLAN', rollover } as const;
    control(campaign, { kind: 'flight_changed', ...dates, ...said, ...shape });
    const money = { budget_micros: 1e6 * (10 + (ledger % 50)), daily_cap_micros: null, actor: null };
    const goal = goalOf(Number(campaign.slice(1)) + seed, ledger);
    control(campaign, { kind: 'budget_changed', ...said, ...money, ...goal, ledger_version: ledger++ });
  };
  const budget = (campaign: string) =>
    control(campaign, {
      kind: 'budget_changed',
      flight_id: 'f1',
      budget_micros: random() < 0.1 ? 0 : 1e6 * (20 + below(300)),
      daily_cap_micros: random() < 0.3 ? 1e6 * below(90) : null,
      effective_at: logTime - below(7_200_000),
      actor: null,
      ...goalOf(Number(campaign.slice(1)) + seed, ledger),
      ledger_version: ledger++,
    });
  for (const campaign of ['c0', 'c1', 'c2', 'c3']) {
    flight(campaign, 0);
    budget(campaign);
  }
  while (records.length < count) {
    logTime += below(60_000) * (random() < 0.02 ? 20 : 1);
    const campaign = `c${below(5)}`;
    const org = random() < 0.1 ? 'other' : 'acme';
    const lateness = random() < 0.01 ? 80 * hourMs : 0;
    const eventTime = logTime - lateness - below(random() < 0.1 ? 5 * hourMs : minuteMs);
    const eventId = random() < 0.05 ? records.length - below(20) : records.length;
    const plain = { org, campaign, eventTime, eventId };
    const dice = random();
    if (dice < 0.55)
      add({ ...plain, kind: 'impression', amount2: 1_234_567 * 1_000, count: 1 + below(3), flags: below(2) * 2 });
    else if (dice < 0.62) add({ ...plain, kind: 'click', amount: below(1_000) });
    else if (dice < 0.66)
      add({
        ...plain,
        kind: 'conversion',
        ...(eventTime % 4 === 0 ? {} : { label: `type-${eventTime % 37}`, code: eventTime % 3 }),
        currency: eventTime % 3 === 0 ? 'GBP' : 'USD',
        t1: eventTime,
        t2: eventTime - below(90) * hourMs,
        amount: 9e6,
        amount2: 1e6,
      });
    else if (dice < 0.74)
      add({
        ...plain,
        kind: 'spend',
        source: 'dsp',
        amount: 1e6 * below(5),
        t1: eventTime - hourMs,
        t2: eventTime,
        flags: random() < 0.3 ? 32 : 0,
      });
    else if (dice < 0.77)
      add({ ...plain, kind: 'spend_adjustment', amount: -1e6 * below(3), t1: Math.floor(eventTime / dayMs) - 1 });
    else if (dice < 0.84)
      add({
        kind: 'source_heartbeat',
        org,
        source: 'dsp',
        t1: logTime - below(90) * minuteMs,
        detail: { kind: 'source_heartbeat', count: 1 },
      });
    else if (dice < 0.86) flight(campaign, below(3));
    else if (dice < 0.88) budget(campaign);
    else if (dice < 0.9)
      control(campaign, {
        kind: 'status_changed',
        status: random() < 0.5 ? 'PAUSED' : 'ACTIVE',
        cause: (['ADVERTISER', 'ADVERTISER', 'SYSTEM', 'POLICY', 'SCHEDULE'] as const)[below(5)],
        effective_at: logTime,
      });
    else if (dice < 0.905) records.push(planRecord(drawn(2 + below(3), random), records.length, logTime));
    else if (dice < 0.95) add({ ...plain, kind: 'impression', eventTime: logTime + below(300_000) });
    else add({ kind: 'tick', key: null });
  }
  return records;
}

export function planRecord(plan: Plan, offset: number, logTime: number): TestRecord {
  const detail = {
    kind: 'org_plan' as const,
    org_id: plan.org_id,
    number: plan.number,
    hash: 'h',
    body: canonicalJson(plan),
    signature: '',
  };
  return {
    kind: 'org_plan',
    org: plan.org_id,
    key: plan.org_id === '_default' ? null : plan.org_id,
    offset,
    logTime,
    detail,
  };
}

/** Of every third flight, hours at which it begins and ends. */
export function hoursOf(tz: string, startLocal: number, endLocal: number, number: number) {
  const zone = findZone(tz);
  if (zone === null || number % 3 !== 0) return {};
  const start_at = zone.dayStart(startLocal) + (1 + (number % 20)) * hourMs + (number % 4) * 400_000;
  const end_at = zone.dayStart(endLocal + 1) - (1 + (number % 11)) * hourMs;
  return { ...(number % 2 === 0 ? { start_at } : {}), ...(number % 4 > 0 ? { end_at } : {}) };
}
