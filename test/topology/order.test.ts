import { expect, test } from 'vitest';
import { dayMs, floorTo, hourMs, minuteMs } from '../../src/model/time.ts';
import type { Row } from '../../src/rows/tables.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { randomSource } from '../operators/random-world.ts';
import { startOfDay } from '../oracle/civil-time.ts';
import { compareTables } from '../oracle/compare.ts';
import type { LogRecord } from '../oracle/events.ts';
import { foldLog } from '../oracle/fold.ts';
import { fnv1a } from '../oracle/hashes.ts';
import type { TableRows } from '../oracle/rows.ts';
import { options, plan, rule } from '../oracle/story.ts';
import { runScenario } from '../scenarios/run-scenario.ts';

// Kafka keeps the records of one producer in order, and those of several only by chance (docs/semantics.md §10).
// A minute in which many producers catch up is told in several orders; what follows is the same for all of them.
const seeds = Array.from({ length: Number(process.env.ORDER_SEEDS ?? 12) }, (_, index) => 9_000 + index);
const orders = 5;

const zones = ['America/New_York', 'Asia/Kolkata', 'Europe/London'] as const;
const campaigns = ['c1', 'c2', 'c3', 'c4'] as const;

/** A Wednesday; the clocks of New York changed on the Sunday before. */
const burst = quietMinute(Date.UTC(2026, 2, 11, 9));

type Event = Readonly<Record<string, unknown>>;

/** The first minute after `from` in which nothing is evaluated, so that no timer tells one order from another. */
function quietMinute(from: number): number {
  const names = ['acme', ...campaigns.map((campaign) => `acme/${campaign}`)];
  const until = (minute: number) => names.map((name) => (((fnv1a(name) - minute) % hourMs) + hourMs) % hourMs);
  for (let minute = from; ; minute += minuteMs)
    if (until(minute).every((ms) => ms > minuteMs && ms < hourMs - 2 * minuteMs)) return minute;
}

function worldPlan(number: number, zone: string, currency: string | undefined): Plan {
  const rules = [
    rule('behind', {
      warning: { when: 'p.osi_pct < 97.0', clear: 'p.osi_pct >= 99.0', for_ms: 2 * hourMs },
      critical: { when: 'p.day_pct > 110.0 || m.impressions_2h == 0.0', clear: null, for_ms: 0 },
    }),
    rule('over', { scope: 'ended', warning: { when: 'p.delivery_pct != 100.0', clear: null, for_ms: 0 } }),
    rule('late', { scope: 'source', critical: { when: 's.lag_s > 7200.0', clear: null, for_ms: 0 }, summary: 'late' }),
  ];
  const feed = { from: 'feed', source: 'ads', cost_basis: 'MEDIA' } as const;
  return plan(
    {
      zone,
      evaluate_every_ms: hourMs,
      spend: { from: 'impressions', source: 'dsp', cost_basis: 'MEDIA' },
      ...(currency === undefined ? {} : { currency }),
    },
    {
      number,
      rules: rules.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      sources: {
        ads: { heartbeats: true, delay_ms: 0, expected_interval_ms: hourMs, stale_after_ms: 6 * hourMs },
        dsp: { heartbeats: false, delay_ms: 2 * minuteMs, expected_interval_ms: 0, stale_after_ms: 6 * hourMs },
      },
      campaigns: { c2: { spend: feed }, c4: { spend: feed } },
    },
  );
}

