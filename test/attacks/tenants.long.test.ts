import { afterAll, beforeAll, expect, test } from 'vitest';
import { SealedCursors } from '../../src/adapters/serving/sealed-cursors.ts';
import { tables } from '../../src/rows/tables.ts';
import { operationNames, operationOf } from '../../src/serving/operations.ts';
import { namesIn, type Route, routes } from '../../src/serving/rest/routes.ts';
import { secretOf, writeSecrets } from '../serving/secrets.ts';
import { nowMs, openShop, rowOf, type Shop } from '../serving/shop.ts';

// Somebody of acme wants to see globex. Whatever is tried, no byte of globex comes back.
let shop: Shop;
const secret = secretOf('globex');

beforeAll(async () => {
  shop = await openShop();
  await writeSecrets(shop, ['acme', 'globex']);
});
afterAll(() => shop.close());

/** The path of an operation with every member in braces filled in. */
function pathOf(name: keyof typeof routes, members: Readonly<Record<string, string>>): string {
  const { path }: Route = routes[name];
  return namesIn(path).reduce(
    (filled, member) => filled.replace(`{${member}}`, encodeURIComponent(members[member] ?? secret)),
    path,
  );
}

const reading = operationNames.filter((name) => !operationOf(name).isWrite);
const ofOrganization = reading.filter((name) => operationOf(name).scope === 'organization');
const numbers = { partition: '0', log_offset: '0' };
const theirIds = () => ({ user_id: shop.desk.memberOf.globex, session_id: shop.desk.memberOf.globex });

test('the same paths show globex to a member of it, so that what follows can fail', async () => {
  let seen = 0;
  for (const name of ofOrganization) {
    const path = pathOf(name, { organization: 'globex', ...numbers, ...theirIds() });
    const response = await shop.get(path, { token: 'admin~globex' });
    const text = await response.text();
    expect([name, response.status], text).toEqual([name, 200]);
    if (text.includes(secret)) seen += 1;
  }
  expect(seen).toBeGreaterThanOrEqual(16);
});

const strangers = ['viewer~acme', 'editor~acme', 'admin~acme', '', 'nobody~globex', 'viewer', 'operator~globex'];

test.each(strangers)(
  'no operation shows or changes globex for "%s", under its name or another of it',
  async (token) => {
    for (const name of operationNames) {
      const described = operationOf(name);
      const { method }: Route = routes[name];
      for (const organization of [
        'globex',
        'GLOBEX',
        'globex ',
        'acme/../globex',
        'acme%2F..%2Fglobex',
        '*',
        '_default',
        '%',
      ]) {
        const path = pathOf(name, { organization, ...numbers, ...theirIds() });
        const headers = method === 'GET' ? undefined : { 'if-match': '"1"' };
        const response = await shop.get(path, { token, method, ...(headers && { headers }) });
        const text = await response.text();
        expect(text, `${name} ${path}`).not.toContain('"globex-');
        if (described.scope === 'organization')
          expect([401, 403, 404, 413, 415], `${name} ${path}`).toContain(response.status);
        else expect([401, 403, 404], `${name} ${path}`).toContain(response.status);
      }
    }
  },
);

test('names of globex inside of acme find nothing', async () => {
  for (const name of ofOrganization) {
    const path = pathOf(name, { organization: 'acme', ...numbers, ...theirIds() });
    const response = await shop.get(path, { token: 'admin~acme' });
    const text = (await response.text()).replaceAll(path, '').replaceAll(secret, (found, at: number, whole: string) => {
      // What the caller said itself may come back in the words of a refusal, and of an answer that knows no such rule.
      return whole.slice(0, at).includes('"detail":') || whole.includes('"why":"no_such_rule"') ? '' : found;
    });
    expect(text, name).not.toContain('globex');
  }
  const query = await shop.get(`/organizations/acme/flights?organization=globex&campaign_id=${secret}`, {
    token: 'admin~acme',
  });
  expect(query.status).toBe(400);
  const other = await shop.get(`/organizations/acme/alerts?campaign_id=${secret}&rule_id=${secret}`, {
    token: 'admin~acme',
  });
  expect(await other.json()).toMatchObject({ data: [] });
});

test('a role may no more than it says: the engine is the operator’s, writing an editor’s', async () => {
  for (const name of operationNames) {
    const { permission, scope } = operationOf(name);
    if (scope === 'engine') {
      expect(permission).toBe('engine.read');
      expect((await shop.get(pathOf(name, {}), { token: 'admin~acme' })).status, name).toBe(403);
    }
  }
  const rule = '/organizations/acme/rules/mine';
  const writes = { method: 'DELETE', headers: { 'if-match': '"1"' } };
  expect((await shop.get(rule, { token: 'viewer~acme', ...writes })).status).toBe(403);
  expect((await shop.get(rule, { token: 'editor~acme', ...writes })).status).toBe(409);
});

test('a cursor is good for its list and its organization, and for no other; a forged one for none', async () => {
  const flights = '/organizations/globex/flights?limit=1';
  await shop.write(tables[1], [
    rowOf(tables[1], {
      org_id: 'globex',
      campaign_id: 'x',
      flight_id: 'y',
      status: 'behind',
      evaluated_at: nowMs,
      as_of: nowMs,
      version: 2n << 48n,
    }),
  ]);
  const { next_cursor } = (await (await shop.get(flights)).json()) as { next_cursor: string };
  expect((await shop.get(`${flights}&cursor=${next_cursor}`)).status).toBe(200);
  const forged = new SealedCursors(Buffer.from('another key')).seal('["globex","flights",[],""]', [-1, '0', '', '']);
  const bytes = Buffer.from(next_cursor, 'base64url');
  const tries = [
    ['/organizations/acme/flights?limit=1', next_cursor],
    [`${flights}&status=behind`, next_cursor],
    ['/organizations/globex/alerts?limit=1', next_cursor],
    [flights, forged],
    [flights, `${next_cursor}A`],
    [flights, Buffer.concat([bytes, Buffer.from(' ')]).toString('base64url')],
    ...[0, 15, 16, bytes.length - 1].map((at) => {
      const changed = Buffer.from(bytes);
      changed[at] ^= 1;
      return [flights, changed.toString('base64url')];
    }),
    [flights, Buffer.from('["x"]').toString('base64url')],
    [flights, encodeURIComponent("' OR 1=1 --")],
  ];
  for (const [path, cursor] of tries) {
    const response = await shop.get(`${path}&cursor=${cursor}`);
    expect([response.status, await response.text()], `${path} ${cursor}`).toEqual([
      400,
      expect.stringContaining('cursor: is none'),
    ]);
  }
});

test('a statement that forgets its organization shows that of its reader all the same', async () => {
  for (const table of [
    ...tables.map(({ name }) => name),
    'pacing_latest',
    'alert_latest',
    'to_pacing_latest',
    'v_pacing_latest',
    'v_alerts_open',
  ]) {
    const rows = await shop.tables
      .of('acme')
      .rows<{ org_id: string }>({ sql: `SELECT DISTINCT org_id FROM ${table}`, parameters: {} });
    expect([table, rows.map(({ org_id }) => org_id)]).toEqual([table, ['acme']]);
  }
  const odd = ["it's", 'a\\b', 'tab\tline\n', '\u{1f600}', '{org:String}', "') OR 1 = 1 --"];
  for (const text of odd) {
    const [row] = await shop.tables.of('acme').rows<Record<string, unknown>>({
      sql: 'SELECT {text:String} AS text, {list:Array(String)} AS list',
      parameters: { text, list: [text, ''] },
    });
    expect(row).toEqual({ text, list: [text, ''] });
  }
});
