import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { minuteMs } from '../../src/model/time.ts';
import { openAccounts } from '../../src/serving/access/store/accounts.ts';
import { SqliteAccountsDatabase } from '../../src/serving/access/store/sqlite/sqlite-accounts-database.ts';
import { type Caller, permissionsOfRole } from '../../src/serving/caller.ts';
import { answerOnce } from '../../src/serving/idempotency.ts';
import type { RuleStore } from '../../src/serving/ports.ts';
import { openShop, type Shop } from '../serving/shop.ts';

// Whoever repeats a write with its key gets its answer again; nobody else does, and nothing is done twice.
let shop: Shop;
/** Ids of rules, each as often as it was written. */
const written: string[] = [];
const key = (name: string) => ({ name, scopes: ['pacing.read'], expires_at: null });

beforeAll(async () => {
  const rules: RuleStore = {
    rulesOf: async () => [],
    writeRule: async (_, { id: ruleId, text }) => {
      written.push(ruleId);
      return { ruleId, text, isOwn: true, isFile: false, version: '1' };
    },
    deleteRule: async () => undefined,
  };
  shop = await openShop({ rules });
});
afterAll(() => shop.close());
afterEach(() => expect(shop.troubles).toEqual([]));

interface Where {
  readonly org?: string;
  readonly token?: string;
  readonly path?: string;
}

