import { createHash } from 'node:crypto';
import { getIntrospectionQuery } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ListedDocuments, readDocumentList } from '../../src/serving/graphql/documents.ts';
import { makeGraphqlSchema } from '../../src/serving/graphql/schema.ts';
import { camel } from '../../src/serving/graphql/types.ts';
import { operationOf } from '../../src/serving/operations.ts';
import { inputMembers, outputShape } from '../../src/serving/shapes.ts';
import { secretOf, writeSecrets } from '../serving/secrets.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// What a query language lets one ask at once, deeply, in circles, under other names, or of others.
let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme', 'globex']);
});
afterAll(() => shop.close());

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');
const mark = 'mark(organization: "acme") { asOf }';
const repeat = (count: number, of: (n: number) => string) => Array.from({ length: count }, (_, n) => of(n)).join(' ');

/** Twenty fragments, each of which spreads the next one twice: a million fields. */
const bomb = `{ ...F0 } ${repeat(20, (n) => `fragment F${n} on Query { a${n}: ${mark} ...F${n + 1} ... { ...F${n + 1} } }`)} fragment F20 on Query { ${mark} }`;

test.each([
  ['many aliases of one field', `{ ${repeat(33, (n) => `a${n}: ${mark}`)} }`, 'another name'],
  [
    'aliases deep inside',
    `{ flights(organization: "acme") { data { ${repeat(33, (n) => `a${n}: status`)} } } }`,
    'another name',
  ],
  [
    'aliases by fragments',
    `{ ${repeat(11, () => '... { ...F }')} } fragment F on Query { ${repeat(3, (n) => `a${n}: ${mark}`)} }`,
    'another name',
  ],
  ['fragments that double', bomb, 'another name'],
  ['fragments in a circle', '{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }', 'inside of itself'],
  [
    'a fragment in itself',
    '{ mark(organization: "acme") { ...A } } fragment A on MarkAnswer { data { ...A } }',
    'inside of itself',
  ],
  ['dear things at once', `{ ${repeat(13, (n) => `a${n}: campaigns(organization: "acme") { asOf }`)} }`, 'costs 78'],
  [
    'long lists at once',
    `{ ${repeat(9, (n) => `a${n}: flights(organization: "acme", limit: 500) { asOf }`)} }`,
    'costs 63',
  ],
  ['lists without an end', '{ flights(organization: "acme", limit: 2147483647) { asOf } }', 'costs'],
  ['deep nesting', `{ mark(organization: "acme") ${'{ data '.repeat(10)} { version } ${'}'.repeat(10)} }`, 'nested'],
  ['a long document', `{ ${repeat(2_100, () => 'a')} }`, 'tokens'],
  ['a long name', `{ ${'a'.repeat(20_000)} }`, 'at most 16384 bytes'],
  [
    'many directives',
    `{ mark(organization: "acme") { asOf ${'@skip(if: false) '.repeat(50)} } }`,
    'directive "@skip" can only be used once',
  ],
  ['the schema twice', '{ a: __schema { queryType { name } } b: __schema { queryType { name } } }', 'once, and alone'],
  ['the schema beside data', `{ __schema { queryType { name } } ${mark} }`, 'once, and alone'],
  [
    'the schema in circles',
    `{ __schema { types ${'{ fields { type '.repeat(4)} { name } ${'} } '.repeat(4)} } }`,
    'introspection',
  ],
  [
    'the schema very deep',
    `{ __schema { types { fields { type ${'{ ofType '.repeat(14)} { name } ${'}'.repeat(14)} } } } }`,
    'nested',
  ],
])('%s is refused before anything runs', async (_, query, words) => {
  shop.calls.length = 0;
  const began = performance.now();
  const { status, body } = await shop.graphql({ query });
  expect([status, body.data], JSON.stringify(body).slice(0, 500)).toEqual([200, undefined]);
  expect(body.errors[0].message.toLowerCase()).toContain(words.toLowerCase());
  expect(body.errors[0].extensions.code).toBe('REQUEST_INVALID');
  expect(performance.now() - began).toBeLessThan(2_000);
  await expect.poll(() => shop.calls.length).toBe(1);
  expect(shop.calls[0].operation).toBe('other');
});

