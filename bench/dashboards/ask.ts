import { type OperationName, operationNames, operationOf } from '../../src/serving/operations.ts';
import { namesIn, type Route, routes } from '../../src/serving/rest/routes.ts';
import { nowMs, type Shop } from '../../test/serving/shop.ts';

/** Every question behind the API and the console, asked for one organization; and those that people ask over all. */

const largest = 'org-1';
const dayMs = 86_400_000;
const since = (days: number): string => new Date(nowMs - days * dayMs).toISOString();

/** All that reads tables of an organization: one that is added is asked as well. */
const asked: readonly OperationName[] = operationNames.filter((name) => {
  const { scope, isWrite, isOfTables } = operationOf(name);
  return scope === 'organization' && !isWrite && isOfTables;
});

type Things = Readonly<Record<string, string>>;

/** What the largest organization has of each kind, from its own answers. */
async function thingsOf(shop: Shop): Promise<Things> {
  const first = async (path: string): Promise<Record<string, unknown>> => {
    const response = await shop.get(`/organizations/${largest}/${path}`);
    const { data } = (await response.json()) as { data: Record<string, unknown>[] };
    if (data[0] === undefined) throw new Error(`${path}: the largest organization has none`);
    return data[0];
  };
  const things = {
    ...(await first('flights?limit=1')),
    ...(await first('transitions?limit=1')),
    ...(await first('orders')),
    ...(await first('dead-letters?limit=1')),
  };
  const known = ['campaign_id', 'flight_id', 'alert_id', 'rule_id', 'order_id', 'topic', 'partition', 'log_offset'];
  return Object.fromEntries(known.map((name) => [name, String(things[name as keyof typeof things])]));
}

/** By name: the path, as whoever is asked for it in the shortest form, and as the console asks. */
function pathsOf(things: Things): Readonly<Record<string, string>> {
  const pathOf = (name: OperationName): string => {
    const { path }: Route = routes[name as keyof typeof routes];
    const filled = namesIn(path).reduce(
      (text, member) => text.replace(`{${member}}`, member === 'organization' ? largest : things[member]),
      path,
    );
    const query = name === 'explainSilence' || name === 'explainCampaign' ? `?flight_id=${things.flight_id}` : '';
    return `${filled}${query}`;
  };
  const { campaign_id, flight_id, rule_id } = things;
  const of = `/organizations/${largest}`;
  return {
    ...Object.fromEntries(asked.map((name) => [name, pathOf(name)])),
    'console: 500 flights': `${of}/flights?limit=500`,
    'console: flights of a status': `${of}/flights?limit=500&status=behind`,
    'console: 500 open alerts': `${of}/alerts?limit=500`,
    'console: alerts of a campaign': `${of}/alerts?limit=100&campaign_id=${campaign_id}`,
    'console: a month of snapshots': `${of}/campaigns/${campaign_id}/flights/${flight_id}/snapshots?limit=500&from=${since(31)}&to=${since(0)}`,
    'console: a flight two hours ago': `${of}/campaigns/${campaign_id}/flights/${flight_id}?known_at=${since(1 / 12)}`,
    'console: a week of transitions': `${of}/transitions?limit=500&from=${since(7)}&to=${since(0)}`,
    'console: judgements of a rule': `${of}/rules/${rule_id}/evaluations?limit=100`,
    'a flight by a rule, 31 days': `${of}/rules/${rule_id}/evaluations?campaign_id=${campaign_id}&flight_id=${flight_id}&from=${since(31)}&to=${since(0)}`,
    'campaigns of 30 days': `${of}/campaigns?limit=50`,
    'board as CSV': `${of}/flights?limit=500`,
  };
}

/** Over all organizations, as an operator's dashboard asks ClickHouse: with a reader's limits. */
const overAll: Readonly<Record<string, string>> = {
  'flights by status': 'SELECT status, count() FROM ads.v_pacing_latest GROUP BY status',
  'open alerts by level': 'SELECT level, count() FROM ads.v_alerts_open GROUP BY level',
  'spend of a day': `SELECT currency, sum(spend_micros) FROM ads.campaign_metrics_daily FINAL WHERE date = toDate32('${since(0).slice(0, 10)}') GROUP BY currency`,
  'a month by day': `SELECT date, currency, spend_micros FROM ads.v_org_days WHERE date BETWEEN toDate32('${since(30).slice(0, 10)}') AND toDate32('${since(0).slice(0, 10)}') ORDER BY spend_micros DESC LIMIT 100`,
};
const readerLimits = 'SETTINGS max_threads = 2, max_memory_usage = 1000000000';

export interface Asked {
  readonly name: string;
  readonly isOverAll: boolean;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly mostMs: number;
}

/** Each question `rounds` times, one caller, after one time that fills caches. Throws where one is not answered. */
export async function askAll(shop: Shop, rounds: number): Promise<Asked[]> {
  const results: Asked[] = [];
  for (const [name, path] of Object.entries(pathsOf(await thingsOf(shop)))) {
    const headers = name.endsWith('CSV') ? { accept: 'text/csv' } : {};
    const ask = async (): Promise<void> => {
      const response = await shop.get(path.replace('/api/v1', ''), { headers });
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text.slice(0, 300)}`);
    };
    results.push({ name, isOverAll: false, ...(await timesOf(ask, rounds)) });
  }
  for (const [name, sql] of Object.entries(overAll))
    results.push({ name, isOverAll: true, ...(await timesOf(() => shop.change(`${sql} ${readerLimits}`), rounds)) });
  return results;
}

async function timesOf(ask: () => Promise<unknown>, rounds: number) {
  const took: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const beganMs = performance.now();
    await ask();
    if (round > 0) took.push(performance.now() - beganMs);
  }
  took.sort((a, b) => a - b);
  const atShare = (share: number): number => took[Math.min(took.length - 1, Math.floor(share * took.length))];
  return { p50Ms: atShare(0.5), p95Ms: atShare(0.95), mostMs: took[took.length - 1] };
}
