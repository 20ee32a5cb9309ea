import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Explainer, openExplainer } from '../../src/adapters/explain/open-explainer.ts';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { loadConfig } from '../../src/adapters/settings.ts';
import { startEngine } from '../../src/app.ts';
import { makeLogger } from '../../src/control/logs/logger.ts';
import { systemClock } from '../../src/control/system-clock.ts';
import { readPlanFiles } from '../../src/plans/plan-files.ts';
import type { Plan } from '../../src/rules/plan.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import { writeSimulation } from '../../src/simulator/write-simulation.ts';
import { foldDirectory } from '../chaos/compare-directory.ts';
import type { TableRows } from '../oracle/rows.ts';

// Orders, advertisers and the organization, explained: alerts and silences.
const shippedConfigDirectory = join(import.meta.dirname, '..', '..', 'config');
const log = makeLogger({ level: 'silent', clock: systemClock });
const folder = process.cwd();
let data = '';
let rows: TableRows;
let explainer: Explainer;

const order = { currency: 'EUR', budget_micros: 1e12, start: '2026-03-01', end: '2026-03-31', zone: 'UTC' } as const;
const signed = { ...order, mode: 'EVEN', members: { match: {} } } as const;
const orders = {
  ...Object.fromEntries(
    ['EUR', 'USD', 'INR', 'BRL', 'JPY', 'AUD'].map((currency) => [currency, { ...signed, currency }]),
  ),
  later: { ...signed, start: '2026-05-01', end: '2026-05-31' },
};
const rules: Readonly<Record<string, string>> = {
  'order-low': `{ id: order-low, name: n, scope: order, exclude: { orders: [later] }, warning: { when: 'p.osi_pct < 90.0 && p.spend >= 0.0' }, summary: '{{g.order_id}} at {{p.osi_pct}}' }`,
  'order-over': `{ id: order-over, name: n, scope: order, guard: 'p.elapsed_pct >= 10.0', warning: { when: 'p.osi_pct > 100000.0' } }`,
  'all-spend': `{ id: all-spend, name: n, scope: organization, warning: { when: 'o.spend_today > 0.0 && m.spend_today >= 0.0' } }`,
  'adv-spend': `{ id: adv-spend, name: n, scope: advertiser, warning: { when: 'a.spend_today >= 0.0 && m.impressions_1d >= 0.0' } }`,
  'of-flights': `{ id: of-flights, name: n, warning: { when: 'p.osi_pct < 1.0' } }`,
};

function configLoaded() {
  const plans = { rules: join(data, 'rules') };
  const own = { data_directory: join(data, 'engine'), http: { port: 0 }, clickhouse: { port: 0 }, plans };
  return loadConfig([], { shippedConfigDirectory, overrides: { ...own, serving: { enabled: false } } });
}

/** Every other campaign is of nord. */
function signedPlan(plan: Plan): Plan {
  const named = Object.entries(plan.campaigns).map(([id, each], at): [string, Plan['campaigns'][string]] => [
    id,
    { ...each, advertiser: at % 2 === 0 ? 'nord' : 'sued' },
  ]);
  return { ...plan, campaigns: Object.fromEntries(named), orders };
}

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'paceline-together-'));
  mkdirSync(join(data, 'rules'));
  for (const [id, text] of Object.entries(rules)) writeFileSync(join(data, 'rules', `${id}.yaml`), `${text}\n`);
  const { config } = configLoaded();
  const chosen = readPlanFiles(config.plans).rules.map(({ rule }) => rule);
  await writeSimulation({
    ...{ dir: join(data, 'engine'), seed: 7, days: 2, campaigns: 9, partitions: 2, clock: systemClock },
    encoding: 'avro',
    encoder: makeEventCodec('binary').encoder,
    plans: (world) => plansOfWorld(world, { rules: chosen }).map(signedPlan),
  });
  const engine = await startEngine(configLoaded(), { version: 'test', clock: systemClock, log, isUntilEnd: true });
  await engine.drain();
  await engine.stop();
  rows = (await foldDirectory(join(data, 'engine'), { generation: 1 })).rows;
  explainer = await openExplainer(configLoaded().config, { clock: systemClock, log });
}, 600_000);
afterAll(async () => {
  await explainer[Symbol.asyncDispose]();
  process.chdir(folder);
  rmSync(data, { recursive: true, force: true });
});

const iso = (ms: unknown) => new Date(Number(ms)).toISOString();

function completenessOf(text: string): [string, string][] {
  return text.split(',').map((part) => {
    const [source, ms] = part.split('=');
    return [source, iso(ms)];
  });
}