test('a limit that stands in a variable, or in its default, counts as well', async () => {
  const query = (declared: string) =>
    `query ($n: Int${declared}) { ${repeat(9, (n) => `a${n}: flights(organization: "acme", limit: $n) { asOf }`)} }`;
  const refusal = { errors: [{ message: expect.stringContaining('costs 63') }] };
  expect((await shop.graphql({ query: query(''), variables: { n: 500 } })).body).toMatchObject(refusal);
  expect((await shop.graphql({ query: query(' = 500') })).body).toMatchObject(refusal);
  expect((await shop.graphql({ query: query('') })).body.errors).toBeUndefined();
});

test('requests come one at a time, as JSON, and change nothing by GET', async () => {
  const send = (init: RequestInit, query = '') =>
    fetch(`${shop.server.url}/graphql${query}`, {
      ...init,
      headers: { authorization: 'Bearer operator', ...init.headers },
    });
  const json = { 'content-type': 'application/json' };
  const one = JSON.stringify({ query: `{ ${mark} }` });
  const write = 'mutation { deleteRule(organization: "acme", ruleId: "r", expectedVersion: "1") }';
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const tries: readonly (readonly [number, Promise<Response>])[] = [
    [400, send({ method: 'POST', headers: json, body: `[${one},${one}]` })],
    [415, send({ method: 'POST', headers: { 'content-type': 'text/plain' }, body: one })],
    [415, send({ method: 'POST', headers: form, body: `query=${encodeURIComponent(write)}` })],
    [415, send({ method: 'POST', headers: { 'content-type': 'application/graphql' }, body: write })],
    [400, send({ method: 'POST', headers: json, body: '{"query": 1}' })],
    [400, send({ method: 'POST', headers: json, body: '{}' })],
    [400, send({ method: 'POST', headers: json, body: '{"query":"{a}","variables":[1]}' })],
    [405, send({ method: 'GET' }, `?query=${encodeURIComponent(write)}`)],
    [400, send({ method: 'GET' }, `?query={a}&query=${encodeURIComponent(`{ ${mark} }`)}`)],
    [400, send({ method: 'GET' }, '?query={a}&variables={')],
    [405, send({ method: 'PUT', headers: json, body: one })],
  ];
  for (const [index, [status, answer]] of tries.entries())
    expect([index, (await answer).status]).toEqual([index, status]);
  const big = await send({ method: 'POST', headers: json, body: JSON.stringify({ query: 'a'.repeat(300_000) }) });
  expect(big.status).toBe(413);
});

const strangers = ['viewer~acme', 'editor~acme', 'admin~acme', '', 'nobody~globex', 'viewer'];

test.each(strangers)('no field shows or changes globex for "%s", alone or beside what it may see', async (token) => {
  for (const [field, name] of makeGraphqlSchema().operationOfField) {
    const described = operationOf(name);
    if (described.scope !== 'organization') continue;
    const shape = outputShape(name, described);
    const args = inputMembers(name, described)
      .filter(({ isOptional }) => !isOptional)
      .map(
        ({ name: member, shape: { kind } }) =>
          `${camel(member)}: ${kind === 'integer' || kind === 'long' ? 0 : '"globex-secret"'}`,
      );
    for (const organization of ['globex', 'GLOBEX', 'acme/globex']) {
      const asked = `${field}(${[`organization: ${JSON.stringify(organization)}`, ...args].join(', ')}) ${shape === null ? '' : '{ dataVersion asOf }'}`;
      const query = described.isWrite ? `mutation { theirs: ${asked} }` : `{ ours: ${mark} theirs: ${asked} }`;
      const { body } = await shop.graphql({ query }, { token });
      const refusal = body.errors.find(({ path }: { path: string[] }) => path?.[0] === 'theirs');
      expect(['UNAUTHENTICATED', 'FORBIDDEN'], `${name} ${organization}`).toContain(refusal.extensions.code);
      expect(body.data.theirs, name).toBeNull();
      if (token.endsWith('~acme') && !described.isWrite) expect(body.data.ours.asOf, name).not.toBeNull();
      expect(JSON.stringify(body.data)).not.toContain('globex');
    }
  }
});

