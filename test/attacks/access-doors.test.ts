import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { by } from '../exams/accounts-exam.ts';
import { anySession, goodPassword, reading, withSession } from '../serving/access/access-bench.ts';
import { type OpenIdServer, startOpenIdServer, walk } from '../serving/access/openid-server.ts';
import { type AuthStage, cookieOf, openAuthStage } from './auth-stage.ts';

let stage: AuthStage;
beforeEach(async () => {
  stage = await openAuthStage();
  await stage.bench.addUser('ann@acme.example', { acme: 'viewer' });
});
afterEach(async () => {
  await stage[Symbol.asyncDispose]();
  expect(stage.bench.troubles).toEqual([]);
});

const login = { email: 'ann@acme.example', password: goodPassword };

describe('the session’s cookie', () => {
  test('is out of reach of scripts and of other sites’ pages, and ends with the session', async () => {
    const answer = await stage.call('POST', '/auth/login', { body: login });
    expect(answer.status).toBe(200);
    expect(answer.cookies).toEqual([
      expect.stringMatching(/^paceline_session=pls_[\w-]{43}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax$/),
    ]);
    expect(answer.text).not.toContain('pls_');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const cookie = cookieOf(answer);
    expect((await stage.call('GET', '/auth/session', { cookie })).body).toMatchObject({
      user: { email: 'ann@acme.example', is_operator: false },
      organizations: [{ id: 'acme', role: 'viewer' }],
    });
    const out = await stage.call('POST', '/auth/logout', { cookie });
    expect([out.status, out.cookies]).toEqual([204, ['paceline_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax']]);
    expect((await stage.call('GET', '/auth/session', { cookie })).status).toBe(401);
    expect((await stage.call('POST', '/auth/logout', { cookie })).status).toBe(204);
  });

  test('goes over TLS alone where people come over TLS', async () => {
    await using secure = await openAuthStage({ isSecure: true });
    await secure.bench.addUser('ann@acme.example');
    const { cookies } = await secure.call('POST', '/auth/login', { body: login });
    expect(cookies[0]).toMatch(/; HttpOnly; SameSite=Lax; Secure$/);
  });

  test('that was forged, cut, grown, doubled or of another kind opens nothing', async () => {
    const own = await stage.logIn('ann@acme.example');
    const token = own.split('=')[1];
    const { key } = await stage.bench.addKey('acme', ['pacing.read']);
    const { token: invitation } = await stage.bench.signIn.invite(by, { orgId: 'acme', email: 'x@y.z', role: 'admin' });
    const forged = [
      anySession(),
      token.slice(0, -1),
      `${token}A`,
      token.toUpperCase(),
      token.slice(4),
      `plk_${token.slice(4)}`,
      key,
      invitation,
      "pls_' OR '1'='1",
      `pls_${'A'.repeat(43)}`,
      '',
      'null',
      '%00',
      Buffer.from(token).toString('base64'),
    ];
    for (const each of forged) {
      const { status } = await stage.call('GET', '/auth/session', { cookie: `paceline_session=${each}` });
      expect(status, each).toBe(401);
    }
    expect((await stage.call('GET', '/auth/session', { cookie: own })).status).toBe(200);
    // What is sent as a key is never taken for the cookie, nor the other way around.
    const both = { cookie: own, headers: { authorization: `Bearer ${anySession()}` } };
    expect((await stage.call('GET', '/auth/session', { headers: { authorization: `Bearer ${token}` } })).status).toBe(
      401,
    );
    expect((await stage.call('GET', '/auth/session', both)).status).toBe(200);
    await expect(
      stage.bench.authenticator.authenticate({ ...withSession(token), bearer: anySession() }, reading('acme')),
    ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });

  test('that somebody planted is never made a session, and the one before is ended', async () => {
    const planted = anySession();
    const first = await stage.logIn('ann@acme.example', `paceline_session=${planted}`);
    expect(first).not.toContain(planted);
    await expect(stage.bench.authenticator.authenticate(withSession(planted), reading('acme'))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
    // An attacker's own live session, planted: the victim's login ends it and takes a new one.
    await stage.bench.addUser('eve@acme.example', { acme: 'viewer' });
    const eve = await stage.logIn('eve@acme.example');
    const victim = await stage.logIn('ann@acme.example', eve);
    expect(victim).not.toBe(eve);
    expect((await stage.call('GET', '/auth/session', { cookie: eve })).status).toBe(401);
    expect((await stage.call('GET', '/auth/session', { cookie: victim })).body.user).toMatchObject({
      email: 'ann@acme.example',
    });
  });
});

describe('pages of other sites', () => {
  const crossSite: Record<string, string>[] = [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'nonsense' },
  ];
  const posts = ['/auth/login', '/auth/logout', '/auth/password', '/auth/invitations/accept', '/auth/oidc/start'];

  test.each(posts)('cannot make a browser call %s', async (path) => {
    const cookie = await stage.logIn('ann@acme.example');
    for (const headers of crossSite) {
      const answer = await stage.call('POST', path, { cookie, body: login, headers });
      expect([answer.status, answer.cookies], JSON.stringify(headers)).toEqual([403, []]);
    }
    // Of browsers from before 2020, the page's own address tells.
    const old = await fetch(`${stage.url}${path}`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', cookie, 'content-type': 'application/json' },
      body: '{}',
    });
    expect(old.status).toBe(403);
    expect((await stage.call('GET', '/auth/session', { cookie })).status).toBe(200);
  });

  test('cannot send a form or a text in place of JSON', async () => {
    for (const type of [
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'text/plain',
      'application/jsonp',
    ]) {
      const answer = await stage.call('POST', '/auth/login', {
        body: JSON.stringify(login),
        headers: { 'content-type': type },
      });
      expect([answer.status, answer.body.code, answer.cookies], type).toEqual([400, 'REQUEST_INVALID', []]);
    }
  });

  test('may neither frame nor script the page where people log in', async () => {
    for (const path of ['/auth/login', '/auth/invitation', '/auth']) {
      const page = await stage.call('GET', path);
      expect([page.status, page.headers.get('x-frame-options')], path).toEqual([200, 'DENY']);
      const policy = page.headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'; script-src 'self';");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(page.text).not.toMatch(/<script(?![^>]* src="\/auth\/)|style=|\son\w+=/);
    }
  });
});