async function post(
  body: object,
  repeat: string,
  { org = 'acme', token = `admin~${org}`, path = `/api/v1/organizations/${org}/keys` }: Where = {},
) {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const response = await fetch(`${shop.server.url}${path}`, {
    method: 'POST',
    headers: { ...headers, 'idempotency-key': repeat },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const isRepeated = response.headers.get('idempotency-replayed') === 'true';
  return { status: response.status, text, isRepeated, body: JSON.parse(text) };
}

async function keysNamed(name: string, org = 'acme'): Promise<number> {
  return (await shop.desk.accounts.keys.list(org)).filter((each) => each.name === name).length;
}

test('a call that is said again is done once and answered alike, the secret of its answer too', async () => {
  const id = randomUUID();
  const first = await post(key('once'), id);
  expect(first).toMatchObject({ status: 200, isRepeated: false });
  // The draft of the IETF puts it in quotes.
  for (const said of [id, `"${id}"`]) expect(await post(key('once'), said)).toEqual({ ...first, isRepeated: true });
  expect(await keysNamed('once')).toBe(1);
});

test('Connect takes the key, too', async () => {
  const path = '/paceline.v1.KeyService/CreateKey';
  const id = randomUUID();
  const body = { organization: 'acme', name: 'by-connect', scopes: ['pacing.read'] };
  const [first, second] = [await post(body, id, { path }), await post(body, id, { path })];
  expect(first).toMatchObject({ status: 200, isRepeated: false });
  expect(second).toEqual({ ...first, isRepeated: true });
  expect(await keysNamed('by-connect')).toBe(1);
});

describe('GraphQL', () => {
  const path = '/graphql';
  const write = (alias: string, id: string) =>
    `${alias}: putRule(organization: "acme", ruleId: "${id}", text: "id: ${id}", expectedVersion: null) { data { version } }`;
  const mutation = (...fields: string[]) => ({ query: `mutation { ${fields.join(' ')} }` });

  test('takes the key: a mutation that is said again is done once, and answered alike', async () => {
    const id = randomUUID();
    const first = await post(mutation(write('a', 'one')), id, { path });
    expect(first.body).toMatchObject({ data: { a: { data: { version: '1' } } } });
    expect(first.isRepeated).toBe(false);
    expect(await post(mutation(write('a', 'one')), id, { path })).toEqual({ ...first, isRepeated: true });
    expect(written.filter((each) => each === 'one')).toHaveLength(1);
    const other = await post(mutation(write('a', 'two')), id, { path });
    expect(other.body.errors[0].extensions.code).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(written).not.toContain('two');
  });

  test('does each field of a request once, whatever it is called, and none under the key of another', async () => {
    const id = randomUUID();
    const two = mutation(write('a', 'three'), write('b', 'four'));
    const first = await post(two, id, { path });
    expect(first.body.errors).toBeUndefined();
    expect(await post(two, id, { path })).toEqual({ ...first, isRepeated: true });
    expect(written.filter((each) => ['three', 'four'].includes(each))).toEqual(['three', 'four']);
    const swapped = await post(mutation(write('b', 'three'), write('a', 'four')), id, { path });
    expect(swapped.body.errors.map(({ extensions }: { extensions: object }) => extensions)).toMatchObject([
      { code: 'IDEMPOTENCY_KEY_REUSED' },
      { code: 'IDEMPOTENCY_KEY_REUSED' },
    ]);
  });

  test('reads as ever with a key, and refuses one that is easy to guess', async () => {
    const read = { query: '{ mark(organization: "acme") { asOf } }' };
    expect((await post(read, '1', { path })).body.errors).toBeUndefined();
    for (const fields of [[write('a', 'five')], [write('a', 'five'), write('b', 'six')]]) {
      const { body } = await post(mutation(...fields), 'short', { path });
      expect(body.errors[0].message).toContain('Idempotency-Key: must be 16 to 200');
    }
    expect(written).not.toContain('five');
  });
});

test('two at once: it is done once', async () => {
  const id = randomUUID();
  const all = await Promise.all(Array.from({ length: 8 }, () => post(key('at-once'), id)));
  expect(all.filter(({ status, isRepeated }) => status === 200 && !isRepeated)).toHaveLength(1);
  const others = all.filter(({ status }) => status !== 200);
  expect(others.map(({ body }) => body.code)).toEqual(others.map(() => 'CALL_UNDER_WAY'));
  expect(await keysNamed('at-once')).toBe(1);
});

test('a key with another call, by another caller or for another organization shows nothing of the first', async () => {
  const id = randomUUID();
  const first = await post(key('mine'), id);
  const secret: string = first.body.data.key;
  const tries = [
    await post(key('other-words'), id),
    await post(key('mine'), id, { token: 'viewer~acme' }),
    await post(key('mine'), id, { token: 'admin~globex' }),
    await post(key('mine'), id, { token: '' }),
    await post(key('mine'), id, { org: 'globex' }),
    await post(key('mine'), id, { token: 'operator' }),
  ];
  expect(tries.map(({ status }) => status)).toEqual([422, 403, 403, 401, 200, 200]);
  expect(tries[0].body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  for (const each of tries) {
    expect(each.isRepeated).toBe(false);
    expect(each.text).not.toContain(secret);
  }
});

test('what was refused leaves its key free, and a key must be hard to guess', async () => {
  const id = randomUUID();
  expect(await post({ ...key('late'), expires_at: '2001-01-01T00:00:00Z' }, id)).toMatchObject({ status: 400 });
  expect(await post(key('late'), id)).toMatchObject({ status: 200, isRepeated: false });
  for (const wrong of ['1', 'x'.repeat(15), 'x'.repeat(201), `${id}, ${id}`, '"'])
    expect((await post(key('late'), wrong)).status, wrong).toBe(400);
  expect(await keysNamed('late')).toBe(1);
});

test('a call whose process died is not done again, and the database alone tells no answer', async () => {
  let now = Date.parse('2026-11-30T12:00:00Z');
  const database = new SqliteAccountsDatabase(':memory:', () => now, { takesAnyOrganization: true });
  const { calls } = openAccounts({ database, nowMs: () => now, newId: randomUUID, onTouched: async () => undefined });
  const caller: Caller = {
    ...{ actor: { kind: 'user', id: 'ann' }, orgId: 'acme', role: 'admin', requestId: 'call-1' },
    permissions: new Set(permissionsOfRole.admin),
  };
  const parts = { calls, random: randomBytes, nowMs: () => now };
  const call = { key: randomUUID(), caller, name: 'createKey', input: {} };
  let runs = 0;
  const dies = () => Promise.reject(new TypeError(`death ${++runs}`));
  await expect(answerOnce(parts, call, dies)).rejects.toThrow('death 1');
  await expect(answerOnce(parts, call, dies)).rejects.toMatchObject({ code: 'CALL_UNDER_WAY' });
  now += 11 * minuteMs;
  await expect(answerOnce(parts, call, dies)).rejects.toMatchObject({ code: 'CALL_UNFINISHED' });
  expect(runs).toBe(1);

  const whole = { ...call, key: randomUUID() };
  const answer = async () => Buffer.from('{"key":"a secret"}');
  expect(await answerOnce(parts, whole, answer)).toMatchObject({ isRepeated: false });
  expect(String((await answerOnce(parts, whole, dies)).bytes)).toBe('{"key":"a secret"}');
  const rows = JSON.stringify(await database.read('SELECT * FROM paceline.idempotent_calls'));
  for (const hidden of ['a secret', whole.key]) expect(rows).not.toContain(hidden);
  expect(await calls.forget({ actor: 'paceline', requestId: 'a' }, now + 1)).toBe(2);
  await database.close();
});
