import { afterAll, beforeAll, expect, test } from 'vitest';
import { orderSnapshots } from '../../src/rows/order-snapshots.ts';
import {
  alertEvents,
  campaignMetricsDaily,
  deadLetters,
  lateEvents,
  pacingSnapshots,
  ruleEvaluations,
} from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

// The REST door over real tables: what it shows, how lists go on, and HTTP's own manners.
/** The body of an answer is what the test says it is. */
// biome-ignore lint/suspicious/noExplicitAny: every expectation below says what it wants.
type Body = any;

let shop: Shop;
const hourMs = 3_600_000;
const dayNumber = Math.floor(nowMs / 86_400_000);
const versionOf = (offset: number) => (1n << 48n) + BigInt(offset);

/** Of flight n: the status of the hour before now, and an older snapshot. */
const statuses = ['on_track', 'severely_behind', 'behind', 'ended_full', 'exhausted', 'behind'];

beforeAll(async () => {
  shop = await openShop();
  for (const org_id of ['acme', 'globex']) {
    const snapshots = statuses.flatMap((status, n) =>
      [3, 1].map((hoursAgo) =>
        rowOf(pacingSnapshots, {
          ...{
            org_id,
            campaign_id: `${org_id}-c${n % 3}`,
            flight_id: `f${n}`,
            currency: 'EUR',
            mode: 'EVEN',
            goal: 'MONEY',
            plan_number: 3,
          },
          ...{ as_of: nowMs - hoursAgo * hourMs - 60_000, evaluated_at: nowMs - hoursAgo * hourMs },
          ...{ status: hoursAgo === 1 ? status : 'warming_up', budget_micros: 1_000_000_000n * BigInt(n + 1) },
          ...{ spend_micros: 9_007_199_254_740_993n, projected_micros: 900_000_000n * BigInt(n + 1), osi_bp: 9_000n },
          ...{
            completeness: `adserver=${nowMs - hoursAgo * hourMs},dsp=none`,
            version: versionOf(10 * n + 4 - hoursAgo),
          },
        }),
      ),
    );
    await shop.write(pacingSnapshots, snapshots);
    await shop.write(
      campaignMetricsDaily,
      [0, 1, 2].flatMap((n) =>
        [0, 1, 40].map((daysAgo) =>
          rowOf(campaignMetricsDaily, {
            ...{ org_id, campaign_id: `${org_id}-c${n}`, date: dayNumber - daysAgo, currency: 'EUR', impressions: 10n },
            ...{ spend_micros: 1_000_000n * BigInt(n + 1), conversions_by_touch: 1_500_000n, version: versionOf(n) },
          }),
        ),
      ),
    );
    await shop.write(
      alertEvents,
      [0, 1, 2].map((n) =>
        rowOf(alertEvents, {
          ...{
            org_id,
            alert_id: `${org_id}-a${n}`,
            fingerprint: `p${n}`,
            rule_id: 'under-pacing',
            campaign_id: `${org_id}-c0`,
          },
          ...{ mode: 'notify', from_state: 'pending', to_state: n === 2 ? 'resolved' : 'firing', reason: 'condition' },
          ...{
            level: n === 0 ? 'warning' : 'critical',
            as_of: nowMs - hourMs,
            evaluated_at: nowMs - hourMs + n,
            version: versionOf(n),
          },
          ...{ values: '{"p.osi_pct":90.5,"p.status":"behind"}', condition: 'p.osi_pct < 95.0', log_offset: 7n },
        }),
      ),
    );
    await shop.write(
      ruleEvaluations,
      Array.from({ length: 5 }, (_, n) =>
        rowOf(ruleEvaluations, {
          ...{
            org_id,
            rule_id: 'under-pacing',
            campaign_id: `${org_id}-c0`,
            flight_id: 'f0',
            outcome: n % 2 ? 'false' : 'warning',
          },
          ...{
            as_of: nowMs - n * hourMs - 2,
            evaluated_at: nowMs - n * hourMs - 1,
            values: '{"p.osi_pct":null}',
            version: versionOf(n),
          },
        }),
      ),
    );
    await shop.write(
      deadLetters,
      [1, 2, 3].map((n) =>
        rowOf(deadLetters, {
          ...{
            org_id,
            topic: 'ads.events.v1',
            partition: 2,
            log_offset: n,
            log_time: nowMs - n * 1_000,
            reason: 'unreadable',
          },
          ...{ detail: `of ${org_id}`, raw: Buffer.from([0, 255, n]), raw_length: 3, version: versionOf(n) },
        }),
      ),
    );
    await shop.write(lateEvents, [
      rowOf(lateEvents, {
        ...{ org_id, campaign_id: `${org_id}-c0`, partition: 2, log_offset: 9, log_time: nowMs - 5_000, kind: 'click' },
        ...{ booked_at: nowMs - 40 * 86_400_000, version: versionOf(9) },
      }),
    ]);
  }
});
afterAll(() => shop.close());