describe('what a body says', () => {
  test.each([
    [{ ...login, is_operator: true }],
    [{ ...login, role: 'admin', organization: 'bolt' }],
    [{ ...login, user: { id: randomUUID() } }],
    [{ email: ['ann@acme.example'], password: goodPassword }],
    [{ email: { $ne: '' }, password: { $ne: '' } }],
    [{ email: login.email }],
    [{ ...login, password: '' }],
    [[login]],
    ['{"email":"ann@acme.example","password":'],
    ['null'],
  ])('beside what it must say is refused: %j', async (body) => {
    const answer = await stage.call('POST', '/auth/login', { body });
    expect([answer.status, answer.body.code, answer.cookies]).toEqual([400, 'REQUEST_INVALID', []]);
    expect(answer.text).not.toContain(goodPassword);
  });

  test('cannot choose role, organization or address of an invitation', async () => {
    const { token } = await stage.bench.signIn.invite(by, { orgId: 'acme', email: 'bob@acme.example', role: 'viewer' });
    const answer = { token, name: 'Bob', password: goodPassword };
    for (const more of [
      { role: 'admin' },
      { organization: 'bolt' },
      { email: 'ann@acme.example' },
      { is_operator: true },
    ]) {
      const refused = await stage.call('POST', '/auth/invitations/accept', { body: { ...answer, ...more } });
      expect([refused.status, refused.cookies]).toEqual([400, []]);
    }
    const joined = await stage.call('POST', '/auth/invitations/accept', { body: answer });
    expect(joined.body).toMatchObject({
      user: { email: 'bob@acme.example' },
      organizations: [{ id: 'acme', role: 'viewer' }],
    });
    expect((await stage.call('POST', '/auth/invitations/accept', { body: answer })).status).toBe(404);
  });

  test('is bounded', async () => {
    const long = await stage.call('POST', '/auth/login', { body: { ...login, password: 'x'.repeat(20_000) } });
    expect(long.status).toBe(400);
    const proto = await stage.call('POST', '/auth/login', {
      body: `{"__proto__":{"is_operator":true},"email":"a@b","password":"x"}`,
    });
    expect(proto.status).toBe(400);
  });
});