/** What each producer sends in the minute, in its own order. */
function producers(seed: number): Event[][] {
  const random = randomSource(seed);
  const below = (n: number) => Math.floor(random() * n);
  const ago = (hours: number) => burst - below(hours * 60) * minuteMs;
  const each = (count: number, make: (at: number) => Event) => Array.from({ length: count }, (_, at) => make(at));
  const zoneOf = Object.fromEntries(campaigns.map((campaign) => [campaign, zones[below(3)]]));
  const today = Math.floor(burst / dayMs);
  let ids = 0;
  const event = (type: string, campaign: string, fields: Event): Event => ({
    type,
    event_id: (++ids).toString(16).padStart(32, '0'),
    org_id: 'acme',
    campaign_id: campaign,
    event_time: burst,
    source: 'dsp',
    currency: 'EUR',
    ...fields,
  });
  const control = (type: string, campaign: string, version: number, fields: Event) =>
    event(type, campaign, {
      effective_at: version === 1 ? ago(200) : floorTo(ago(50), hourMs),
      ledger_version: version,
      ...fields,
    });
  // c3 has no flight.
  const paced = campaigns.filter((campaign) => campaign !== 'c3');
  const booking = each(7, (at) => {
    const campaign = paced[at % 3];
    return control('flight_changed', campaign, 1 + Math.floor(at / 3), {
      flight_id: 'f1',
      start_local: today - 2,
      end_local: today + (at < 3 ? 1 : below(2)),
      tz: zoneOf[campaign],
      mode: (['EVEN', 'EVEN', 'ASAP'] as const)[below(3)],
      rebase: random() < 0.3 ? 'NONE' : 'ON_PLAN',
    });
  });
  const finance = each(8, (at) =>
    control('budget_changed', paced[at % 3], 1 + Math.floor(at / 3), {
      flight_id: 'f1',
      budget_micros: 1e6 * (50 + below(100)),
      daily_cap_micros: random() < 0.5 ? 1e6 * (10 + below(60)) : null,
    }),
  );
  const platform = each(6, (at) =>
    event('status_changed', campaigns[below(4)], {
      status: at % 2 === 0 ? 'PAUSED' : 'ACTIVE',
      cause: (['ADVERTISER', 'SYSTEM', 'POLICY'] as const)[below(3)],
      effective_at: floorTo(ago(50), hourMs),
    }),
  );
  const adserver = each(60, () =>
    random() < 0.8
      ? event('impression', campaigns[below(4)], {
          event_time: ago(60),
          cpm_micros: 1e6 * below(900) + below(999),
          batch_count: 1 + below(20),
          viewable: random() < 0.5,
        })
      : event('click', campaigns[below(4)], {
          event_time: ago(60),
          cost_micros: below(2e6),
          batch_count: 1 + below(3),
        }),
  ).flatMap((sent) => (random() < 0.1 ? [sent, sent] : [sent]));
  const pixel = each(12, () => {
    const at = ago(60);
    return event('conversion', campaigns[below(4)], {
      source: 'pixel',
      currency: random() < 0.6 ? 'USD' : 'EUR',
      ...(at % 4 === 0
        ? {}
        : { conversion_type: ['lead', 'purchase'][at % 2], attribution: ['NONE', 'CLICK', 'VIEW'][at % 3] }),
      event_time: at,
      conversion_time: at,
      // Days beyond the hot window stay where they were booked: at noon of UTC they are the same in every zone.
      touch_time: random() < 0.5 ? ago(60) : floorTo(at, dayMs) - (4 + below(40)) * dayMs + 12 * hourMs,
      revenue_micros: 1e6 * below(80),
    });
  });
  const days = (campaign: string, day: number) => ({
    period_start: startOfDay(zoneOf[campaign], day),
    period_end: startOfDay(zoneOf[campaign], day + 1),
  });
  let polls = 0;
  const poller = each(16, () => {
    const campaign = (['c2', 'c4', 'c3'] as const)[below(3)];
    return event('performance_report', campaign, {
      source: 'ads',
      ...days(campaign, today - below(3)),
      as_of: ago(10),
      source_seq: ++polls,
      spend_micros: 1e6 * below(60) + below(1e6),
      counts: { impressions: below(5_000), clicks: below(50) },
      ...(random() < 0.3
        ? { conversions_by_touch: below(9) / 2 + 1, conversions_by_touch_of: { 'lead/CLICK': 1e6 } }
        : {}),
    });
  });
  const hours = each(12, () => {
    const from = floorTo(ago(58), hourMs);
    return event('spend', campaigns[below(2) * 2 + 1], {
      source: 'ads',
      amount_micros: 1e6 * below(6),
      period_start: from,
      period_end: from + hourMs,
    });
  });
  const credits = each(6, () =>
    random() < 0.5
      ? event('spend_adjustment', campaigns[below(4)], {
          source: 'ads',
          delta_micros: -1e6 * below(5),
          reason: 'CREDIT',
          applies_to: today - below(3),
        })
      : event('metric_correction', campaigns[below(4)], {
          applies_to: today - below(3),
          deltas: { impressions: -below(9), clicks: -below(2) },
          reason: 'IVT',
        }),
  );
  const beats = each(4, (at) => ({
    ...event('source_heartbeat', '', { source: 'ads', complete_through: burst - (4 - at) * hourMs, count: 1 }),
    campaign_id: undefined,
  }));
  const planner = [planEvent(worldPlan(2, zones[below(3)], random() < 0.5 ? 'EUR' : undefined))];
  return [booking, finance, platform, adserver, pixel, poller, hours, credits, beats, planner];
}

function planEvent(body: Plan): Event {
  return { type: 'org_plan', org_id: 'acme', number: body.number, hash: '', body: JSON.stringify(body) };
}

