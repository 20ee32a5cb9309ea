import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { KeptAnswers } from '../../src/serving/cache/kept-answers.ts';
import { SharedQueryCache } from '../../src/serving/cache/shared-query-cache.ts';
import { LocalRateLimiter } from '../../src/serving/limits/local-rate-limiter.ts';
import { nowMs, openShop, rowOf, type Shop } from '../serving/shop.ts';

// What doors made of an answer is given again to whoever asks the same, and to nobody who may not have it.
const hits: string[] = [];
let shop: Shop;

beforeAll(async () => {
  const memory = new KeptAnswers(16 * 1_048_576);
  const kept = { memory, server: null, ttlMs: 600_000, answerBytesMax: 1_048_576 };
  shop = await openShop({ cache: new SharedQueryCache({ ...kept, onOutcome: (outcome) => hits.push(outcome) }) });
  await write(1);
});
afterAll(() => shop.close());

const write = (version: number) =>
  shop.write(
    pacingSnapshots,
    ['acme', 'globex'].map((org_id) =>
      rowOf(pacingSnapshots, {
        ...{ org_id, campaign_id: `${org_id}-c`, flight_id: `f${version}`, currency: 'EUR', status: 'on_track' },
        ...{ goal: 'MONEY', as_of: nowMs - 60_000, evaluated_at: nowMs - 1_000 + version, version: BigInt(version) },
      }),
    ),
  );

interface Told {
  readonly status: number;
  readonly text: string;
}

type Ask = (token: string, organization: string) => Promise<Told>;

const post = async (path: string, token: string, body: string | Uint8Array<ArrayBuffer>, headers = {}) => {
  const authorization = { authorization: `Bearer ${token}`, ...headers };
  const response = await fetch(`${shop.server.url}${path}`, { method: 'POST', headers: authorization, body });
  return { status: response.status, text: Buffer.from(await response.arrayBuffer()).toString('latin1') };
};
const json = { 'content-type': 'application/json' };
const procedure = '/paceline.v1.PacingService/ListFlights';

/** `organization` is the first field of the request. */
const message = (organization: string) =>
  Uint8Array.from([0x0a, organization.length, ...Buffer.from(organization)]) as Uint8Array<ArrayBuffer>;
const framed = (organization: string) => {
  const bytes = message(organization);
  return Uint8Array.from([0, 0, 0, 0, bytes.length, ...bytes]) as Uint8Array<ArrayBuffer>;
};

const doors: Readonly<Record<string, Ask>> = {
  graphql: (token, organization) => {
    const query = `{ flights(organization: "${organization}") { data { campaignId flightId } } }`;
    return post('/graphql', token, JSON.stringify({ query }), json);
  },
  'graphql of two organizations': (token, organization) => {
    const query = `query($o: ID!) { a: flights(organization: $o) { data { flightId campaignId } } b: flights(organization: "acme") { asOf } }`;
    return post('/graphql', token, JSON.stringify({ query, variables: { o: organization } }), json);
  },
  connect: (token, organization) => post(procedure, token, JSON.stringify({ organization }), json),
  'connect, with a deadline': (token, organization) =>
    post(procedure, token, JSON.stringify({ organization }), { ...json, 'connect-timeout-ms': '30000' }),
  'connect, binary': (token, organization) =>
    post(procedure, token, message(organization), { 'content-type': 'application/proto' }),
  'gRPC-Web': (token, organization) =>
    post(procedure, token, framed(organization), { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' }),
  gRPC: (token, organization) =>
    new Promise((resolve, reject) => {
      const client = connect(shop.server.url);
      client.on('error', reject);
      const asked = client.request({
        ...{ ':method': 'POST', ':path': procedure, 'content-type': 'application/grpc+proto', te: 'trailers' },
        ...{ authorization: `Bearer ${token}`, 'grpc-timeout': '29S' },
      });
      const pieces: Buffer[] = [];
      let state = '';
      asked.on('response', (headers) => {
        state = String(headers['grpc-status'] ?? '');
      });
      asked.on('trailers', (trailers) => {
        state = String(trailers['grpc-status'] ?? '');
      });
      asked.on('data', (piece) => pieces.push(piece));
      asked.on('error', reject);
      asked.on('close', () => {
        client.close();
        resolve({ status: state === '0' ? 200 : Number(state), text: Buffer.concat(pieces).toString('latin1') });
      });
      asked.end(framed(organization));
    }),
};

test.each(Object.entries(doors))(
  '%s gives what was made before to who may have it alone, and never old data',
  async (name, ask) => {
    const both = name.includes('two');
    const friend = both ? 'operator' : 'viewer~globex';
    const first = await ask(friend, 'globex');
    expect(first, name).toMatchObject({ status: 200, text: expect.stringContaining('globex-c') });
    for (let round = 0; round < 3; round += 1) expect(await ask(friend, 'globex')).toEqual(first);
    hits.length = 0;
    expect(await ask(friend, 'globex')).toEqual(first);
    expect(hits, 'each operation is asked each time').toEqual(both ? ['memory', 'memory'] : ['memory']);
    for (const token of ['viewer~acme', 'admin~acme', 'nobody', '', 'operator~globex']) {
      const refused = await ask(token, 'globex');
      expect(refused.text, `${token} sees nothing`).not.toContain('globex-c');
    }
    if (!both) expect((await ask('viewer~acme', 'acme')).text).not.toContain('globex');
    // A session that ends between two equal requests.
    shop.revoked.add(friend);
    expect((await ask(friend, 'globex')).text).not.toContain('globex-c');
    shop.revoked.delete(friend);
    const version = Object.keys(doors).indexOf(name) + 2;
    await write(version);
    expect((await ask(friend, 'globex')).text).toContain(`f${version}`);
    expect(shop.troubles).toEqual([]);
  },
);

test('what is given again counts as what is made', async () => {
  const allowance = { burst: 20, perSecond: 0.001 };
  const wide = { burst: 10_000, perSecond: 10_000 };
  const allowances = { organization: wide, actor: allowance, address: wide, login: wide };
  const limiter = new LocalRateLimiter({ allowances, steadyMs: () => performance.now() });
  const memory = new KeptAnswers(1_048_576);
  const cache = new SharedQueryCache({ memory, server: null, ttlMs: 600_000, answerBytesMax: 1_048_576 });
  const counted = await openShop({ limiter, cache });
  try {
    const told: number[] = [];
    for (let n = 0; n < 12; n += 1) {
      const headers = { ...json, authorization: 'Bearer viewer~acme' };
      const body = JSON.stringify({ organization: 'acme' });
      const response = await fetch(`${counted.server.url}${procedure}`, { method: 'POST', headers, body });
      told.push(response.status);
      await response.arrayBuffer();
    }
    expect(told).toEqual([...new Array(10).fill(200), 429, 429]);
  } finally {
    await counted.close();
  }
});