describe('who guesses', () => {
  test('learns nothing of who has an account from words, status or headers', async () => {
    const disabled = await stage.bench.addUser('dan@acme.example');
    await stage.bench.accounts.people.setDisabled(by, disabled.id, true);
    await stage.bench.accounts.people.add(by, { email: 'oidc@acme.example', name: 'No password' });
    const seen = [];
    for (const email of ['ann@acme.example', 'nobody@acme.example', 'dan@acme.example', 'oidc@acme.example']) {
      const { status, body, headers } = await stage.call('POST', '/auth/login', { body: { email, password: 'wrong' } });
      seen.push(JSON.stringify([status, body, [...headers.keys()]]));
    }
    expect(new Set(seen).size).toBe(1);
    expect(stage.logins).toEqual(['refused', 'refused', 'refused', 'refused']);
    const right = await stage.call('POST', '/auth/login', {
      body: { email: 'dan@acme.example', password: goodPassword },
    });
    expect(right.status).toBe(401);
  });

  test('is held up by address, whatever is called', async () => {
    await using strict = await openAuthStage({ addressBurst: 5 });
    const answers = [];
    for (let i = 0; i < 7; i++) answers.push(await strict.call('GET', '/auth/methods'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429, 429]);
    expect(answers[4].headers.get('ratelimit-remaining')).toBe('0');
    expect(Number(answers[6].headers.get('retry-after'))).toBeGreaterThan(1);
    // A header that anybody may write is no address.
    const forwarded = await strict.call('GET', '/auth/methods', { headers: { 'x-forwarded-for': '9.9.9.9' } });
    expect(forwarded.status).toBe(429);
  });

  test('finds no other door', async () => {
    for (const path of [
      '/auth/../auth/session/',
      '/auth/users',
      '/auth/login/x',
      '/auth/__proto__',
      '/auth/constructor',
      '/auth//',
    ])
      expect((await stage.call('GET', path)).status, path).toBe(404);
    for (const [method, path] of [
      ['GET', '/auth/logout'],
      ['DELETE', '/auth/session'],
      ['PUT', '/auth/password'],
    ]) {
      const answer = await stage.call(method, path);
      expect([answer.status, answer.headers.get('allow') !== null], path).toEqual([405, true]);
    }
  });

  test('an admin link opens nothing where nobody offers one', async () => {
    expect((await stage.call('GET', `/auth/link?token=pll_${'A'.repeat(43)}`)).status).toBe(401);
  });
});

describe('the provider’s way', () => {
  const home = 'http://127.0.0.1:1/auth/oidc/callback';
  let provider: OpenIdServer;
  let here: AuthStage;
  beforeEach(async () => {
    provider = await startOpenIdServer(home);
    here = await openAuthStage({ provider, home });
  });
  afterEach(async () => {
    await here[Symbol.asyncDispose]();
    await provider[Symbol.asyncDispose]();
  });

  /** Sets out as `cookie`'s browser, and comes back with the provider's answer. */
  async function trip(account: string, path = '/auth/oidc/start') {
    provider.account = account;
    const start = await here.call('GET', path);
    expect(start.status).toBe(303);
    const back = await walk(start.headers.get('location')!, home);
    return { cookie: cookieOf(start), back: `${back.pathname}${back.search}` };
  }

  test('brings a session to the browser that set out, once, and to nobody else', async () => {
    const ann = await here.bench.addUser('ann@acme.example', { acme: 'viewer' });
    await here.bench.accounts.people.linkIdentity(by, ann.id, { issuer: provider.issuer, subject: 'ann-1' });
    const { cookie, back } = await trip('ann-1', '/auth/oidc/start?return=/board%3Forg%3Dacme');
    // The victim's browser follows the attacker's callback: it did not set out.
    expect((await here.call('GET', back)).status).toBe(401);
    const other = await trip('ann-1');
    expect((await here.call('GET', back, { cookie: other.cookie })).status).toBe(401);
    expect((await here.call('GET', back, { cookie: `${cookie}; ${other.cookie}` })).status).toBe(401);
    const answer = await here.call('GET', back, { cookie });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/board?org=acme']);
    const session = answer.cookies.find((line) => line.startsWith('paceline_session='))!;
    expect((await here.call('GET', '/auth/session', { cookie: session.split(';')[0] })).status).toBe(200);
    const replayed = await here.call('GET', back, { cookie });
    expect([replayed.status, replayed.cookies.some((line) => line.startsWith('paceline_session=pls_'))]).toEqual([
      401,
      false,
    ]);
  });

  test.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/%0d%0aX: y', ''])(
    'leads back to no place but ours: %s',
    async (wanted) => {
      const ann = await here.bench.addUser('ann@acme.example');
      await here.bench.accounts.people.linkIdentity(by, ann.id, { issuer: provider.issuer, subject: 'ann-1' });
      const { cookie, back } = await trip('ann-1', `/auth/oidc/start?return=${wanted}`);
      const location = (await here.call('GET', back, { cookie })).headers.get('location')!;
      expect(new URL(location, 'http://ours.example').origin).toBe('http://ours.example');
    },
  );

  test('links an identity for whoever is logged in, by a call of our own page alone', async () => {
    await here.bench.addUser('ann@acme.example');
    expect((await here.call('POST', '/auth/oidc/start', { body: { link: true } })).status).toBe(401);
    const session = await here.logIn('ann@acme.example');
    const start = await here.call('POST', '/auth/oidc/start', { body: { link: true, return: '/me' }, cookie: session });
    provider.account = 'ann-9';
    const back = await walk(String(start.body.url), home);
    const linked = await here.call('GET', `${back.pathname}${back.search}`, { cookie: cookieOf(start) });
    expect([linked.status, linked.headers.get('location')]).toEqual([303, '/me']);
    expect((await here.bench.accounts.people.findByIdentity(provider.issuer, 'ann-9'))?.email).toBe('ann@acme.example');
  });
});
