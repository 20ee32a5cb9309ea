import { afterAll, beforeAll, expect, test } from 'vitest';
import { alertEvents, pacingSnapshots, ruleEvaluations } from '../../src/rows/tables.ts';
import { digest } from '../../src/rules/alert-receipt.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

// Explanations over REST, where no plan and no record can be read: what rows alone prove.
let shop: Shop;
const hourMs = 3_600_000;
const scope = { org_id: 'acme', campaign_id: 'spring', flight_id: 'f1' };
const judgedMs = nowMs - hourMs;
const common = { as_of: judgedMs - 60_000, evaluated_at: judgedMs, plan_number: 3, version: (1n << 48n) + 70n };

function changed(rule: string, said: Record<string, unknown>) {
  const fingerprint = digest(['acme', rule, 'spring', 'f1', '']);
  const about = { ...scope, ...common, rule_id: rule, fingerprint, alert_id: `${rule}-change`, mode: 'notify' };
  return rowOf(alertEvents, {
    ...about,
    from_state: 'pending',
    to_state: 'firing',
    level: 'critical',
    values: '{}',
    told: 'critical',
    notified: 1,
    ...said,
  });
}

function judged(rule: string, said: Record<string, unknown>) {
  return rowOf(ruleEvaluations, { ...scope, ...common, rule_id: rule, values: '{"p.osi_pct":80}', ...said });
}

beforeAll(async () => {
  shop = await openShop();
  await shop.write(pacingSnapshots, [
    rowOf(pacingSnapshots, { ...scope, ...common, status: 'stale_data', completeness: `dsp=${judgedMs - 8 * hourMs}` }),
    rowOf(pacingSnapshots, { ...scope, ...common, evaluated_at: judgedMs + hourMs / 2, status: 'on_track' }),
  ]);
  await shop.write(ruleEvaluations, [
    judged('loud', { outcome: 'critical', state: 'firing', level: 'critical' }),
    judged('held', { outcome: 'critical', state: 'firing', level: 'critical' }),
    judged('quiet', { outcome: 'critical', state: 'firing', level: 'critical' }),
    judged('calm', { outcome: 'false', state: 'ok', level: 'none' }),
    judged('asleep', { outcome: 'outside', state: 'ok', level: 'none' }),
    judged('blind', { outcome: 'unknown', state: 'ok', level: 'none', values: '{"p.osi_pct":null}' }),
    judged('waits', { outcome: 'warning', state: 'pending', level: 'warning' }),
  ]);
  await shop.write(alertEvents, [
    changed('loud', { condition: 'p.osi_pct < 90.0', values: '{"p.osi_pct":80}' }),
    changed('held', { told: '', notified: 0, withheld: 'inhibited' }),
    changed('quiet', { mode: 'shadow' }),
    changed('waits', {
      from_state: 'ok',
      to_state: 'pending',
      level: 'warning',
      told: '',
      active_since: judgedMs - 90 * 60_000,
    }),
  ]);
});
afterAll(() => shop.close());

async function verdictOf(rule: string) {
  const answer = await shop.get(`/organizations/acme/campaigns/spring/rules/${rule}/explanation`, {
    token: 'viewer~acme',
  });
  expect(answer.status, await answer.clone().text()).toBe(200);
  const { data } = (await answer.json()) as {
    data: { verdicts: { why: string; because: string; until: string | null }[] };
  };
  expect(data.verdicts).toHaveLength(1);
  return data.verdicts[0];
}

test.each([
  ['loud', 'fired', 'It is not silent: it is firing (critical) since'],
  ['held', 'withheld', 'people are not told of it: a rule that says it better fires'],
  ['quiet', 'shadow', 'the rule is in shadow, so nobody is told'],
  ['calm', 'level_not_true', 'None of its levels was true at'],
  ['asleep', 'outside_hours', 'It was outside of its schedule at'],
  ['blind', 'unknown', 'Nobody could tell at'],
  ['waits', 'for_not_over', 'Its warning level had held for 1 hour 29 minutes, since'],
  ['clam', 'no_such_rule', 'did you mean calm?'],
])('rule %s: %s', async (rule, why, because) => {
  const verdict = await verdictOf(rule);
  expect(verdict.because).toContain(because);
  expect(verdict.why).toBe(why);
});

test('an unknown one says until when', async () => {
  expect((await verdictOf('blind')).until).toBe(new Date(judgedMs + hourMs / 2).toISOString());
});

test('all rules of a campaign, and one change with its comparisons and messages', async () => {
  const all = await shop.get('/organizations/acme/campaigns/spring/explanation');
  const { data } = (await all.json()) as { data: { verdicts: { rule_id: string; evidence: unknown }[] } };
  expect(data.verdicts.map(({ rule_id }) => rule_id)).toEqual([
    'asleep',
    'blind',
    'calm',
    'held',
    'loud',
    'quiet',
    'waits',
  ]);
  expect(data.verdicts.every(({ evidence }) => evidence === null)).toBe(true);
  const change = async (id: string) =>
    (
      (await (await shop.get(`/organizations/acme/transitions/${id}/explanation`)).json()) as {
        data: { changes: { compared: unknown; told: string[] }[] };
      }
    ).data.changes[0];
  expect(await change('loud-change')).toMatchObject({
    compared: [{ text: 'p.osi_pct < 90.0', values: { 'p.osi_pct': 80 }, holds: true }],
    told: [expect.stringContaining('ads.alerts.v1'), expect.stringContaining('active, severity critical')],
  });
  expect((await change('held-change')).told).toEqual([expect.stringContaining('hears nothing of it (inhibited)')]);
  expect((await change('quiet-change')).told).toEqual([expect.stringContaining('marked as shadow')]);
});

test('nobody sees what is of another organization, and a wrong name hears the right one', async () => {
  const stranger = await shop.get('/organizations/acme/campaigns/spring/explanation', { token: 'viewer~globex' });
  expect(stranger.status).toBe(403);
  const wrong = await shop.get('/organizations/acme/campaigns/sprng/explanation');
  expect([wrong.status, ((await wrong.json()) as { detail: string }).detail]).toEqual([
    404,
    'no table knows campaign sprng of acme; did you mean spring?',
  ]);
});
