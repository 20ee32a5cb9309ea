import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Oidc, type OidcIntent } from '../../../src/serving/access/oidc.ts';
import { enterByOidc } from '../../../src/serving/access/oidc-entry.ts';
import { oidcTripMs } from '../../../src/serving/access/oidc-trip.ts';
import { LocalOnce } from '../../../src/serving/access/once.ts';
import { SealedText } from '../../../src/serving/access/sealed-text.ts';
import { by } from '../../exams/accounts-exam.ts';
import { type AccessBench, makeAccessBench, reading, visit, withSession } from './access-bench.ts';
import { clientId, clientSecret, type OpenIdServer, startOpenIdServer, walk } from './openid-server.ts';

const home = 'http://127.0.0.1:1/auth/oidc/callback';
const plain: OidcIntent = { invitation: null, linkUserId: null, returnTo: '/' };
const secret = randomBytes(32);

describe('logging in by an OpenID provider', () => {
  let provider: OpenIdServer;
  let now = 0;
  const makeOidc = (more: Partial<ConstructorParameters<typeof Oidc>[0]> = {}) =>
    new Oidc({
      ...{ issuer: provider.issuer, clientId, clientSecret, redirectUrl: () => home, fetch: null },
      sealed: new SealedText(secret, 'oidc', randomBytes),
      once: new LocalOnce(oidcTripMs, () => now),
      nowMs: () => now,
      ...more,
    });
  let oidc: Oidc;

  beforeAll(async () => {
    provider = await startOpenIdServer(home);
  });
  afterAll(() => provider[Symbol.asyncDispose]());
  beforeEach(() => {
    now = Date.now();
    oidc = makeOidc();
  });

  async function trip(account: string, intent: OidcIntent = plain) {
    provider.account = account;
    const { url, cookie } = await oidc.begin(intent);
    return { url, cookie, query: (await walk(url, home)).searchParams };
  }

  test('says who came, by issuer and subject, and what for', async () => {
    const { url, cookie, query } = await trip('ann-7', { ...plain, returnTo: '/board' });
    const sent = new URL(url).searchParams;
    expect([sent.get('code_challenge_method'), sent.get('response_type')]).toEqual(['S256', 'code']);
    expect(await oidc.finish(query, cookie)).toEqual({
      issuer: provider.issuer,
      subject: 'ann-7',
      name: expect.anything(),
      intent: { ...plain, returnTo: '/board' },
    });
    // Another process with the same secret may take it back as well.
    const other = await trip('ann-7');
    expect(await makeOidc().finish(other.query, other.cookie)).toMatchObject({ subject: 'ann-7' });
  });

  test('a state counts once, in its time, and in the browser that set out with it', async () => {
    const first = await trip('ann-7');
    const second = await trip('ann-7');
    const refused = { code: 'UNAUTHENTICATED', message: 'this login was not begun here, or is over; begin it again' };
    await expect(oidc.finish(first.query, null)).rejects.toMatchObject(refused);
    await expect(oidc.finish(first.query, second.cookie)).rejects.toMatchObject(refused);
    await expect(oidc.finish(first.query, `${first.cookie.slice(0, -4)}AAAA`)).rejects.toMatchObject(refused);
    await expect(oidc.finish(first.query, 'nonsense')).rejects.toMatchObject(refused);
    const elsewhere = makeOidc({ sealed: new SealedText(randomBytes(32), 'oidc', randomBytes) });
    await expect(elsewhere.finish(first.query, first.cookie)).rejects.toMatchObject(refused);
    await oidc.finish(first.query, first.cookie);
    await expect(oidc.finish(first.query, first.cookie)).rejects.toMatchObject(refused);
    now += oidcTripMs;
    await expect(oidc.finish(second.query, second.cookie)).rejects.toMatchObject(refused);
  });

  test('a code of another trip, a changed code and another issuer are refused', async () => {
    const [mine, theirs] = [await trip('ann-7'), await trip('eve-1')];
    const refused = { code: 'UNAUTHENTICATED', message: 'the OpenID provider does not vouch for this login' };
    const swapped = new URLSearchParams(mine.query);
    swapped.set('code', theirs.query.get('code')!);
    await expect(oidc.finish(swapped, mine.cookie)).rejects.toMatchObject(refused);
    const again = await trip('ann-7');
    again.query.set('iss', 'https://other.example');
    await expect(oidc.finish(again.query, again.cookie)).rejects.toMatchObject(refused);
    const denied = await trip('ann-7');
    const query = new URLSearchParams({ error: 'access_denied', state: denied.query.get('state')! });
    await expect(oidc.finish(query, denied.cookie)).rejects.toMatchObject(refused);
  });

  test('a nonce of another trip is refused', async () => {
    // The attacker's own trip, sealed with our secret, but for the nonce of somebody else.
    const { query, cookie } = await trip('ann-7');
    const sealed = new SealedText(secret, 'oidc', randomBytes);
    const changed = { ...(JSON.parse(sealed.open(cookie)!) as object), nonce: 'another' };
    await expect(oidc.finish(query, sealed.seal(JSON.stringify(changed)))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  });

  test('a provider that is away is not asked each time, and is plain http on loopback alone', async () => {
    const away = makeOidc({ issuer: 'http://127.0.0.1:1' });
    await expect(away.begin(plain)).rejects.toMatchObject({ code: 'ACCESS_UNAVAILABLE' });
    await expect(away.begin(plain)).rejects.toThrow('a moment ago');
    now += 5_000;
    await expect(away.begin(plain)).rejects.not.toThrow('a moment ago');
    expect(() => makeOidc({ issuer: 'http://id.example' })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  describe('and entering', () => {
    let bench: AccessBench;
    beforeEach(async () => {
      bench = await makeAccessBench();
    });
    async function enter(account: string, intent: Partial<OidcIntent> = {}) {
      const { query, cookie } = await trip(account, { ...plain, ...intent });
      return await enterByOidc(await oidc.finish(query, cookie), bench, visit);
    }

    test('nobody unknown is let in, whatever address the provider tells', async () => {
      await bench.addUser('ann@acme.example', { acme: 'admin' });
      await expect(enter('ann@acme.example')).rejects.toMatchObject({ code: 'FORBIDDEN' });
      expect(await bench.accounts.sessions.list()).toEqual([]);
    });

    test('an invitation makes a user of the identity, once', async () => {
      const { token } = await bench.signIn.invite(by, { orgId: 'acme', email: 'bob@acme.example', role: 'editor' });
      const opened = await enter('bob-1', { invitation: token });
      const caller = await bench.authenticator.authenticate(withSession(opened.token), reading('acme'));
      expect(caller).toMatchObject({ role: 'editor', actor: { id: opened.user.id } });
      expect((await enter('bob-1')).user.id).toBe(opened.user.id);
      await expect(enter('eve-1', { invitation: token })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('an invitation for an address that has an account does not take the account over', async () => {
      await bench.addUser('ann@acme.example', { acme: 'admin' });
      const { token } = await bench.signIn.invite(by, { orgId: 'bolt', email: 'ann@acme.example', role: 'viewer' });
      await expect(enter('eve-1', { invitation: token })).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
      await expect(enter('eve-1')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });

    test('who is logged in links an identity, which then opens that account and no other', async () => {
      const ann = await bench.addUser('ann@acme.example', { acme: 'viewer' });
      const eve = await bench.addUser('eve@acme.example');
      expect((await enter('ann-1', { linkUserId: ann.id })).user.id).toBe(ann.id);
      expect((await enter('ann-1')).user.id).toBe(ann.id);
      await expect(enter('ann-1', { linkUserId: eve.id })).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
      await bench.accounts.people.setDisabled(by, ann.id, true);
      await expect(enter('ann-1')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    });
  });
});