async function bodyOf(path: string, status = 200): Promise<Body> {
  const response = await shop.get(path);
  const body = await response.json();
  expect(response.status, JSON.stringify([body, shop.troubles.at(-1)])).toBe(status);
  return body;
}

test('the board shows every flight once, the worst first, with money as text and what it knows', async () => {
  const { data, ...rest } = await bodyOf('/organizations/acme/flights');
  expect(data.map(({ flight_id, status }: Body) => `${flight_id} ${status}`)).toEqual([
    'f1 severely_behind',
    'f4 exhausted',
    // Of two that are behind, the one with more at risk.
    'f5 behind',
    'f2 behind',
    'f0 on_track',
    'f3 ended_full',
  ]);
  expect(data[0]).toMatchObject({
    ...{ spend_micros: '9007199254740993', at_risk_micros: '200000000', osi_bp: 9000, expected_micros: null },
    ...{ evaluated_at: '2026-03-10T11:00:00.000Z', version: '1:13' },
  });
  expect(data.at(-1).at_risk_micros).toBeNull();
  expect(rest).toEqual({
    ...{ next_cursor: null, data_version: '1:53', reach: null },
    ...{ complete_through: '2026-03-10T10:59:00.000Z', as_of: '2026-03-10T11:00:00.000Z' },
  });
  const response = await shop.get('/organizations/acme/flights');
  expect(response.headers.get('paceline-age-ms')).toBe(String(hourMs));
});

const lists = [
  '/organizations/acme/flights?limit=2',
  '/organizations/acme/flights?limit=1&status=behind&status=exhausted',
  '/organizations/acme/campaigns?limit=1',
  '/organizations/acme/campaigns/acme-c0/flights/f0/snapshots?limit=1',
  '/organizations/acme/alerts?limit=1&state=firing&state=resolved',
  '/organizations/acme/transitions?limit=1',
  '/organizations/acme/rules/under-pacing/evaluations?limit=2',
  '/organizations/acme/dead-letters?limit=2',
  '/organizations/acme/late-events?limit=1',
];

test.each(lists)('%s goes on by cursors to the same entries in the same order as at once', async (path) => {
  const { data: whole } = await bodyOf(path.replace(/limit=\d+/, 'limit=500'));
  expect(whole.length).toBeGreaterThan(0);
  const paged: unknown[] = [];
  let cursor: string | null = null;
  do {
    const page: Body = await bodyOf(cursor === null ? path : `${path}&cursor=${cursor}`);
    expect(page.data.length).toBeGreaterThan(0);
    paged.push(...page.data);
    cursor = page.next_cursor;
  } while (cursor !== null);
  expect(paged).toEqual(whole);
  expect(JSON.stringify(whole)).not.toContain('globex');
});

test('a flight is shown as it was known at a past moment, and not before anything was known', async () => {
  const path = '/organizations/acme/campaigns/acme-c1/flights/f1';
  expect((await bodyOf(path)).data.status).toBe('severely_behind');
  expect((await bodyOf(`${path}?known_at=2026-03-10T10:59:59.999Z`)).data.status).toBe('warming_up');
  expect((await bodyOf(`${path}?known_at=2026-03-10T13:00:00%2B02:00`)).data.status).toBe('severely_behind');
  expect((await bodyOf(`${path}?known_at=2026-03-01T00:00:00Z`, 404)).code).toBe('NOT_FOUND');
});