test('an alert about an order, an advertiser and the organization names sources, windows and records', async () => {
  for (const rule of ['order-low', 'adv-spend', 'all-spend']) {
    const row = rows.alert_events.findLast((each) => each.rule_id === rule && each.to_state === 'firing')!;
    const { evidence, sentences, order_id, advertiser } = await explainer.alert(String(row.alert_id));
    const subject =
      rule === 'order-low'
        ? `order ${order_id}`
        : rule === 'adv-spend'
          ? `advertiser ${advertiser}`
          : 'the organization';
    expect(sentences[0]).toContain(`of rule ${rule} (${subject}) went from `);
    expect([order_id, advertiser]).toEqual([row.group_id, row.advertiser]);
    expect(evidence.values).toEqual(JSON.parse(String(row.values)));
    expect(evidence.conditions[0]).toMatchObject({ part: 'warning', holds: true });
    const sources = evidence.sources.map(({ source, complete_through }) => [source, complete_through]);
    expect(sources).toEqual(completenessOf(String(row.completeness)));
    expect(evidence.windows.length).toBeGreaterThan(0);
    for (const { records, from, to } of evidence.windows) {
      expect(Date.parse(from)).toBeLessThan(Date.parse(to));
      expect(records).not.toBeNull();
    }
  }
});

test('what an order spent is what the records in its window add up to', async () => {
  const counted = rows.alert_events.filter(({ rule_id, to_state }) => rule_id === 'order-low' && to_state === 'firing');
  let compared = 0;
  for (const row of counted) {
    const { evidence } = await explainer.alert(String(row.alert_id));
    const window = evidence.windows.find(({ values, of }) => values.includes('p.spend') && of === 'spend')!;
    // Where reports replace each other a sum says nothing.
    if (window.records?.adds_up_to == null) continue;
    compared += 1;
    expect(Number(window.records.adds_up_to) / 1e6).toBeCloseTo(Number(evidence.values['p.spend']), 5);
  }
  expect(compared).toBeGreaterThan(0);
});

test('silences about orders, advertisers and the organization say why', async () => {
  const low = rows.rule_evaluations.findLast(({ rule_id }) => rule_id === 'order-over')!;
  const org = String(low.org_id);
  const why = (rule_id: string, about: { order_id?: string; advertiser?: string; at?: string } = {}) =>
    explainer.together(org, { rule_id, ...about });
  const over = await why('order-over', { order_id: String(low.group_id) });
  expect(over).toMatchObject({ why: expect.stringMatching(/^(guard_false|level_not_true|unknown)$/) });
  expect(over.evidence?.values).toEqual(JSON.parse(String(low.values)));
  expect(over.sentences[0]).toContain(`Rule order-over about order ${low.group_id}, as known at `);
  expect(await why('order-low', { order_id: 'later' })).toMatchObject({
    why: 'not_for_it',
    because: 'The rule is not for later.',
  });
  expect(await why('order-over', { order_id: 'later' })).toMatchObject({ why: 'not_started' });
  expect(await why('all-spend')).toMatchObject({ why: 'fired' });
  const [sold] = rows.alert_events.filter((each) => each.rule_id === 'adv-spend');
  const ofSold = (advertiser: string) => explainer.together(String(sold.org_id), { rule_id: 'adv-spend', advertiser });
  expect(await ofSold(String(sold.advertiser))).toMatchObject({ why: 'fired' });
  expect(await why('order-lov', { order_id: 'EUR' })).toMatchObject({
    why: 'no_such_rule',
    because: 'Plan 1, in force then, has no such rule; did you mean order-low?',
  });
  const refused = async (asked: Promise<unknown>) => await asked.then(String, (error: Error) => error.message);
  expect(await refused(why('order-low'))).toBe(
    'rule order-low judges orders: name one; there are AUD, BRL, EUR, INR, JPY, USD, later',
  );
  expect(await refused(why('order-low', { order_id: 'EURO' }))).toBe(
    'the plan in force has no order EURO; did you mean EUR?',
  );
  expect(await refused(ofSold(`${sold.advertiser}x`))).toBe(
    `the plan in force has no advertiser ${sold.advertiser}x; did you mean ${sold.advertiser}?`,
  );
  expect(await refused(why('all-spend', { order_id: 'EUR' }))).toBe('rule all-spend judges no orders: leave EUR out');
  expect(await refused(why('of-flights'))).toBe(
    'rule of-flights judges flights of campaigns, each for itself: name a campaign',
  );
});
