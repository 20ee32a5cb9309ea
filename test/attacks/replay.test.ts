import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { deadLetters } from '../../src/rows/tables.ts';
import { nowMs, openShop, rowOf, type Shop } from '../serving/shop.ts';
import { topic } from '../serving/small-log.ts';

// Somebody of acme wants to write into the log of globex, read its records, or write twice. Nothing of it happens.
let shop: Shop;
const secret = 'globex-secret-campaign';
const letters: Record<string, string> = {};
const ends = async () => {
  const { log } = shop.events;
  return [(await log.placeOf('acme')).offset, (await log.placeOf('globex')).offset];
};

beforeAll(async () => {
  shop = await openShop();
  for (const [n, org] of ['acme', 'globex'].entries()) {
    const value = Buffer.from(
      event(org, { campaign_id: `${org}-secret-campaign`, event_id: String(n).padStart(32, '0') }),
    );
    const partition = shop.events.partitionOf(org);
    const offset = await shop.events.put(org, value);
    letters[org] = `${topic}/${partition}/${offset}`;
    await shop.write(deadLetters, [
      rowOf(deadLetters, {
        ...{
          org_id: org,
          topic,
          partition,
          log_offset: BigInt(offset),
          log_time: nowMs - 9_000_000,
          reason: 'unknown_schema',
        },
        ...{ detail: `of ${org}-secret`, schema_id: -1, key: Buffer.from(org), raw: value, raw_length: value.length },
        ...{ raw_sha256: createHash('sha256').update(value).digest('hex'), version: (1n << 48n) | BigInt(offset) },
      }),
    ]);
  }
});
afterAll(() => shop.close());
afterEach(() => expect(shop.troubles).toEqual([]));

function event(org: string, more: object = {}): string {
  return JSON.stringify({
    ...{ type: 'click', event_id: 'f'.repeat(32), org_id: org, campaign_id: 'c', event_time: nowMs - 3_600_000 },
    ...{ source: 'adserver', currency: 'EUR', cost_micros: 1, ...more },
  });
}

async function post(
  body: unknown,
  { org = 'acme', token = 'admin~acme', headers = {} } = {},
): Promise<{ status: number; text: string }> {
  const response = await fetch(`${shop.server.url}/api/v1/organizations/${org}/dead-letter-replays`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

test('a foreign letter is sent by no name of it, and none of its bytes come back', async () => {
  const before = await ends();
  const own = letters.acme;
  for (const body of [
    { letters: [letters.globex] },
    { letters: [letters.globex], value: event('acme') },
    { letters: [letters.globex], value: event('globex') },
    { letters: [own], value: event('globex') },
    { letters: [own], value: JSON.stringify({ type: 'tick' }) },
    {
      letters: [own],
      value: JSON.stringify({ type: 'org_plan', org_id: 'acme', number: 99, hash: '', body: '{}', signature: '' }),
    },
    {
      letters: [own],
      value: JSON.stringify({ type: 'org_plan', org_id: '_default', number: 99, hash: '', body: '{}', signature: '' }),
    },
    { letters: [own], value: `${event('acme')}${event('globex')}` },
    { letters: [own], value: `${event('acme').slice(0, -1)},"org_id":"globex"}` },
    { reason: 'unknown_schema', source: secret },
  ]) {
    const { status, text } = await post(body);
    expect(status, text).toBe(200);
    expect(JSON.parse(text).data.sent, text).toBe(0);
    expect(text, JSON.stringify(body)).not.toContain('globex-secret');
  }
  expect(await ends()).toEqual(before);
});

test('members that the operation does not have change nothing', async () => {
  const before = await ends();
  const wrong: readonly object[] = [
    { organization_key: 'globex' },
    { organization: 'globex' },
    { org_id: 'globex' },
    { partition: 0 },
    { replay_id: '0b0e5c1a-6a55-4d0e-9b8e-6a3c6f0f2a11' },
    { is_dry_run: false },
    { constructor: 1 },
  ];
  for (const more of wrong)
    expect((await post({ letters: [letters.acme], ...more })).status, JSON.stringify(more)).toBe(400);
  for (const name of [
    '*',
    `${topic}/0`,
    `${letters.acme}/0`,
    `../${letters.globex}`,
    `${letters.acme}' OR 1`,
    `${letters.acme}\0`,
  ])
    expect((await post({ letters: [name] })).status, name).toBe(400);
  expect((await post({ letters: Array.from({ length: 101 }, (_, n) => `${topic}/0/${n}`) })).status).toBe(400);
  expect((await post({ letters: [letters.acme], value: 'x'.repeat(65_537) })).status).toBe(400);
  expect((await post('x'.repeat(300_000))).status).toBe(413);
  // What a form of another site can send.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    expect((await post({ letters: [letters.acme] }, { headers: { 'content-type': type } })).status, type).toBe(415);
  expect(await ends()).toEqual(before);
});

test('whoever may not write sends nothing on any door', async () => {
  const before = await ends();
  for (const token of ['viewer~acme', 'editor~acme', 'viewer~globex', 'admin~globex', 'nobody~acme', '']) {
    expect([401, 403], token).toContain((await post({ letters: [letters.acme] }, { token })).status);
    const { body } = await shop.graphql(
      {
        query: `mutation { a: replayDeadLetters(organization: "acme", letters: ["${letters.acme}"]) { data { sent } } }`,
      },
      { token },
    );
    expect(body.data?.a ?? null, JSON.stringify(body)).toBe(null);
    const rpc = await fetch(`${shop.server.url}/paceline.v1.RecordService/ReplayDeadLetters`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ organization: 'acme', letters: [letters.acme] }),
    });
    expect([401, 403], token).toContain(rpc.status);
  }
  // Reading by GET is for what changes nothing.
  const asked = encodeURIComponent(JSON.stringify({ organization: 'acme', letters: [letters.acme] }));
  const got = await fetch(
    `${shop.server.url}/paceline.v1.RecordService/ReplayDeadLetters?connect=v1&encoding=json&message=${asked}`,
    {
      headers: { authorization: 'Bearer admin~acme' },
    },
  );
  expect(got.status).toBe(405);
  expect(await ends()).toEqual(before);
});