/** One of the orders that Kafka allows: each producer's own order is kept. */
function interleaved(queues: readonly (readonly Event[])[], random: () => number): Event[] {
  const left = queues.map((queue) => [...queue]).filter((queue) => queue.length > 0);
  const merged: Event[] = [];
  // Bursts of one producer, as a batch brings them, and whole producers that come last.
  while (left.length > 0) {
    const at = Math.floor(random() * left.length);
    merged.push(...left[at].splice(0, 1 + Math.floor(random() * random() * 40)));
    if (left[at].length === 0) left.splice(at, 1);
  }
  return merged;
}

/** The log of one order: a plan, the minute, and two days in which a source and a clock go on. */
function logOf(events: readonly Event[]): LogRecord[] {
  const records: LogRecord[] = [];
  const append = (logTimeMs: number, value: Event) =>
    records.push({
      topic: 'ads.events.v1',
      partition: 0,
      offset: records.length,
      logTimeMs,
      key: value.type === 'tick' ? null : Buffer.from('acme'),
      value: Buffer.from(JSON.stringify(value)),
    });
  append(burst - minuteMs, planEvent(worldPlan(1, 'UTC', undefined)));
  for (const event of events) append(burst, event);
  // A campaign follows its plan's zone at its next record.
  for (const [at, campaign_id] of campaigns.entries())
    append(burst + minuteMs, {
      type: 'click',
      event_id: `e${String(at).padStart(31, '0')}`,
      org_id: 'acme',
      campaign_id,
      event_time: burst,
      source: 'dsp',
      currency: 'EUR',
    });
  for (let at = burst + 10 * minuteMs; at < burst + 5 * dayMs; at += 30 * minuteMs) {
    const event_id = `f${at.toString(16).padStart(31, '0')}`;
    const envelope = { event_id, org_id: 'acme', event_time: at, source: 'ads' };
    if (at % hourMs === 10 * minuteMs)
      append(at, { ...envelope, type: 'source_heartbeat', complete_through: at - 20 * minuteMs, count: 1 });
    else append(at, { type: 'tick' });
  }
  return records;
}

const placeColumns = ['version', 'log_offset', 'partition'];
const dayColumns = [
  ...placeColumns,
  'plan_number',
  'currency',
  'org_id',
  'campaign_id',
  'date',
  'conversion_type',
  'attribution',
];

/** Tables whose rows are what was booked, and not what was judged. */
const booked: ReadonlySet<string> = new Set(['campaign_metrics_daily', 'other_revenue', 'conversions_daily']);

/** A day that everything has moved out of. */
function isEmptyDay(name: string, row: Row): boolean {
  const isZero = ([column, value]: [string, unknown]) => dayColumns.includes(column) || Number(value) === 0;
  return booked.has(name) && Object.entries(row).every(isZero);
}

/** Rows by content: places of records in the log, and the plan that an early row was booked under, follow the order. */
function contentOf(tables: TableRows): string[] {
  return Object.entries(tables).flatMap(([name, rows]) =>
    rows
      .filter((row) => !isEmptyDay(name, row))
      .map((row) => {
        const without = booked.has(name) ? [...placeColumns, 'plan_number'] : placeColumns;
        const content = Object.entries(row).filter(([column]) => !without.includes(column));
        return `${name} ${content.map(([column, value]) => `${column}=${String(value)}`).join(' ')}`;
      })
      .sort(),
  );
}

/** Rows that only one of both has, those of the first with a plus. */
function differing(found: readonly string[], expected: readonly string[]): string[] {
  const [has, had] = [new Set(found), new Set(expected)];
  return [
    ...expected.filter((row) => !has.has(row)).map((row) => `- ${row}`),
    ...found.filter((row) => !had.has(row)).map((row) => `+ ${row}`),
  ].slice(0, 6);
}

test.each(seeds)('whichever producer comes first, the tables are the same (seed %i)', (seed) => {
  const random = randomSource(seed);
  const queues = producers(seed);
  const told = foldLog(logOf(queues.flat()), options);
  const expected = contentOf(told);
  expect(told.dead_letters, `seed ${seed}`).toEqual([]);
  expect(told.pacing_snapshots.length).toBeGreaterThan(40);
  for (let order = 1; order <= orders; order++) {
    const log = logOf(interleaved(queues, random));
    const tables = foldLog(log, options);
    expect(differing(contentOf(tables), expected), `order ${order}, seed ${seed}`).toEqual([]);
    const drive = {
      batch: () => 1 + Math.floor(random() * 40),
      commits: () => random() < 0.5,
      crashes: () => random() < 0.2,
    };
    expect(compareTables(tables, runScenario(log, drive), { show: 5 }), `order ${order}, seed ${seed}`).toEqual([]);
  }
});