test('sums, receipts, sources and records say what the rows say', async () => {
  const { data: summaries } = await bodyOf('/organizations/acme/flight-summaries');
  expect(summaries.find(({ status }: Body) => status === 'behind')).toEqual({
    ...{ status: 'behind', currency: 'EUR', flights: 2, budget_micros: '9000000000' },
    ...{ goal: 'MONEY', goal_total: '0', goal_delivered: '0' },
    ...{ spend_micros: '18014398509481986', at_risk_micros: '900000000', money_at_risk_micros: '0' },
  });
  const { data: days } = await bodyOf('/organizations/acme/days');
  expect(days).toHaveLength(2);
  expect(days[0]).toMatchObject({ campaigns: 3, spend_micros: '6000000', conversions_by_touch: '4.5' });
  expect((await bodyOf('/organizations/acme/campaigns/acme-c1/days')).data[0].conversions_by_touch).toBe('1.5');
  const { data: campaignDays } = await bodyOf(
    '/organizations/acme/campaigns/acme-c1/days?from=2026-01-01&to=2026-03-10',
  );
  expect(campaignDays.map(({ date }: Body) => date)).toEqual(['2026-03-10', '2026-03-09', '2026-01-29']);
  const { data: alerts } = await bodyOf('/organizations/acme/alerts');
  expect(alerts.map(({ alert_id }: Body) => alert_id)).toEqual(['acme-a1', 'acme-a0']);
  const { data: receipt } = await bodyOf('/organizations/acme/transitions/acme-a1');
  expect(receipt).toMatchObject({ condition: 'p.osi_pct < 95.0', values: { 'p.osi_pct': 90.5, 'p.status': 'behind' } });
  const { data: sources } = await bodyOf('/organizations/acme/sources');
  expect(sources.map(({ source, complete_through }: Body) => [source, complete_through])).toEqual([
    ['dsp', null],
    ['adserver', '2026-03-10T11:00:00.000Z'],
  ]);
  const { data: reasons } = await bodyOf('/organizations/acme/dead-letter-reasons');
  expect(reasons).toMatchObject([{ reason: 'unreadable', records: 3, example: { partition: 2, log_offset: 1 } }]);
  const { data: letter } = await bodyOf('/organizations/acme/dead-letters/ads.events.v1/2/3');
  expect(letter).toMatchObject({ detail: 'of acme', raw_base64: Buffer.from([0, 255, 3]).toString('base64') });
  expect((await bodyOf('/organizations')).data).toEqual([{ organization: 'acme' }, { organization: 'globex' }]);
  expect((await bodyOf('/organizations/acme/plan')).data).toMatchObject({ number: 3 });
});

test.each([
  ['/organizations/a%20b/flights', 400, 'REQUEST_INVALID', 'organization:'],
  ['/organizations/acme/flights?limit=0', 400, 'REQUEST_INVALID', 'limit:'],
  ['/organizations/acme/flights?limit=501', 400, 'REQUEST_INVALID', 'limit:'],
  ['/organizations/acme/flights?limit=5&limit=6', 400, 'REQUEST_INVALID', 'more than once'],
  ['/organizations/acme/flights?status=fine', 400, 'REQUEST_INVALID', 'status.0:'],
  ['/organizations/acme/flights?colour=red', 400, 'REQUEST_INVALID', 'colour: is no parameter here; known are limit'],
  ['/organizations/acme/flights?cursor=AAAA', 400, 'REQUEST_INVALID', 'begin again'],
  ['/organizations/acme/transitions?from=yesterday', 400, 'REQUEST_INVALID', 'from:'],
  ['/organizations/acme/transitions?from=2026-01-01T00:00:00Z', 400, 'REQUEST_INVALID', 'longer than 31 days'],
  ['/organizations/acme/days?from=2026-02-30', 400, 'REQUEST_INVALID', 'from:'],
  ['/organizations/acme/campaigns/%FF/days', 400, 'HTTP_400', 'escape'],
  ["/organizations/acme/campaigns/a'%20OR%201/days", 400, 'REQUEST_INVALID', 'campaign_id:'],
  ['/organizations/acme/transitions/none', 404, 'NOT_FOUND', 'no transition none'],
  ['/organizations/acme/boards', 404, 'HTTP_404', 'no path of this API'],
  ['/engine', 404, 'NOT_FOUND', 'runs no engine'],
])('GET %s is refused: %i %s', async (path, status, code, words) => {
  const response = await shop.get(path);
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const body = await response.json();
  expect(body).toMatchObject({ status, code, request_id: response.headers.get('x-request-id') });
  expect((body as { detail: string }).detail).toContain(words);
});

