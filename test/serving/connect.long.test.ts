import { create, type DescMethod, type DescService, toJson } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pacingSnapshots } from '../../src/rows/tables.ts';
import { readContract } from '../../src/serving/connect/contract.ts';
import { operationNames, operationOf } from '../../src/serving/operations.ts';
import { namesIn, routes } from '../../src/serving/rest/routes.ts';
import { secretOf, writeSecrets } from './secrets.ts';
import { nowMs, openShop, rowOf, type Shop } from './shop.ts';

// gRPC, gRPC-Web and Connect by a client that is not ours, over HTTP/1.1 and HTTP/2 on the one port.
let shop: Shop;
const contract = readContract();
const methodOf = new Map<string, DescMethod>();
for (const service of contract.services)
  for (const method of service.methods)
    if (!contract.operationOf(method).isWatched) methodOf.set(contract.operationOf(method).name, method);
const serviceNamed = (name: string): DescService => contract.services.find((each) => each.name === name)!;

beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme']);
  await shop.write(pacingSnapshots, [
    rowOf(pacingSnapshots, {
      ...{ org_id: 'acme', campaign_id: 'c1', flight_id: 'f', status: 'severely_behind' },
      ...{ as_of: nowMs - 60_000, evaluated_at: nowMs - 1_000, version: (1n << 48n) + 1n },
      ...{ budget_micros: 9_007_199_254_740_993n, spend_micros: null, osi_bp: 9_000n },
    }),
  ]);
});
afterAll(() => shop.close());

const transports: Readonly<Record<string, () => Transport>> = {
  'Connect over HTTP/1.1': () => createConnectTransport({ baseUrl: shop.server.url, httpVersion: '1.1' }),
  'Connect over HTTP/2': () => createConnectTransport({ baseUrl: shop.server.url, httpVersion: '2' }),
  'Connect by GET': () => createConnectTransport({ baseUrl: shop.server.url, httpVersion: '1.1', useHttpGet: true }),
  gRPC: () => createGrpcTransport({ baseUrl: shop.server.url }),
  'gRPC-Web over HTTP/1.1': () => createGrpcWebTransport({ baseUrl: shop.server.url, httpVersion: '1.1' }),
  'gRPC-Web over HTTP/2': () => createGrpcWebTransport({ baseUrl: shop.server.url, httpVersion: '2' }),
};

// biome-ignore lint/suspicious/noExplicitAny: the contract is read at run time, and every expectation says what it wants.
const clientOf = (service: string, transport: Transport): any => createClient(serviceNamed(service), transport);
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

test.each(Object.keys(transports))(
  '%s: money in 64 bits, unknown unset, instants, and what the answer knows',
  async (name) => {
    const client = clientOf('PacingService', transports[name]());
    const answer = await client.listFlights({ organization: 'acme', status: ['severely_behind'] }, as('viewer~acme'));
    expect(answer.data).toHaveLength(1);
    const [flight] = answer.data;
    expect([flight.campaignId, flight.budgetMicros, flight.osiBp]).toEqual(['c1', 9_007_199_254_740_993n, 9_000n]);
    expect(flight.spendMicros).toBeUndefined();
    expect(answer.dataVersion).toBe('1:1');
    expect(Number(answer.asOf.seconds) * 1_000).toBe(nowMs - 1_000);
    const first = await client.listFlights({ organization: 'acme', limit: 1 }, as('viewer~acme'));
    const next = await client.listFlights(
      { organization: 'acme', limit: 1, cursor: first.nextCursor },
      as('viewer~acme'),
    );
    expect(next.data[0].campaignId).toBe(secretOf('acme'));
  },
);

test.each(Object.keys(transports))('%s: a refusal has its status, code, words, and what to do', async (name) => {
  const client = clientOf('PacingService', transports[name]());
  const refused = async (call: Promise<unknown>) => {
    const error = await call.then(() => null, ConnectError.from);
    const [detail] = error!.findDetails(contract.errorDetail) as unknown as { code: string; next: string }[];
    return [error!.code, detail.code, error!.rawMessage, detail.next !== ''];
  };
  const acme = { organization: 'acme' };
  expect(await refused(client.listFlights(acme, as('viewer~globex')))).toEqual([
    ...[Code.PermissionDenied, 'FORBIDDEN', 'the caller is no member of it', true],
  ]);
  expect((await refused(client.listFlights(acme)))[0]).toBe(Code.Unauthenticated);
  expect(await refused(client.listFlights({ ...acme, limit: 501 }, as('viewer~acme')))).toEqual([
    ...[Code.InvalidArgument, 'REQUEST_INVALID', expect.stringContaining('limit:'), true],
  ]);
  expect((await refused(client.getFlight(acme, as('viewer~acme')))).slice(0, 2)).toEqual([
    ...[Code.InvalidArgument, 'REQUEST_INVALID'],
  ]);
  const missing = { ...acme, campaignId: 'none', flightId: 'none' };
  expect((await refused(client.getFlight(missing, as('viewer~acme')))).slice(0, 2)).toEqual([
    Code.NotFound,
    'NOT_FOUND',
  ]);
});

