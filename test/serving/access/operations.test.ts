import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SealedCursors } from '../../../src/adapters/serving/sealed-cursors.ts';
import { makeKey } from '../../../src/serving/access/tokens.ts';
import { type Permission, permissionsOfRole } from '../../../src/serving/caller.ts';
import { type ServingServer, startServingServer } from '../../../src/serving/http/serving-server.ts';
import type { EventLog, RuleStore, Tables } from '../../../src/serving/ports.ts';
import { RestDoor } from '../../../src/serving/rest/rest-door.ts';
import { Service } from '../../../src/serving/service.ts';
import { by } from '../../exams/accounts-exam.ts';
import { noPast } from '../shop.ts';
import { type AccessBench, makeAccessBench } from './access-bench.ts';

// People, keys and documents over REST, with real sessions and real keys.
let bench: AccessBench;
let server: ServingServer;
const troubles: unknown[] = [];

beforeEach(async () => {
  bench = await makeAccessBench();
  const { accounts, signIn, authenticator } = bench;
  const tables = { of: (orgId: string) => ({ orgId, rows: () => Promise.reject(new Error('no table is asked')) }) };
  const service = new Service({
    ports: {
      tables: tables as unknown as Tables,
      rules: {} as RuleStore,
      engine: null,
      past: noPast,
      log: {} as EventLog,
      newId: randomUUID,
      cursors: new SealedCursors(Buffer.from('a key of a test')),
      now: () => bench.now,
      access: {
        accounts,
        invite: (who, invited) => signIn.invite(who, invited),
        async issueKey(who, key) {
          const { key: text, prefix, hash } = makeKey(randomBytes);
          return {
            key: text,
            made: await accounts.keys.add(who, { ...key, scopes: key.scopes as never, prefix, hash }),
          };
        },
      },
    },
    authenticator,
    limiter: { take: async () => ({ isAllowed: true, limit: 9, remaining: 9, resetMs: 0, retryAfterMs: 0 }) },
    cache: { get: (_, compute) => compute() },
    checksOutput: true,
  });
  server = await startServingServer({
    ...{ host: '127.0.0.1', port: 0, hosts: [], tls: null, connectionsMax: 64, doors: [new RestDoor(service, '{}')] },
    now: () => bench.now,
    newRequestId: () => randomUUID(),
    onCall: () => undefined,
    onTrouble: (error) => troubles.push(error),
  });
});
afterEach(async () => {
  await server.close();
  expect(troubles).toEqual([]);
});

type Row = Readonly<Record<string, string>>;

interface Called<Data> {
  readonly status: number;
  readonly data: Data;
  readonly code: string | undefined;
  readonly etag: string | null;
  readonly next: string | null;
}