test('who has the answer already is told so; another type, or new rows, is another answer', async () => {
  const path = '/organizations/acme/sources';
  const first = await shop.get(path);
  const tag = first.headers.get('etag')!;
  const again = await shop.get(path, { headers: { 'if-none-match': `"x", W/${tag}` } });
  expect([again.status, await again.text()]).toEqual([304, '']);
  expect(first.headers.get('cache-control')).toBe('private, no-cache');
  const csv = await shop.get(path, { headers: { accept: 'text/csv' } });
  expect(csv.headers.get('etag')).not.toBe(tag);
  const head = await shop.get(path, { method: 'HEAD' });
  expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, tag, '']);
});

test('lists come as CSV, without formulas, and name the next page; what is no list does not', async () => {
  await shop.write(campaignMetricsDaily, [
    rowOf(campaignMetricsDaily, {
      org_id: 'calc',
      campaign_id: '-x',
      date: dayNumber,
      spend_micros: -5n,
      currency: 'a,"b"',
    }),
    rowOf(campaignMetricsDaily, { org_id: 'calc', campaign_id: 'b', date: dayNumber }),
  ]);
  const response = await shop.get('/organizations/calc/campaigns?limit=1', {
    headers: { accept: 'text/csv, */*;q=0.1' },
  });
  expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present');
  expect(response.headers.get('link')).toMatch(
    /^<\/api\/v1\/organizations\/calc\/campaigns\?limit=1&cursor=[\w-]+>; rel="next"$/,
  );
  expect(await response.text()).toMatch(/^campaign_id,currency,days,.*\r\nb,,1,/);
  const next = /<([^>]+)>/.exec(response.headers.get('link')!)![1].replace('/api/v1', '');
  expect(await (await shop.get(next, { headers: { accept: 'text/csv' } })).text()).toContain(
    `\r\n'-x,"a,""b""",1,0,0,0,-5,0\r\n`,
  );
  const one = await shop.get('/organizations/acme/plan', { headers: { accept: 'text/csv' } });
  expect(one.status).toBe(406);
});

test('paths take their methods alone, and reading takes no body', async () => {
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const response = await shop.get('/organizations/acme/flights', { method });
    expect([response.status, response.headers.get('allow')], method).toEqual([405, 'GET, HEAD']);
  }
});

test('every call is told of once, by its operation', async () => {
  shop.calls.length = 0;
  await (await shop.get('/organizations/acme/plan', { headers: { 'x-request-id': 'mine-0815' } })).text();
  await (await shop.get('/nowhere', { headers: { 'x-request-id': 'no\ttab' } })).text();
  await expect.poll(() => shop.calls.length).toBe(2);
  expect(shop.calls).toMatchObject([
    {
      requestId: 'mine-0815',
      door: 'rest',
      operation: 'getPlan',
      orgId: 'acme',
      actor: 'user:operator',
      status: 200,
      error: null,
    },
    { requestId: expect.stringMatching(/^request-/), door: 'rest', operation: 'other', status: 404, error: 'HTTP_404' },
  ]);
});