test('every operation that reads gives what it gives over REST', async () => {
  const given: Readonly<Record<string, string>> = { organization: 'acme', partition: '0', log_offset: '0' };
  const wordOf = (name: string) => given[name] ?? (name === 'user_id' ? shop.desk.memberOf.acme : secretOf('acme'));
  const transport = transports.gRPC();
  let equal = 0;
  for (const name of operationNames.filter((each) => !operationOf(each).isWrite)) {
    const method = methodOf.get(name)!;
    const members = namesIn(routes[name].path);
    const path = members.reduce(
      (filled, member) => filled.replace(`{${member}}`, encodeURIComponent(wordOf(member))),
      routes[name].path as string,
    );
    const rest = await shop.get(path);
    const said = (await rest.json()) as Record<string, unknown>;
    const input = Object.fromEntries(
      members.map((member) => [method.input.fields.find((field) => field.name === member)!.localName, wordOf(member)]),
    );
    const call = clientOf(method.parent.name, transport)[method.localName](
      { ...input, ...numbersOf(input) },
      as('operator'),
    );
    if (rest.status !== 200) {
      const error = await call.then(() => null, ConnectError.from);
      expect([name, error?.metadata.get('paceline-error-code')]).toEqual([name, said.code]);
      continue;
    }
    const json = toJson(method.output, await call, {
      ...{ registry: contract.registry, useProtoFieldName: true, alwaysEmitImplicit: true },
    });
    expect([name, plain(json)]).toEqual([name, plain(said)]);
    equal += 1;
  }
  expect(equal).toBeGreaterThanOrEqual(24);
  expect(shop.troubles).toEqual([]);
});

/** Offsets are 64 bits there. */
function numbersOf(input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return {
    ...(input.partition !== undefined && { partition: Number(input.partition) }),
    ...(input.logOffset !== undefined && { logOffset: BigInt(String(input.logOffset)) }),
  };
}

/** JSON of protobuf leaves unknowns out, has 64 bits as text, and instants without empty fractions. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, each]) => (each === null ? [] : [[name, plain(each)]])),
    );
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' ? value.replace(/^(\d{4}-.*:\d\d)\.000Z$/, '$1Z') : value;
}

test('curl speaks Connect: JSON to the path of the procedure', async () => {
  const response = await fetch(`${shop.server.url}/paceline.v1.PacingService/ListFlights`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer operator' },
    body: '{"organization": "acme", "limit": 1}',
  });
  expect([response.status, response.headers.get('ratelimit-remaining')]).toEqual([200, '99']);
  expect(await response.json()).toMatchObject({
    data: [{ campaignId: 'c1', budgetMicros: '9007199254740993', evaluatedAt: '2026-03-10T11:59:59Z' }],
  });
  const wrong = await fetch(`${shop.server.url}/paceline.v1.PacingService/ListFlights`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer operator' },
    body: '{"organization": "acme", "colour": "red"}',
  });
  expect([wrong.status, ((await wrong.json()) as { code: string }).code]).toEqual([400, 'invalid_argument']);
});

test('a stream of marks begins with the present, goes on with each change, and ends with its caller’s rights', async () => {
  const client = clientOf('PacingService', transports.gRPC());
  const marks = client.watchMark({ organization: 'acme' }, as('viewer~acme'))[Symbol.asyncIterator]();
  const first = await marks.next();
  expect(first.value.data.flights.rows).toBe(2n);
  await shop.write(pacingSnapshots, [
    rowOf(pacingSnapshots, {
      ...{ org_id: 'acme', campaign_id: 'c2', flight_id: 'f', status: 'behind', version: (1n << 48n) + 2n },
      ...{ as_of: nowMs, evaluated_at: nowMs },
    }),
  ]);
  expect((await marks.next()).value.data.flights.rows).toBe(3n);
  shop.revoked.add('viewer~acme');
  const end = await marks.next().then(() => null, ConnectError.from);
  expect(end.code).toBe(Code.Unauthenticated);
  shop.revoked.clear();
});

test('each call is told of once, by its operation and error', async () => {
  shop.calls.length = 0;
  const client = clientOf('PlanService', transports.gRPC());
  await client.getPlan({ organization: 'globex' }, as('viewer~acme')).catch(() => null);
  await expect.poll(() => shop.calls.length).toBe(1);
  expect(shop.calls[0]).toMatchObject({
    ...{ door: 'connect', operation: 'getPlan', orgId: 'globex', error: 'FORBIDDEN', method: 'POST' },
  });
});

test('messages of every procedure can be made from nothing', () => {
  for (const method of methodOf.values()) expect(create(method.input).$typeName).toBe(method.input.typeName);
});
