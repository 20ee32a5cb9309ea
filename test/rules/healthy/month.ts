import type { PacingMode } from '../../../src/events/event-batch.ts';
import { dayMs, hourMs, minuteMs } from '../../../src/model/time.ts';
import type { Plan } from '../../../src/rules/plan.ts';
import { trafficProfile } from '../../../src/simulator/traffic-shape.ts';
import type { TestRecord } from '../../operators/batch-builder.ts';
import { planRecord, randomSource } from '../../operators/random-world.ts';
import { shippedRules } from './shipped-rules.ts';

/** A month of campaigns that are all well, of every kind; nobody has reason to be told of any. */

/** What sets the campaigns of an organization apart. */
interface Kind {
  readonly org: string;
  /** How spend comes: with impressions, by the hour, by the day, or by the hour of two platforms. */
  readonly feed: 'impressions' | 'hours' | 'days' | 'two';
  readonly mode: PacingMode;
  /** Daily cap, over the even share of a day; null = none. */
  readonly cap: number | null;
  readonly isFree?: boolean;
  /** Its nights and mornings are slow, as those of a TRAFFIC flight, though its plan is even. */
  readonly hasMornings?: boolean;
  /** Paused by the advertiser, or by nobody that the platform names, from this day to that. */
  readonly pause?: { readonly from: number; readonly to: number; readonly cause: 'ADVERTISER' | 'SYSTEM' };
  /** Average budgets that the platform may spend on one day. */
  readonly allowance?: number;
}

const kinds: readonly Kind[] = [
  { org: 'uncapped', feed: 'impressions', mode: 'EVEN', cap: null },
  { org: 'shaped', feed: 'impressions', mode: 'TRAFFIC', cap: null },
  { org: 'capped', feed: 'impressions', mode: 'EVEN', cap: 1.3 },
  { org: 'generous', feed: 'impressions', mode: 'EVEN', cap: 1, allowance: 2 },
  { org: 'ahead', feed: 'days', mode: 'AHEAD', cap: null },
  { org: 'ahead-live', feed: 'impressions', mode: 'AHEAD', cap: null },
  { org: 'front-loaded', feed: 'hours', mode: 'FRONT_LOADED', cap: null },
  { org: 'asap', feed: 'impressions', mode: 'ASAP', cap: 1.3 },
  { org: 'bonus', feed: 'impressions', mode: 'EVEN', cap: null, isFree: true },
  { org: 'paused', feed: 'impressions', mode: 'EVEN', cap: null, pause: { from: 8, to: 12, cause: 'ADVERTISER' } },
  { org: 'unnamed', feed: 'hours', mode: 'EVEN', cap: null, pause: { from: 8, to: 12, cause: 'SYSTEM' } },
  { org: 'hours', feed: 'hours', mode: 'TRAFFIC', cap: null },
  { org: 'days', feed: 'days', mode: 'EVEN', cap: null },
  { org: 'days-capped', feed: 'days', mode: 'EVEN', cap: 1.3 },
  { org: 'two', feed: 'two', mode: 'EVEN', cap: null },
  { org: 'mornings', feed: 'hours', mode: 'EVEN', cap: null, hasMornings: true },
  { org: 'mornings-live', feed: 'impressions', mode: 'EVEN', cap: null, hasMornings: true },
];

export const month = { start: Date.UTC(2026, 2, 1), days: 30 };
/** Lengths of flights in days, and on which day they start. */
const spans = [
  { first: 0, days: 30 },
  { first: 0, days: 14 },
  { first: 3, days: 7 },
  { first: 10, days: 20 },
  { first: 20, days: 3 },
];

export interface HealthyMonth {
  readonly records: readonly TestRecord[];
  /** Weeks that all campaigns together ran. */
  readonly campaignWeeks: number;
}

