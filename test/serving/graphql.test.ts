import { createHash } from 'node:crypto';
import { buildClientSchema, getIntrospectionQuery, printSchema } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { makeGraphqlSchema } from '../../src/serving/graphql/schema.ts';
import { camel } from '../../src/serving/graphql/types.ts';
import { operationNames, operationOf } from '../../src/serving/operations.ts';
import { namesIn, routes } from '../../src/serving/rest/routes.ts';
import { inputMembers, outputShape, type Shape } from '../../src/serving/shapes.ts';
import { oneRule } from './rules-in-memory.ts';
import { secretOf, writeSecrets } from './secrets.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

// GraphQL over the very operations that REST has: the same answers, and its own manners.
let shop: Shop;
const { operationOfField } = makeGraphqlSchema();

beforeAll(async () => {
  shop = await openShop({ rules: oneRule() });
  await writeSecrets(shop, ['acme']);
  const flights = [1, 2, 3].map((n) =>
    rowOf(pacingSnapshots, {
      ...{ org_id: 'acme', campaign_id: `c${n}`, flight_id: 'f', status: n === 1 ? 'severely_behind' : 'on_track' },
      ...{ as_of: nowMs - 60_000, evaluated_at: nowMs - 1_000, version: (1n << 48n) + BigInt(n) },
      ...{ budget_micros: 9_007_199_254_740_993n, spend_micros: null, osi_bp: 9_000n },
    }),
  );
  await shop.write(pacingSnapshots, flights);
});
afterAll(() => shop.close());

/** Every member of a shape. */
function everything(shape: Shape): string {
  if (shape.kind === 'list') return everything(shape.of);
  if (shape.kind !== 'object') return '';
  return `{ ${shape.members.map(({ name, shape: inner }) => `${camel(name)} ${everything(inner)}`).join(' ')} }`;
}

function inCamels(value: unknown, isJson: (name: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((each) => inCamels(each, isJson));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, each]) => [
    camel(name),
    isJson(name) ? each : inCamels(each, isJson),
  ]);
  return Object.fromEntries(members);
}

const given: Readonly<Record<string, string>> = {
  ...{ organization: 'acme', partition: '0', log_offset: '0' },
};
const wordOf = (name: string) => given[name] ?? (name === 'user_id' ? shop.desk.memberOf.acme : secretOf('acme'));

test('every operation that reads gives what it gives over REST', async () => {
  let equal = 0;
  for (const [field, name] of operationOfField) {
    const described = operationOf(name);
    if (described.isWrite) continue;
    const members = inputMembers(name, described).filter((each) => !each.isOptional);
    const args = [
      ...(described.scope === 'organization' ? ['organization: "acme"'] : []),
      ...members.map(({ name: member, shape }) => {
        const value = wordOf(member);
        return `${camel(member)}: ${shape.kind === 'integer' || shape.kind === 'long' ? value : JSON.stringify(value)}`;
      }),
    ];
    const shape = outputShape(name, described)!;
    const query = `{ ${field}${args.length > 0 ? `(${args.join(', ')})` : ''} { data ${everything(shape)} nextCursor dataVersion completeThrough reach asOf } }`;
    const { body } = await shop.graphql({ query });
    const path = namesIn(routes[name].path).reduce(
      (filled, member) => filled.replace(`{${member}}`, encodeURIComponent(wordOf(member))),
      routes[name].path as string,
    );
    const rest = await shop.get(path);
    const said = (await rest.json()) as { code?: string };
    if (rest.status !== 200) {
      expect([name, body.errors?.[0].extensions.code], JSON.stringify(body)).toEqual([name, said.code]);
      continue;
    }
    expect(body.errors, name).toBeUndefined();
    expect([name, body.data[field]]).toEqual([
      name,
      inCamels(said, (member) => ['values', 'before', 'after', 'document', 'fields'].includes(member)),
    ]);
    equal += 1;
  }
  expect(equal).toBeGreaterThanOrEqual(24);
  expect(shop.troubles).toEqual([]);
});

test('nothing writes but what writes rules and sends records again', () => {
  const writing = operationNames.filter((name) => operationOf(name).isWrite);
  const shown = new Set(operationOfField.values());
  expect(writing.filter((name) => shown.has(name))).toEqual(
    writing.filter((name) => ['rules.write', 'records.write'].includes(String(operationOf(name).permission))),
  );
  expect(operationNames.filter((name) => !operationOf(name).isWrite && !shown.has(name))).toEqual([]);
});

