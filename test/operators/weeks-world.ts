import { type Detail, flag, rollovers } from '../../src/events/event-batch.ts';
import { dayMs, hourMs, minuteMs } from '../../src/model/time.ts';
import { ruleHash } from '../../src/rules/compile-plan.ts';
import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import type { TestRecord } from './batch-builder.ts';
import { drawAskedName, pick } from './random-rules.ts';
import { planRecord, randomSource, testPlan } from './random-world.ts';

/** Worlds of seven weeks, a record an hour or so: long enough for days that are over and for weeks to compare with. */

const weeks = 7;
/** Clocks go forward in America on the eighth day. */
const start = Date.UTC(2026, 2, 1, 3);
const firstDay = Math.floor(start / dayMs);
const zones = ['America/New_York', 'Asia/Kolkata', 'Europe/London', 'UTC'];

/** Every evaluation shows the values of 60 names. */
function rulesOver(random: () => number, scope: 'flight' | 'ended'): RulePlan {
  const names = [...new Set(Array.from({ length: 60 }, () => drawAskedName(random, 7)))];
  const rule: Omit<RulePlan, 'hash'> = {
    id: `asks-${scope}`,
    name: 'asks',
    scope,
    mode: 'notify',
    guard: null,
    warning: { when: names.map((name) => `known(${name})`).join(' || '), clear: null, for_ms: 0 },
    critical: { when: `${names[0]} > 1.0`, clear: null, for_ms: 5 * hourMs },
    keep_firing_for_ms: 0,
    no_data: null,
    on_error: 'keep_last',
    summary: `{{m.ctr_pct_7d}} {{${names[1]}}}`,
    match: {},
  };
  return { ...rule, hash: ruleHash(rule) };
}

function weeksPlan(number: number, random: () => number, seed: number): Plan {
  const plan = testPlan(number);
  return {
    ...plan,
    defaults: { ...plan.defaults, evaluate_every_ms: pick(random, [4, 6, 12]) * hourMs },
    sources: {
      ...plan.sources,
      // Three days behind: judged by whole days.
      slow: { heartbeats: false, delay_ms: 3 * dayMs, expected_interval_ms: dayMs, stale_after_ms: 5 * dayMs },
    },
    campaigns: {
      c0: { advertiser: 'brand', labels: { tier: 'silver' } },
      c1: {
        advertiser: 'brand',
        spend: { from: 'feed', source: 'slow', cost_basis: 'MEDIA' },
        labels: { tier: 'gold', 'owner:of': 'ann' },
      },
      c3: { advertiser: 'brand', labels: { tier: 'silver' }, conversion_lag_bp: [3_500, 5_000, 6_000, 7_300, 10_000] },
      c2: { advertiser: 'brand', spend: { from: 'feed', source: 'slow', cost_basis: 'MEDIA' }, delivery_source: null },
    },
    // The word on an ended flight stays the same whatever the plan, so that no rule changes at its very last evaluation.
    rules: [rulesOver(random, 'flight'), rulesOver(randomSource(seed), 'ended')],
  };
}

export function weeksOf(seed: number): TestRecord[] {
  const random = randomSource(seed);
  const below = (n: number) => Math.floor(random() * n);
  const records: TestRecord[] = [planRecord(weeksPlan(1, random, seed), 0, start)];
  let logTime = start;
  let ledger = 1;
  const add = (record: Omit<TestRecord, 'offset' | 'logTime'>) =>
    records.push({ offset: records.length, logTime, ...record });
  const control = (campaign: string, detail: Detail) => add({ kind: detail.kind, org: 'acme', campaign, detail });
  for (const [index, campaign] of ['c0', 'c1', 'c2', 'c3'].entries()) {
    const rollover = rollovers[(index + seed) % 3];
    const flight = (id: string, from: number, to: number) => {
      const dates = { start_local: firstDay + from, end_local: firstDay + to, tz: zones[(index + seed) % 4] };
      const common = { flight_id: id, effective_at: start, ledger_version: ledger++ };
      const shape = { mode: 'EVEN', curve_id: null, rebase: 'NONE', rollover } as const;
      control(campaign, { kind: 'flight_changed', ...dates, ...common, ...shape });
      const money = { budget_micros: 5e9, daily_cap_micros: null, actor: null };
      control(campaign, { kind: 'budget_changed', ...money, ...common });
    };
    flight('first', below(3), 9 + below(12));
    if (seed % 2 === 0) flight('middle', 22, 24);
    flight('second', 25, 7 * weeks + below(9));
  }
  const until = start + weeks * 7 * dayMs;
  const isQuiet = Array.from({ length: 4 }, () => [below(7), below(7)]);
  for (; logTime < until; logTime += below(2 * hourMs)) {
    const number = below(4);
    const campaign = `c${number}`;
    if (random() < 0.004) records.push(planRecord(weeksPlan(records.length, random, seed), records.length, logTime));
    add({ kind: 'tick', key: null });
    if (random() < 0.05) addDecision(control, campaign, logTime, ledger++, random);
    // Some weekdays have nothing, as weekends do.
    if (isQuiet[number].includes(Math.floor(logTime / dayMs) % 7)) continue;
    addDelivery(add, campaign, logTime, random);
  }
  return records;
}