test('sums never add money to what flights are to deliver, and answers say when flights run and whose they are', async () => {
  const flight = (flight_id: string, said: object) =>
    rowOf(pacingSnapshots, {
      ...{ org_id: 'initech', campaign_id: 'c', flight_id, currency: 'EUR', status: 'on_track', version: versionOf(1) },
      ...{ as_of: nowMs - 60_000, evaluated_at: nowMs, spend_micros: 5_000_000n },
      ...said,
    });
  const goal = { goal: 'IMPRESSIONS', goal_total: 1_000n, goal_delivered: 400n, projected_micros: 9_000_000n };
  await shop.write(pacingSnapshots, [
    flight('money', {
      goal: 'MONEY',
      budget_micros: 70_000_000n,
      projected_micros: 60_000_000n,
      goal_total: 70_000_000n,
    }),
    flight('limited', { ...goal, budget_micros: 30_000_000n, limit_micros: 30_000_000n }),
    flight('unlimited', {
      ...{ ...goal, budget_micros: 0n, advertiser: 'sports', time_zone: 'Europe/Berlin' },
      ...{ starts_at: nowMs - 86_400_000, ends_at: nowMs + 86_400_000 },
    }),
  ]);
  const { data: summaries } = await bodyOf('/organizations/initech/flight-summaries');
  const alike = { status: 'on_track', currency: 'EUR', money_at_risk_micros: '0' };
  expect(summaries).toEqual([
    {
      ...{ ...alike, goal: 'IMPRESSIONS', flights: 2, budget_micros: '30000000', spend_micros: '10000000' },
      ...{ goal_total: '2000', goal_delivered: '800', at_risk_micros: '0' },
    },
    {
      ...{ ...alike, goal: 'MONEY', flights: 1, budget_micros: '70000000', spend_micros: '5000000' },
      ...{ goal_total: '70000000', goal_delivered: '0', at_risk_micros: '10000000' },
    },
  ]);
  const dated = {
    ...{ starts_at: '2026-03-09T12:00:00.000Z', ends_at: '2026-03-11T12:00:00.000Z' },
    ...{ time_zone: 'Europe/Berlin', advertiser: 'sports' },
  };
  const undated = { starts_at: null, ends_at: null, time_zone: '', advertiser: '' };
  const { data: board } = await bodyOf('/organizations/initech/flights');
  expect(board.find(({ flight_id }: Body) => flight_id === 'unlimited')).toMatchObject(dated);
  expect(board.find(({ flight_id }: Body) => flight_id === 'money')).toMatchObject(undated);
  expect((await bodyOf('/organizations/initech/campaigns/c/flights/unlimited')).data).toMatchObject(dated);
});

test('an order is told of by its newest snapshot, and over time; those of others are not there', async () => {
  const order = (org_id: string, order_id: string, hoursAgo: number, said: object) =>
    rowOf(orderSnapshots, {
      ...{ org_id, order_id, currency: 'EUR', mode: 'EVEN', campaigns: 2, budget_micros: 90_000_000n },
      ...{ as_of: nowMs - hoursAgo * hourMs - 60_000, evaluated_at: nowMs - hoursAgo * hourMs, ...said },
      version: versionOf(10 - hoursAgo),
    });
  await shop.write(orderSnapshots, [
    order('initech', 'spring', 2, { status: 'on_track', spend_micros: 10_000_000n }),
    order('initech', 'spring', 1, { status: 'behind', spend_micros: 11_000_000n, osi_bp: 8_000n }),
    order('initech', 'march', 1, { status: 'stale_data', spend_micros: null }),
    order('initech', 'long-over', 900, { status: 'ended_full', spend_micros: 1n }),
    order('globex', 'theirs', 1, { status: 'on_track', spend_micros: 1n }),
    // A log that is played again lies in the past.
    order('umbrella', 'replayed', 5_000, { status: 'ahead', spend_micros: 1n }),
  ]);
  const { data: replayed } = await bodyOf('/organizations/umbrella/orders');
  expect(replayed.map(({ order_id }: Body) => order_id)).toEqual(['replayed']);
  const { data } = await bodyOf('/organizations/initech/orders');
  expect(data.map(({ order_id, status, spend_micros }: Body) => [order_id, status, spend_micros])).toEqual([
    ['march', 'stale_data', null],
    ['spring', 'behind', '11000000'],
  ]);
  expect(data[1]).toMatchObject({ budget_micros: '90000000', osi_bp: 8_000, campaigns: 2, campaigns_left_out: 0 });
  const { data: history } = await bodyOf('/organizations/initech/orders/spring/snapshots');
  expect(history.map(({ status }: Body) => status)).toEqual(['behind', 'on_track']);
  expect((await bodyOf('/organizations/initech/orders/theirs/snapshots')).data).toEqual([]);
});