test('money keeps every digit, unknown is null, choices are named, and several things come at once', async () => {
  const query = `query Board($organization: ID!, $status: [PacingStatus!]) {
    worst: flights(organization: $organization, status: $status) { data { ...Money } dataVersion asOf completeThrough }
    page: flights(organization: $organization, limit: 1) { data { campaignId } nextCursor }
    summarizeFlights(organization: $organization) { data { status flights } }
  }
  fragment Money on BoardFlight { campaignId budgetMicros spendMicros osiBp evaluatedAt version }`;
  const { status, body, headers } = await shop.graphql({
    query,
    variables: { organization: 'acme', status: ['severely_behind'] },
  });
  expect(status).toBe(200);
  expect(body.errors).toBeUndefined();
  expect(body.data.worst).toEqual({
    data: [
      {
        ...{ campaignId: 'c1', budgetMicros: '9007199254740993', spendMicros: null, osiBp: 9000, version: '1:1' },
        evaluatedAt: '2026-03-10T11:59:59.000Z',
      },
    ],
    ...{ dataVersion: '1:1', asOf: '2026-03-10T11:59:59.000Z', completeThrough: '2026-03-10T11:59:00.000Z' },
  });
  expect(body.data.summarizeFlights.data).toContainEqual({ status: 'on_track', flights: 2 });
  expect(headers.get('ratelimit-remaining')).toBe('99');
  const next = await shop.graphql({
    query:
      'query ($cursor: String) { flights(organization: "acme", limit: 1, cursor: $cursor) { data { campaignId } } }',
    variables: { cursor: body.data.page.nextCursor },
  });
  expect(next.body.data.flights.data[0].campaignId).not.toBe(body.data.page.data[0].campaignId);
});

test('what one field may not see leaves the others as they are, with a code, a place and what to do', async () => {
  const { status, body } = await shop.graphql(
    { query: '{ flights(organization: "acme") { data { campaignId } } engine { data { version } } }' },
    { token: 'viewer~acme', headers: { 'x-request-id': 'mine-0815' } },
  );
  expect(status).toBe(200);
  expect(body.data.flights.data).toHaveLength(4);
  expect(body.data.engine).toBeNull();
  expect(body.errors).toEqual([
    {
      ...{ message: 'getEngine needs the permission engine.read', path: ['engine'] },
      locations: [{ line: 1, column: 57 }],
      extensions: { code: 'FORBIDDEN', next: expect.stringContaining('Ask an admin'), request_id: 'mine-0815' },
    },
  ]);
});

test('rules are written, one edit after the other, and mistakes come back with their places', async () => {
  const put = (variables: object, token = 'editor~acme') =>
    shop.graphql(
      {
        query: `mutation ($text: String!, $seen: String) {
          putRule(organization: "acme", ruleId: "mine", text: $text, expectedVersion: $seen) { data { ruleId text version } }
        }`,
        variables,
      },
      { token },
    );
  expect((await put({ text: 'id: mine' })).body).toEqual({
    data: { putRule: { data: { ruleId: 'mine', text: 'id: mine', version: '1' } } },
  });
  const codes = async (variables: object, token?: string) => (await put(variables, token)).body.errors[0];
  expect(await codes({ text: 'id: mine' })).toMatchObject({ extensions: { code: 'EDIT_CONFLICT' } });
  expect(await codes({ text: 'id: mine\nwrong: 1', seen: '1' })).toMatchObject({
    message: 'postgres rules(acme/mine):2:5: wrong is no member',
    extensions: { code: 'RULE_INVALID' },
  });
  expect(await codes({ text: 'x', seen: '1' }, 'viewer~acme')).toMatchObject({ extensions: { code: 'FORBIDDEN' } });
  expect((await put({ text: 'id: mine # two', seen: '1' })).body.data.putRule.data.version).toBe('2');
  const gone = await shop.graphql({
    query: 'mutation { deleteRule(organization: "acme", ruleId: "mine", expectedVersion: "2") }',
  });
  expect(gone.body).toEqual({ data: { deleteRule: true } });
});

