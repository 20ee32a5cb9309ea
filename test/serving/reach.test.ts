import { afterAll, beforeAll, expect, test } from 'vitest';
import { campaignMetricsDaily, conversionsDaily } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

// What left ClickHouse for the lake is told through the views of all times, and the answer says how far it looked.
let shop: Shop;
const dayMs = 86_400_000;
const dayText = (daysAgo: number) => new Date(nowMs - daysAgo * dayMs).toISOString().slice(0, 10);
const today = Math.floor(nowMs / dayMs);

beforeAll(async () => {
  shop = await openShop();
  for (const org_id of ['acme', 'globex']) {
    await shop.write(
      campaignMetricsDaily,
      [1, 300].map((daysAgo) =>
        rowOf(campaignMetricsDaily, {
          ...{ org_id, campaign_id: `${org_id}-c`, date: today - daysAgo, currency: 'EUR', clicks: BigInt(daysAgo) },
          ...{ spend_micros: 5n, version: 1n << 48n },
        }),
      ),
    );
    await shop.write(
      conversionsDaily,
      [
        ['purchase', 'CLICK', 1],
        ['purchase', 'VIEW', 1],
        ['signup', 'CLICK', 2],
      ].map(([conversion_type, attribution, daysAgo]) =>
        rowOf(conversionsDaily, {
          ...{ org_id, campaign_id: 'c', date: today - Number(daysAgo), conversion_type, attribution },
          ...{ conversions_by_touch: 1_500_000n, conversions_by_conversion: 2_000_000n, version: (1n << 48n) | 7n },
        }),
      ),
    );
  }
  // As the keeper of the lake makes it: rows that gold alone has come with their organizations, too.
  await shop.change('CREATE TABLE ads.gold_campaign_metrics_daily AS ads.campaign_metrics_daily');
  await shop.change(`INSERT INTO ads.gold_campaign_metrics_daily
SELECT * REPLACE (date - 400 AS date) FROM ads.campaign_metrics_daily FINAL WHERE clicks = 1`);
  await shop.change(`CREATE OR REPLACE VIEW ads.all_campaign_metrics_daily AS SELECT * FROM ads.campaign_metrics_daily FINAL
UNION ALL SELECT * FROM ads.gold_campaign_metrics_daily`);
});
afterAll(() => shop.close());

type Body = ReturnType<typeof JSON.parse>;
const ask = async (path: string, token = 'viewer~acme'): Promise<Body> => {
  const response = await shop.get(`/organizations/acme/${path}`, { token });
  const body = (await response.json()) as Body;
  expect(response.status, JSON.stringify([body, shop.troubles])).toBe(200);
  return body;
};

test('an old period is asked of all times, and its rows are those of the organization alone', async () => {
  const old = await ask(`campaigns/acme-c/days?from=${dayText(402)}&to=${dayText(400)}`);
  expect(old).toMatchObject({ reach: 'all_times', data: [{ date: dayText(401), clicks: 1 }] });
  expect((await ask(`days?from=${dayText(402)}&to=${dayText(400)}`)).data).toMatchObject([{ campaigns: 1, clicks: 1 }]);
  const listed = await ask(`campaigns?from=${dayText(402)}&to=${dayText(400)}&limit=1`);
  expect(listed).toMatchObject({ reach: 'all_times', next_cursor: null, data: [{ campaign_id: 'acme-c', clicks: 1 }] });
  const foreign = await shop.get(`/organizations/globex/days?from=${dayText(402)}&to=${dayText(400)}`, {
    token: 'viewer~acme',
  });
  expect(foreign.status).toBe(403);
});

test('where there is no view, hot rows are all that is known, and it says so', async () => {
  const path = `campaigns/c/conversions?from=${dayText(301)}&to=${dayText(250)}`;
  expect(await ask(path)).toMatchObject({ reach: 'hot', data: [] });
  expect((await ask('sources')).reach).toBe(null);
});

test('GraphQL and Connect say it too', async () => {
  const { body } = await shop.graphql({
    query: `{ campaignDays(organization: "acme", campaignId: "acme-c", from: "${dayText(402)}", to: "${dayText(400)}") { reach data { clicks } } }`,
  });
  expect(body.data.campaignDays).toEqual({ reach: 'all_times', data: [{ clicks: 1 }] });
  const response = await fetch(`${shop.server.url}/paceline.v1.CampaignService/ListCampaignDays`, {
    method: 'POST',
    headers: { authorization: 'Bearer viewer~acme', 'content-type': 'application/json' },
    body: JSON.stringify({ organization: 'acme', campaignId: 'acme-c', from: dayText(402), to: dayText(400) }),
  });
  expect(await response.json()).toMatchObject({ reach: 'all_times' });
});

test('conversions by day, type and attribution, page by page', async () => {
  const seen: string[] = [];
  let cursor = '';
  do {
    const { data, next_cursor } = await ask(
      `campaigns/c/conversions?from=${dayText(5)}&to=${dayText(0)}&limit=2${cursor}`,
    );
    for (const { date, conversion_type, attribution, conversions_by_touch } of data)
      seen.push(`${date} ${conversion_type} ${attribution} ${conversions_by_touch}`);
    cursor = next_cursor === null ? '' : `&cursor=${encodeURIComponent(next_cursor)}`;
  } while (cursor !== '');
  expect(seen).toEqual([
    `${dayText(1)} purchase CLICK 1.5`,
    `${dayText(1)} purchase VIEW 1.5`,
    `${dayText(2)} signup CLICK 1.5`,
  ]);
  const views = await ask(
    `campaigns/c/conversions?from=${dayText(5)}&to=${dayText(0)}&attribution=VIEW&conversion_type=purchase`,
  );
  expect(views.data).toHaveLength(1);
  expect((await shop.get('/organizations/acme/campaigns/c/conversions?attribution=SOMETHING')).status).toBe(400);
});