async function call<Data = Row>(
  bearer: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Called<Data>> {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const answer = text === '' ? {} : JSON.parse(text);
  return {
    status: response.status,
    data: answer.data,
    code: answer.code,
    etag: response.headers.get('etag'),
    next: answer.next_cursor ?? null,
  };
}

async function person(name: string, role: 'viewer' | 'editor' | 'admin', org = 'acme') {
  const { id } = await bench.addUser(`${name}@acme.example`, { [org]: role });
  return { id, token: await bench.logIn(`${name}@acme.example`) };
}
const acme = '/organizations/acme';

describe('members', () => {
  test('are listed page by page, changed at once, and taken out', async () => {
    const ann = await person('ann', 'admin');
    const bob = await person('bob', 'viewer');
    const first = await call(ann.token, 'GET', `${acme}/members?limit=1`);
    expect(first.data).toMatchObject([{ email: 'ann@acme.example', role: 'admin' }]);
    const second = await call<Row[]>(ann.token, 'GET', `${acme}/members?limit=1&cursor=${first.next}`);
    expect([second.data[0].user_id, second.next]).toEqual([bob.id, null]);
    expect((await call(bob.token, 'GET', `${acme}/members`)).status).toBe(403);
    const put = await call(ann.token, 'PUT', `${acme}/members/${bob.id}`, {
      role: 'editor',
      permissions: ['members.read'],
    });
    expect([put.status, put.data.role, put.data.permissions]).toEqual([200, 'editor', ['members.read']]);
    expect((await call(bob.token, 'GET', `${acme}/members/${ann.id}`)).data).toMatchObject({ role: 'admin' });
    expect((await call(ann.token, 'DELETE', `${acme}/members/${bob.id}`)).status).toBe(204);
    expect((await call(bob.token, 'GET', `${acme}/members`)).code).toBe('FORBIDDEN');
    const audit = await call<Row[]>(ann.token, 'GET', `${acme}/audit?table=org_memberships&row_key=acme/${bob.id}`);
    expect(audit.data[0]).toMatchObject({
      actor: `user:${ann.id}`,
      action: 'delete',
      before: { role: 'editor' },
      after: null,
      request_id: expect.stringMatching(/^[\w-]{36}$/),
    });
  });

  test('come by invitation alone: whoever is no member is found by no id', async () => {
    const ann = await person('ann', 'admin');
    const eve = await person('eve', 'viewer', 'bolt');
    for (const id of [eve.id, randomUUID()]) {
      expect((await call(ann.token, 'PUT', `${acme}/members/${id}`, { role: 'viewer' })).code).toBe('NOT_FOUND');
      expect((await call(ann.token, 'GET', `${acme}/members/${id}`)).code).toBe('NOT_FOUND');
      expect((await call(ann.token, 'DELETE', `${acme}/members/${id}`)).code).toBe('NOT_FOUND');
    }
    const invited = await call(ann.token, 'POST', `${acme}/invitations`, { email: 'new@acme.example', role: 'viewer' });
    expect(invited.data.token).toMatch(/^pli_/);
    const listed = await call(ann.token, 'GET', `${acme}/invitations`);
    expect(listed.data).toMatchObject([{ email: 'new@acme.example' }]);
    expect(JSON.stringify(listed.data)).not.toContain(invited.data.token);
    const id = invited.data.invitation_id;
    expect((await call(ann.token, 'DELETE', `${acme}/invitations/${id}`)).status).toBe(204);
    expect((await call(ann.token, 'DELETE', `${acme}/invitations/${id}`)).status).toBe(404);
  });
});

describe('nobody gives what they do not have', () => {
  /** A key that may write members and keys, and nothing else: whoever steals it shall not become more. */
  async function keyWith(scopes: readonly Permission[]) {
    return (await bench.addKey('acme', scopes)).key;
  }

  test('neither roles, nor permissions, nor scopes, nor invitations', async () => {
    const bob = await person('bob', 'viewer');
    const ann = await person('ann', 'admin');
    const key = await keyWith(['members.read', 'members.write', 'keys.write', ...permissionsOfRole.viewer]);
    const tries = [
      ['PUT', `${acme}/members/${bob.id}`, { role: 'admin' }],
      ['PUT', `${acme}/members/${bob.id}`, { role: 'editor' }],
      ['PUT', `${acme}/members/${bob.id}`, { role: 'viewer', permissions: ['audit.read'] }],
      ['PUT', `${acme}/members/${ann.id}`, { role: 'viewer' }],
      ['DELETE', `${acme}/members/${ann.id}`, undefined],
      ['POST', `${acme}/invitations`, { email: 'x@y.example', role: 'admin' }],
      ['POST', `${acme}/keys`, { name: 'more', scopes: ['rules.write'], expires_at: null }],
    ] as const;
    for (const [method, path, body] of tries)
      expect([path, (await call(key, method, path, body)).code]).toEqual([path, 'FORBIDDEN']);
    const less = await call(key, 'POST', `${acme}/keys`, { name: 'less', scopes: ['pacing.read'], expires_at: null });
    expect(less.data.key).toMatch(/^plk_/);
    expect((await call(key, 'PUT', `${acme}/members/${bob.id}`, { role: 'viewer' })).status).toBe(200);
  });

  test('nor to themselves; and the operator’s role is no member’s', async () => {
    const ann = await person('ann', 'admin');
    expect((await call(ann.token, 'PUT', `${acme}/members/${ann.id}`, { role: 'viewer' })).code).toBe('FORBIDDEN');
    expect((await call(ann.token, 'DELETE', `${acme}/members/${ann.id}`)).code).toBe('FORBIDDEN');
    const bob = await person('bob', 'viewer');
    for (const body of [
      { role: 'operator' },
      { role: 'admin', is_operator: true },
      { role: 'admin', org_id: 'bolt' },
      { role: 'admin', permissions: ['engine.read'] },
      { role: 'viewer', user_id: ann.id },
      {},
    ])
      expect((await call(ann.token, 'PUT', `${acme}/members/${bob.id}`, body)).status, JSON.stringify(body)).toBe(400);
  });
});

test('keys are made, listed without what opens, and revoked; those of others stay', async () => {
  const ann = await person('ann', 'admin');
  const eve = await person('eve', 'admin', 'bolt');
  const made = await call(ann.token, 'POST', `${acme}/keys`, {
    name: 'report',
    scopes: ['keys.read'],
    expires_at: new Date(bench.now + 86_400_000).toISOString(),
  });
  expect(made.status).toBe(200);
  const listed = await call(made.data.key, 'GET', `${acme}/keys`);
  expect(listed.data).toMatchObject([{ name: 'report', prefix: made.data.prefix, revoked_at: null }]);
  expect(JSON.stringify(listed.data)).not.toContain(made.data.key.slice(17));
  const path = `/keys/${made.data.key_id}`;
  expect((await call(eve.token, 'DELETE', `/organizations/bolt${path}`)).code).toBe('NOT_FOUND');
  expect((await call(made.data.key, 'DELETE', `${acme}${path}`)).code).toBe('FORBIDDEN');
  expect((await call(ann.token, 'DELETE', `${acme}${path}`)).status).toBe(204);
  expect((await call(made.data.key, 'GET', `${acme}/keys`)).status).toBe(401);
  for (const body of [
    { name: 'x', scopes: ['everything'], expires_at: null },
    { name: 'x', scopes: [], expires_at: null },
    { name: 'x', scopes: ['pacing.read'] },
  ])
    expect((await call(ann.token, 'POST', `${acme}/keys`, body)).status).toBe(400);
});

test('a document is edited by whoever saw its newest version', async () => {
  const ann = await person('ann', 'admin');
  const bob = await person('bob', 'editor');
  const path = `${acme}/configurations/views`;
  const put = (value: unknown, headers: Record<string, string>, token = ann.token) =>
    call(token, 'PUT', path, { document: value }, headers);
  expect((await put({ a: 1 }, {})).status).toBe(428);
  expect((await put({ a: 1 }, { 'if-none-match': '*' }, bob.token)).status).toBe(403);
  const made = await put({ a: 1 }, { 'if-none-match': '*' });
  expect([made.status, made.data.version, made.etag]).toEqual([200, '1', '"1"']);
  expect((await put({ a: 2 }, { 'if-none-match': '*' })).status).toBe(412);
  expect((await put({ a: 2 }, { 'if-match': '"1"' })).data).toMatchObject({ version: '2', document: { a: 2 } });
  const read = await call(bob.token, 'GET', path);
  expect([read.etag, read.data.document]).toEqual(['"2"', { a: 2 }]);
  expect((await call(bob.token, 'GET', `${path}?version=1`)).data.document).toEqual({ a: 1 });
  expect((await call(bob.token, 'GET', `${path}/versions`)).data).toHaveLength(2);
  expect((await call(ann.token, 'DELETE', path, undefined, { 'if-match': '"1"' })).status).toBe(412);
  expect((await call(ann.token, 'DELETE', path, undefined, { 'if-match': '"2"' })).status).toBe(204);
  expect((await call(bob.token, 'GET', path)).status).toBe(404);
  expect((await call(bob.token, 'GET', `${acme}/configurations`)).data).toEqual([]);
  expect((await put(['no object'], { 'if-none-match': '*' })).status).toBe(400);
});

test('people see and end their own sessions, and nobody else’s', async () => {
  const ann = await person('ann', 'admin');
  const bob = await person('bob', 'viewer');
  bench.now += 1;
  const other = await bench.logIn('bob@acme.example');
  const own = await call<Row[]>(bob.token, 'GET', '/account/sessions');
  expect(own.data).toHaveLength(2);
  const [{ session_id }] = (await call<Row[]>(ann.token, 'GET', '/account/sessions')).data;
  expect((await call(bob.token, 'DELETE', `/account/sessions/${session_id}`)).code).toBe('NOT_FOUND');
  // The newest first, so that the last one is the one that asks.
  for (const each of own.data) await call(bob.token, 'DELETE', `/account/sessions/${each.session_id}`);
  expect((await call(other, 'GET', '/account/sessions')).status).toBe(401);
  expect((await call(ann.token, 'GET', '/account/sessions')).status).toBe(200);
  const { key } = await bench.addKey('acme', ['pacing.read']);
  expect((await call(key, 'GET', '/account/sessions')).code).toBe('FORBIDDEN');
});

test('the audit log goes on page by page, in one order, and bounds what it shows of a row', async () => {
  const ann = await person('ann', 'admin');
  for (let i = 0; i < 5; i++)
    await bench.accounts.configurations.write(by, { orgId: 'acme', name: `d${i}`, text: '{}' }, 0);
  const large = JSON.stringify({ text: 'x'.repeat(100_000) });
  await bench.accounts.configurations.write(by, { orgId: 'acme', name: 'large', text: large }, 0);
  const all: string[] = [];
  let cursor = '';
  do {
    const page = await call<Row[]>(ann.token, 'GET', `${acme}/audit?table=configurations&limit=2${cursor}`);
    all.push(...page.data.map((row) => row.row_key));
    if (all.length === 2) expect(page.data[0].after).toEqual({ too_long: true });
    cursor = page.next === null ? '' : `&cursor=${page.next}`;
  } while (cursor !== '');
  expect(all).toEqual(['acme/large/1', ...[4, 3, 2, 1, 0].map((i) => `acme/d${i}/1`)]);
});