test('two aliases, and two doors at once, send a letter once', async () => {
  const [before] = await ends();
  const one = `replayDeadLetters(organization: "acme", letters: ["${letters.acme}"]) { data { sent } }`;
  await Promise.all([
    shop.graphql({ query: `mutation { a: ${one} b: ${one} }` }, { token: 'admin~acme' }),
    post({ letters: [letters.acme] }),
    post({ reason: 'unknown_schema' }),
  ]);
  expect((await ends())[0]).toBe(before + 1);
});

test('a record of globex is shown to nobody of acme, by no address, and its replays neither', async () => {
  const [of, partition, offset] = letters.globex.split('/');
  for (const path of [
    `records/${letters.globex}`,
    `dead-letters/${letters.globex}`,
    `records/${of}/${partition}/${offset}?organization=globex`,
    `records/${of}/0${partition}/${offset}`,
    `records/..%2F..%2Fglobex/${partition}/${offset}`,
    `records/${of}/-1/${offset}`,
    `records/${of}/${partition}/99999999999999999999`,
  ]) {
    const response = await shop.get(`/organizations/acme/${path}`, { token: 'admin~acme' });
    const text = await response.text();
    expect([400, 404], `${path} ${text}`).toContain(response.status);
    expect(text, path).not.toContain('globex-secret');
  }
  await post({ letters: [letters.globex] }, { org: 'globex', token: 'admin~globex' });
  const listed = await shop.get(
    `/organizations/acme/dead-letter-replays?topic=${of}&partition=${partition}&log_offset=${offset}`,
    { token: 'admin~acme' },
  );
  expect(((await listed.json()) as { data: unknown[] }).data).toEqual([]);
});

test('a cursor of another choice, list or organization goes on with nothing', async () => {
  const first = await post({ limit: 1, dry_run: true }, { org: 'acme' });
  const list = await shop.get('/organizations/acme/dead-letters?limit=1', { token: 'admin~acme' });
  const foreign = await post({ limit: 1, dry_run: true }, { org: 'globex', token: 'admin~globex' });
  const cursors = [
    JSON.parse(foreign.text).next_cursor,
    ((await list.json()) as { next_cursor: string | null }).next_cursor,
    'AAAA',
    `${JSON.parse(first.text).next_cursor}A`,
  ];
  for (const cursor of cursors.filter((each) => each !== null))
    expect((await post({ limit: 1, dry_run: true, reason: 'bad_json', cursor })).status, String(cursor)).toBe(400);
});