function addDecision(
  control: (campaign: string, detail: Detail) => void,
  campaign: string,
  logTime: number,
  ledger_version: number,
  random: () => number,
): void {
  const below = (n: number) => Math.floor(random() * n);
  if (random() < 0.3)
    return control(campaign, {
      kind: 'budget_changed',
      flight_id: pick(random, ['first', 'second']),
      budget_micros: 1e9 * (1 + below(9)),
      daily_cap_micros: null,
      actor: pick(random, [null, 'ann', 'bo\ud800b', 'x'.repeat(70)]),
      effective_at: logTime + (below(50) - 40) * hourMs,
      ledger_version,
    });
  control(campaign, {
    kind: 'creative_status',
    // Now and then more of them than are remembered.
    creative_id: `banner-${below(random() < 0.3 ? 200 : 3)}`,
    status: pick(random, ['approved', 'DISAPPROVED', 'Rejected', 'pending']),
    policy_code: pick(random, [null, 'ALCOHOL']),
  });
}

function addDelivery(
  add: (record: Omit<TestRecord, 'offset' | 'logTime'>) => void,
  campaign: string,
  logTime: number,
  random: () => number,
): void {
  const below = (n: number) => Math.floor(random() * n);
  const eventTime = logTime - (random() < 0.1 ? below(60 * hourMs) : below(20 * minuteMs));
  const plain = { org: 'acme', campaign, eventTime };
  const flags = pick(random, [0, 0, flag.measurable, flag.measurable | flag.viewable, flag.invalid]);
  add({ ...plain, kind: 'impression', amount2: 1_234_567 * 1_000, count: 1 + below(300), flags });
  const appliesTo = Math.floor(logTime / dayMs) - below(30);
  switch (below(9)) {
    case 0:
      return add({ ...plain, kind: 'click', count: 1 + below(4), flags: random() < 0.2 ? flag.invalid : 0 });
    case 1: {
      const touch = eventTime - below(24 * 30) * hourMs;
      const currency = random() < 0.2 ? 'GBP' : 'USD';
      return add({ ...plain, kind: 'conversion', currency, t1: eventTime, t2: touch, amount: 9e6, amount2: 1.5e6 });
    }
    case 2:
      return add({ ...plain, kind: 'auction_stats', t1: eventTime, amount: 90, amount2: 40, count: below(40) });
    case 3:
      return add({ ...plain, kind: 'video_progress', code: below(5) });
    case 4:
      return add({ ...plain, kind: 'spend_adjustment', amount: -1e6 * below(3), t1: appliesTo });
    case 5: {
      const deltas = new Map([[pick(random, ['impressions', 'clicks', 'auction_wins']), below(20) - 15]]);
      return add({
        ...plain,
        kind: 'metric_correction',
        t1: appliesTo,
        detail: { kind: 'metric_correction', deltas, reason: 'IVT' },
      });
    }
    default: {
      const span = { t1: eventTime - below(30) * hourMs, t2: eventTime };
      return add({ ...plain, kind: 'spend', source: 'slow', amount: 1e6 * (1 + below(9)), ...span });
    }
  }
}
