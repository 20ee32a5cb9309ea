import { gzipSync } from 'node:zlib';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readContract } from '../../src/serving/connect/contract.ts';
import { operationOf } from '../../src/serving/operations.ts';
import { inputMembers } from '../../src/serving/shapes.ts';
import { writeSecrets } from '../serving/secrets.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// What is sent to procedures by those who may not, or who mean no procedure at all.
let shop: Shop;
const contract = readContract();
const methods = contract.services.flatMap(({ methods: own }) => own);

beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme', 'globex']);
});
afterAll(() => shop.close());

const json = { 'content-type': 'application/json' };
const send = (procedure: string, init: RequestInit) =>
  fetch(`${shop.server.url}/paceline.v1.${procedure}`, { method: 'POST', ...init });

const strangers = ['viewer~acme', 'editor~acme', 'admin~acme', '', 'nobody~globex', 'viewer'];

test.each(strangers)('no procedure shows or changes globex for "%s"', async (token) => {
  for (const method of methods) {
    const { name, isWatched } = contract.operationOf(method);
    const described = operationOf(name);
    if (described.scope !== 'organization' || isWatched) continue;
    const members = inputMembers(name, described).map(({ name: member, shape: { kind } }) => [
      member,
      kind === 'text' || kind === 'choice' ? 'globex-secret' : undefined,
    ]);
    for (const organization of ['globex', 'GLOBEX', 'globex ', 'acme/globex', '_default', '*']) {
      const body = JSON.stringify({ ...Object.fromEntries(members), cursor: undefined, organization });
      const response = await send(`${method.parent.name}/${method.name}`, {
        headers: { ...json, ...(token === '' ? {} : { authorization: `Bearer ${token}` }) },
        body,
      });
      const text = await response.text();
      expect([401, 403], `${name} ${organization} ${text}`).toContain(response.status);
      expect(text.replaceAll('"globex-secret"', ''), name).not.toContain('globex-');
    }
  }
});

test('a stream of another organization never begins', async () => {
  const service = contract.services.find(({ name }) => name === 'PacingService')!;
  // biome-ignore lint/suspicious/noExplicitAny: the contract is read at run time.
  const client = createClient(service, createGrpcTransport({ baseUrl: shop.server.url })) as any;
  const headers = { authorization: 'Bearer viewer~acme' };
  const marks = client.watchMark({ organization: 'globex' }, { headers })[Symbol.asyncIterator]();
  expect((await marks.next().then(() => null, ConnectError.from)).code).toBe(Code.PermissionDenied);
});

const operator = { authorization: 'Bearer operator' };
const asked = JSON.stringify({ organization: 'acme' });
/** A frame of gRPC: flags, length, and what they promise. */
const frame = (flags: number, length: number, bytes: Uint8Array) => {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return new Uint8Array(Buffer.concat([head, bytes]));
};

test.each([
  [
    'a form',
    'PlanService/GetPlan',
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: asked },
    415,
  ],
  ['text', 'PlanService/GetPlan', { headers: { 'content-type': 'text/plain' }, body: asked }, 415],
  ['no JSON', 'PlanService/GetPlan', { headers: json, body: '{' }, 400],
  ['a list', 'PlanService/GetPlan', { headers: json, body: `[${asked}]` }, 400],
  ['a member too many', 'PlanService/GetPlan', { headers: json, body: '{"organization":"acme","role":"admin"}' }, 400],
  [
    'a member twice',
    'PlanService/GetPlan',
    { headers: json, body: '{"organization":"acme","organization":"globex"}' },
    400,
  ],
  ['an unknown procedure', 'PlanService/DropPlan', { headers: json, body: asked }, 404],
  ['an unknown service', 'SecretService/GetPlan', { headers: json, body: asked }, 404],
  ['a path behind it', 'PlanService/GetPlan/x', { headers: json, body: asked }, 404],
  ['an unknown packing', 'PlanService/GetPlan', { headers: { ...json, 'content-encoding': 'br' }, body: asked }, 501],
  [
    'a deadline of a year',
    'PlanService/GetPlan',
    { headers: { ...json, 'connect-timeout-ms': '9999999999' }, body: asked },
    400,
  ],
  [
    'a long body',
    'PlanService/GetPlan',
    { headers: json, body: JSON.stringify({ organization: 'a'.repeat(300_000) }) },
    429,
  ],
  ['PUT', 'PlanService/GetPlan', { method: 'PUT', headers: json, body: asked }, 405],
] as const)('%s is refused', async (_, procedure, init, status) => {
  const response = await send(procedure, { ...init, headers: { ...operator, ...init.headers } });
  expect([response.status, await response.text()]).toEqual([status, expect.not.stringContaining('acme-secret')]);
});

test('little that unpacks to much is too long', async () => {
  const bomb = gzipSync(Buffer.alloc(50 * 1_048_576, ' '));
  const response = await send('PlanService/GetPlan', {
    headers: { ...operator, ...json, 'content-encoding': 'gzip' },
    body: new Uint8Array(bomb),
  });
  expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([429, 'resource_exhausted']);
});

test('frames that promise more than they hold, or than one may send, are refused', async () => {
  const grpcWeb = { 'content-type': 'application/grpc-web+proto', ...operator };
  for (const body of [
    frame(0, 2 ** 32 - 1, Buffer.alloc(8)),
    frame(0, 300_000, Buffer.alloc(300_000)),
    frame(1, 4, Buffer.alloc(4)),
    new Uint8Array(3),
  ]) {
    const response = await send('PlanService/GetPlan', { headers: grpcWeb, body });
    const text = Buffer.from(await response.arrayBuffer()).toString('latin1');
    const status = response.headers.get('grpc-status') ?? /grpc-status: (\d+)/i.exec(text)?.[1];
    expect(Number(status), text).toBeGreaterThan(0);
    expect(text).not.toContain('secret');
  }
  expect(shop.troubles).toEqual([]);
});

test('nothing is changed by GET, and reading by GET takes a message that is one', async () => {
  const get = (procedure: string, message: string) =>
    fetch(
      `${shop.server.url}/paceline.v1.${procedure}?connect=v1&encoding=json&message=${encodeURIComponent(message)}`,
      {
        headers: operator,
      },
    );
  const gone = '{"organization":"acme","ruleId":"r","expectedVersion":"1"}';
  expect((await get('RuleService/DeleteRule', gone)).status).toBe(405);
  expect((await get('PlanService/GetPlan', asked)).status).toBe(200);
  expect((await get('PlanService/GetPlan', '{')).status).toBe(400);
  const cross = await fetch(`${shop.server.url}/paceline.v1.RuleService/DeleteRule`, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
  });
  expect([cross.status, cross.headers.get('access-control-allow-origin')]).toEqual([405, null]);
});

test('a host that is none of ours gets nothing, whatever it speaks', async () => {
  const transport = createGrpcTransport({
    baseUrl: shop.server.url,
    interceptors: [
      (next) => (request) => {
        request.header.set('host', 'evil.example');
        return next(request);
      },
    ],
  });
  const service = contract.services.find(({ name }) => name === 'PlanService')!;
  // biome-ignore lint/suspicious/noExplicitAny: the contract is read at run time.
  const call = (createClient(service, transport) as any).getPlan({ organization: 'acme' }, { headers: operator });
  await expect(call).rejects.toThrow();
});