test('a cursor of globex opens nothing in acme, nor that of another list', async () => {
  const flights = (organization: string, cursor: string | null = null) =>
    shop.graphql({
      query:
        'query ($o: ID!, $c: String) { flights(organization: $o, limit: 1, cursor: $c) { data { campaignId } nextCursor } }',
      variables: { o: organization, c: cursor },
    });
  await writeSecrets(shop, ['initech']);
  const { body } = await flights('initech');
  expect(body.data.flights.data).toEqual([{ campaignId: secretOf('initech') }]);
  expect((await flights('acme', 'AAAA')).body.errors[0].message).toContain('cursor: is none');
});

describe('documents by their hash', () => {
  test('nobody puts a text of theirs under the hash of another one', async () => {
    const query = `{ ${mark} }`;
    const theirs = '{ plan(organization: "acme") { asOf } }';
    const persistedQuery = { version: 1, sha256Hash: hashOf(query) };
    const { body } = await shop.graphql({ query: theirs, extensions: { persistedQuery } });
    expect(body.errors[0].message).toContain('sha256Hash: is not that of the query');
    expect((await shop.graphql({ extensions: { persistedQuery } })).body.errors[0].message).toBe(
      'PersistedQueryNotFound',
    );
    for (const sha256Hash of ['', '__proto__', hashOf(query).toUpperCase(), 7])
      expect(
        (await shop.graphql({ extensions: { persistedQuery: { version: 1, sha256Hash } } })).body.errors[0].message,
      ).toContain('sha256Hash');
  });

  test('where a list says which are taken, no other is, however it comes', async () => {
    const query = `{ ${mark} }`;
    const list = readDocumentList(JSON.stringify({ [hashOf(query)]: query }), 'list.json');
    const strict = await openShop({ documents: new ListedDocuments(list), graphql: { introspection: false } });
    try {
      const persistedQuery = { version: 1, sha256Hash: hashOf(query) };
      expect((await strict.graphql({ extensions: { persistedQuery } })).body.errors).toBeUndefined();
      expect((await strict.graphql({ query })).body.errors).toBeUndefined();
      const other = `{ ${mark} }  `;
      expect((await strict.graphql({ query: other })).body.errors[0].message).toContain('none of those that are taken');
      const byHash = { persistedQuery: { version: 1, sha256Hash: hashOf(other) } };
      expect((await strict.graphql({ query: other, extensions: byHash })).body.errors[0].message).toContain(
        'none of those',
      );
      expect((await strict.graphql({ extensions: byHash })).body.errors[0].message).toBe('PersistedQueryNotFound');
    } finally {
      await strict.close();
    }
  });

  test.each([
    ['{', 'is no JSON'],
    ['[]', 'is no JSON object'],
    ['{"ab":1}', 'has no text under ab'],
    ['{"ab":"{ a }"}', `names under ab a text whose SHA-256 is ${hashOf('{ a }')}`],
  ])('a list %s is refused with its file', (json, words) => {
    expect(() => readDocumentList(json, 'list.json')).toThrow(`serving.graphql.documents: list.json ${words}`);
  });
});

test('a schema that is not to be told is not guessed by its suggestions either', async () => {
  const closed = await openShop({ graphql: { introspection: false, answer_mb_max: 1 } });
  try {
    for (const query of [
      getIntrospectionQuery(),
      '{ __type(name: "Query") { name } }',
      '{ ...F } fragment F on Query { __schema { queryType { name } } }',
    ]) {
      const { body } = await closed.graphql({ query });
      expect([body.data, body.errors[0].message]).toEqual([undefined, 'the schema is not told here; docs/api/ has it']);
    }
    const { body } = await closed.graphql({ query: '{ flight(organization: "acme", campaignID: "x") { asOf } }' });
    expect(JSON.stringify(body)).not.toContain('campaignId"?');
    expect(JSON.stringify(body)).not.toContain('Did you mean');
    // Which type one has in hand is no secret.
    expect((await closed.graphql({ query: '{ __typename }' })).body).toEqual({ data: { __typename: 'Query' } });
  } finally {
    await closed.close();
  }
});