export function healthyMonth(seed: number, campaignsOfKind: number): HealthyMonth {
  const random = randomSource(seed);
  const records: Omit<TestRecord, 'offset'>[] = [];
  let days = 0;
  for (const kind of kinds) {
    const { offset: _, ...plan } = planRecord(planOf(kind), 0, month.start);
    records.push(plan);
    for (let i = 0; i < campaignsOfKind; i++) {
      const span = spans[i % spans.length];
      days += span.days;
      records.push(...campaign(kind, `c${i}`, span, random));
    }
    records.push(...heartbeats(kind));
  }
  for (let at = month.start; at < month.start + (month.days + 1) * dayMs; at += 15 * minuteMs)
    records.push({ kind: 'tick', key: null, logTime: at });
  const sorted = records.map((record, order) => ({ record, order }));
  sorted.sort((a, b) => a.record.logTime - b.record.logTime || a.order - b.order);
  return { records: sorted.map(({ record }, offset) => ({ ...record, offset })), campaignWeeks: days / 7 };
}

function planOf({ org, feed, allowance = 1 }: Kind): Plan {
  const pulled = {
    heartbeats: true,
    delay_ms: 0,
    expected_interval_ms: feed === 'days' ? 0 : hourMs,
    stale_after_ms: 34 * hourMs,
  };
  const adserver = { heartbeats: false, delay_ms: 2 * minuteMs, expected_interval_ms: 0, stale_after_ms: 6 * hourMs };
  const names = feed === 'two' ? ['google', 'meta'] : ['ads'];
  return {
    format: 1,
    org_id: org,
    number: 1,
    defaults: {
      zone: 'UTC',
      evaluate_every_ms: 30 * minuteMs,
      spend:
        feed === 'impressions'
          ? { from: 'impressions', source: 'adserver', cost_basis: 'MEDIA' }
          : {
              from: 'feed',
              source: names.length === 1 ? names[0] : '',
              ...(names.length > 1 ? { sources: names } : {}),
              cost_basis: 'MEDIA',
            },
      delivery_source: feed === 'impressions' ? 'adserver' : null,
      profile: 'traffic',
      day_allowance_bp: allowance * 10_000,
    },
    sources: feed === 'impressions' ? { adserver } : Object.fromEntries(names.map((name) => [name, pulled])),
    profiles: { traffic: trafficProfile },
    rules: shippedRules(),
    campaigns: {},
  };
}

/** Each day the platform aims at what is left over the days that are left, and misses that by up to a tenth. */
function* campaign(
  kind: Kind,
  id: string,
  span: { first: number; days: number },
  random: () => number,
): Generator<Omit<TestRecord, 'offset'>> {
  const { org, mode, pause, isFree = false, allowance = 1 } = kind;
  const budget = isFree ? 0 : Math.round(1e6 * span.days * (20 + 400 * random()));
  const share = budget / span.days;
  const cap = kind.cap === null ? null : Math.round(share * kind.cap);
  const firstDay = month.start / dayMs + span.first;
  const opened = { org, campaign: id, logTime: month.start + span.first * dayMs };
  const about = { effective_at: opened.logTime, ledger_version: 1 };
  const dates = {
    start_local: firstDay,
    end_local: firstDay + span.days - 1,
    tz: 'UTC',
    mode,
    curve_id: null,
    rebase: 'ON_PLAN' as const,
  };
  yield { ...opened, kind: 'flight_changed', detail: { kind: 'flight_changed', flight_id: 'f', ...dates, ...about } };
  const money = { budget_micros: budget, daily_cap_micros: cap, currency: 'USD', actor: null };
  yield { ...opened, kind: 'budget_changed', detail: { kind: 'budget_changed', flight_id: 'f', ...money, ...about } };
  if (pause !== undefined)
    for (const [day, status] of [
      [pause.from, 'PAUSED'],
      [pause.to, 'ACTIVE'],
    ] as const) {
      const at = month.start + day * dayMs;
      yield {
        org,
        campaign: id,
        logTime: at,
        kind: 'status_changed',
        detail: { kind: 'status_changed', status, cause: pause.cause, effective_at: at },
      };
    }
  let left = budget;
  for (let day = 0; day < span.days; day++) {
    const date = span.first + day;
    if (pause !== undefined && date >= pause.from && date < pause.to) continue;
    const daysLeft = span.days - day;
    const weightOf = (later: number) =>
      mode === 'FRONT_LOADED' ? frontLoaded(day + later, span.days) : weightOfDay(mode, date + later);
    // What paces ahead aims at 1.2 times that.
    const today = weightOf(0) * (mode === 'AHEAD' && daysLeft > 1 ? 1.2 : 1);
    const weightLeft = Array.from({ length: daysLeft }, (_, later) => weightOf(later)).reduce(plus, 0);
    const isGenerous = allowance > 1 && day % 9 === 2 && daysLeft > 4;
    const wish = ((left * today) / weightLeft) * (isGenerous ? 1.7 : 0.92 + 0.14 * random());
    const spend = Math.min(
      left,
      Math.round(wish),
      cap === null ? Number.POSITIVE_INFINITY : Math.floor(cap * allowance * 0.995),
    );
    left -= spend;
    yield* delivered(kind, id, date, spend, random);
  }
}