test('reads come by GET, too, and both media types have their statuses', async () => {
  const path = `${shop.server.url}/graphql?query=${encodeURIComponent('query ($n: Int) { flights(organization: "acme", limit: $n) { data { campaignId } } }')}&variables=${encodeURIComponent('{"n":1}')}`;
  const get = (url: string, accept?: string) =>
    fetch(url, { headers: { authorization: 'Bearer operator', ...(accept === undefined ? {} : { accept }) } });
  const found = await get(path);
  expect([found.status, found.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  expect(await found.json()).toMatchObject({ data: { flights: { data: [{ campaignId: 'c1' }] } } });
  const newer = 'application/graphql-response+json';
  const wrong = `${shop.server.url}/graphql?query={`;
  expect((await get(wrong)).status).toBe(200);
  const refused = await get(wrong, newer);
  expect([refused.status, refused.headers.get('content-type')]).toEqual([400, `${newer}; charset=utf-8`]);
  expect(await refused.json()).toMatchObject({ errors: [{ extensions: { code: 'REQUEST_INVALID' } }] });
  expect((await get(path, 'text/html')).status).toBe(406);
});

test.each([
  ['{ flights { data { campaignId } } }', {}, 'organization'],
  ['{ flights(organization: "acme") { data { campaign } } }', {}, 'Did you mean "campaignId"'],
  ['{ flights(organization: "acme", limit: 0) { data { campaignId } } }', {}, 'limit:'],
  ['{ flights(organization: "acme", status: [FINE]) { data { campaignId } } }', {}, 'PacingStatus'],
  ['{ flights(organization: "a b") { data { campaignId } } }', {}, 'organization: must be'],
  ['{ snapshots(organization: "acme", campaignId: "c", flightId: "f", from: "x") { data { mode } } }', {}, 'from:'],
  ['query ($n: Int) { flights(organization: "acme", limit: $n) { data { campaignId } } }', { n: 1.5 }, '$n'],
  ['query A { mark(organization: "a") { asOf } } query B { mark(organization: "b") { asOf } }', {}, 'operationName'],
  ['subscription { mark(organization: "acme") { asOf } }', {}, 'subscription'],
  [
    '{ deadLetterRecord: deadLetter(organization: "acme", topic: "t", partition: 0, logOffset: 9.5) { asOf } }',
    {},
    'Long',
  ],
  ['fragment F on Query { mark(organization: "a") { asOf } }', {}, 'operationName'],
  ['', {}, 'Syntax Error'],
])('%s is refused with its reason', async (query, variables, words) => {
  const { body } = await shop.graphql({ query, variables });
  expect(body.errors[0].extensions.code, JSON.stringify(body)).toBe('REQUEST_INVALID');
  expect(body.errors[0].message).toContain(words);
  expect(Object.values(body.data ?? {}).every((each) => each === null)).toBe(true);
});

test('a document that was sent with its hash is known by it', async () => {
  const query = '{ mark(organization: "acme") { asOf } }';
  const persistedQuery = { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') };
  const unknown = await shop.graphql({ extensions: { persistedQuery } });
  expect(unknown.body.errors[0]).toMatchObject({
    message: 'PersistedQueryNotFound',
    extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
  });
  const first = await shop.graphql({ query, extensions: { persistedQuery } });
  expect(first.body.data.mark.asOf).toBe('2026-03-10T11:59:59.000Z');
  expect((await shop.graphql({ extensions: { persistedQuery } })).body).toEqual(first.body);
  const url = `${shop.server.url}/graphql?extensions=${encodeURIComponent(JSON.stringify({ persistedQuery }))}`;
  const got = await fetch(url, { headers: { authorization: 'Bearer operator' } });
  expect(await got.json()).toEqual(first.body);
});

test('tools read the schema, which is the printed one', async () => {
  const { body } = await shop.graphql({ query: getIntrospectionQuery() }, { token: '' });
  expect(body.errors).toBeUndefined();
  expect(printSchema(buildClientSchema(body.data))).toBe(printSchema(makeGraphqlSchema().schema));
});

test('each request is told of once, by its operation and organization where it has one', async () => {
  shop.calls.length = 0;
  await shop.graphql({ query: '{ a: mark(organization: "acme") { asOf } b: mark(organization: "acme") { asOf } }' });
  await shop.graphql({ query: '{ mark(organization: "acme") { asOf } plan(organization: "globex") { asOf } }' });
  await shop.graphql({ query: '{' });
  await expect.poll(() => shop.calls.length).toBe(3);
  expect(shop.calls).toMatchObject([
    { door: 'graphql', operation: 'getMark', orgId: 'acme', actor: 'user:operator', error: null },
    { door: 'graphql', operation: 'several', orgId: null, error: 'NOT_FOUND' },
    { door: 'graphql', operation: 'other', error: 'REQUEST_INVALID' },
  ]);
});