/** Share of a day of a flight that begins 40 % above the even rate. */
function frontLoaded(day: number, days: number): number {
  const until = (passed: number) => passed / days + (0.4 * passed * (days - passed)) / days ** 2;
  return until(day + 1) - until(day);
}

function* delivered(
  { org, feed, mode, isFree = false, hasMornings = mode === 'TRAFFIC' }: Kind,
  campaign: string,
  date: number,
  spend: number,
  random: () => number,
): Generator<Omit<TestRecord, 'offset'>> {
  const start = month.start + date * dayMs;
  const about = { org, campaign };
  if (feed === 'days') {
    yield {
      ...about,
      kind: 'spend',
      source: 'ads',
      amount: spend,
      t1: start,
      t2: start + dayMs,
      logTime: start + 27 * hourMs,
    };
    return;
  }
  const weekday = weekdayOf(date);
  const shape = Array.from(
    { length: 24 },
    (_, hour) => (hasMornings ? trafficProfile[24 * weekday + hour] : 40) * (0.8 + 0.4 * random()),
  );
  const whole = shape.reduce((sum, each) => sum + each, 0);
  for (let hour = 0; hour < 24; hour++) {
    const amount = Math.floor((spend * shape[hour]) / whole);
    const at = start + hour * hourMs;
    const ends = { t1: at, t2: at + hourMs, logTime: at + hourMs };
    if (feed === 'hours') yield { ...about, kind: 'spend', source: 'ads', amount, ...ends };
    else if (feed === 'two') {
      yield { ...about, kind: 'spend', source: 'google', amount: Math.floor(amount * 0.6), ...ends };
      yield { ...about, kind: 'spend', source: 'meta', amount: amount - Math.floor(amount * 0.6), ...ends };
    } else
      for (const minute of [5, 25, 45]) {
        const part = Math.floor(amount / 3);
        yield {
          ...about,
          kind: 'impression',
          count: isFree ? 50 : 1 + Math.floor(part / 5_000),
          amount: part,
          logTime: at + minute * minuteMs,
        };
      }
  }
}

/** Traffic differs from weekday to weekday; the buyer follows it where the flight does. */
function weightOfDay(mode: Kind['mode'], date: number): number {
  if (mode !== 'TRAFFIC') return 1;
  const weekday = weekdayOf(date);
  return trafficProfile.slice(24 * weekday, 24 * weekday + 24).reduce(plus, 0);
}

/** Monday = 0; 1970-01-05 was one. */
function weekdayOf(date: number): number {
  return (month.start / dayMs + date - 4) % 7;
}

function plus(a: number, b: number): number {
  return a + b;
}

/** Feeds by the hour say so a little after it, daily ones at three in the morning. */
function* heartbeats({ org, feed }: Kind): Generator<Omit<TestRecord, 'offset'>> {
  if (feed === 'impressions') return;
  const step = feed === 'days' ? dayMs : hourMs;
  const behind = feed === 'days' ? 3 * hourMs : 10 * minuteMs;
  for (let through = month.start; through <= month.start + (month.days + 1) * dayMs; through += step)
    for (const source of feed === 'two' ? ['google', 'meta'] : ['ads'])
      yield { kind: 'source_heartbeat', org, source, t1: through, logTime: through + behind };
}
