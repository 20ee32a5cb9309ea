import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { by } from '../../exams/accounts-exam.ts';
import { goodPassword, makeAccessBench, reading, visit, withBearer, withSession, writing } from './access-bench.ts';

test('a person of two organizations is who the membership says, in each of them', async () => {
  const bench = await makeAccessBench();
  const { id } = await bench.addUser('ann@acme.example', { acme: 'viewer', bolt: 'admin' });
  const token = await bench.logIn('ann@acme.example');
  const inAcme = await bench.authenticator.authenticate(withSession(token), reading('acme'));
  expect(inAcme).toMatchObject({ actor: { kind: 'user', id }, orgId: 'acme', role: 'viewer', requestId: 'call' });
  expect(inAcme.permissions.has('rules.write')).toBe(false);
  const inBolt = await bench.authenticator.authenticate(withSession(token), reading('bolt'));
  expect([inBolt.role, inBolt.permissions.has('members.write'), inBolt.permissions.has('engine.read')]).toEqual([
    'admin',
    true,
    false,
  ]);
  const own = await bench.authenticator.authenticate(withSession(token), reading(null));
  expect([own.role, own.permissions.size]).toEqual(['viewer', 0]);
  await bench.accounts.people.setPermissions(by, 'acme', id, ['rules.write']);
  const more = await bench.authenticator.authenticate(withSession(token), reading('acme'));
  expect(more.permissions.has('rules.write')).toBe(true);
});

test('a key has its scopes in its organization, until it expires, and its use is noted', async () => {
  const bench = await makeAccessBench();
  const { key, id } = await bench.addKey('acme', ['pacing.read', 'rules.write'], bench.now + 1_000);
  const caller = await bench.authenticator.authenticate(withBearer(key), writing('acme'));
  expect(caller).toMatchObject({ actor: { kind: 'key', id }, orgId: 'acme', role: 'editor' });
  expect([...caller.permissions]).toEqual(['pacing.read', 'rules.write']);
  await expect(bench.authenticator.authenticate(withBearer(key), reading('bolt'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  expect((await bench.accounts.keys.list('acme'))[0].usedMs).toBe(bench.now);
  bench.now += 1_000;
  await expect(bench.authenticator.authenticate(withBearer(key), reading('acme'))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});

test('an operator enters every organization, and each shows it in its audit log, once a session', async () => {
  const bench = await makeAccessBench();
  const { id } = await bench.addUser('op@acme.example', { acme: 'viewer' });
  await bench.accounts.people.setOperator(by, id, true);
  const token = await bench.logIn('op@acme.example');
  for (const org of ['bolt', 'bolt', 'acme']) {
    const caller = await bench.authenticator.authenticate(withSession(token), reading(org));
    expect(caller).toMatchObject({ actor: { kind: 'operator', id }, role: 'operator', orgId: org });
  }
  const visits = await bench.accounts.audit.list('bolt', { table: 'operator_visits' });
  expect(visits).toMatchObject([{ actor: `operator:${id}`, requestId: 'call', action: 'insert' }]);
  expect(await bench.accounts.audit.list('acme', { table: 'operator_visits' })).toEqual([]);
});

test('an operator whose visit cannot be noted is not let in', async () => {
  const bench = await makeAccessBench();
  const { id } = await bench.addUser('op@acme.example');
  await bench.accounts.people.setOperator(by, id, true);
  const token = await bench.logIn('op@acme.example');
  await bench.database.read('DROP TABLE paceline.operator_visits');
  await expect(bench.authenticator.authenticate(withSession(token), reading('bolt'))).rejects.toMatchObject({
    code: 'ACCESS_UNAVAILABLE',
  });
});

test('a session counts for no write from another site; a key does', async () => {
  const bench = await makeAccessBench();
  await bench.addUser('ann@acme.example', { acme: 'admin' });
  const token = await bench.logIn('ann@acme.example');
  const crossSite = withSession(token, { isCrossSite: true });
  await expect(bench.authenticator.authenticate(crossSite, writing('acme'))).rejects.toMatchObject({
    code: 'FORBIDDEN',
  });
  expect(await bench.authenticator.authenticate(crossSite, reading('acme'))).toMatchObject({ role: 'admin' });
  const { key } = await bench.addKey('acme', ['rules.write']);
  const byKey = { ...withBearer(key), isCrossSite: true };
  expect(await bench.authenticator.authenticate(byKey, writing('acme'))).toMatchObject({ role: 'editor' });
});

test('too many attempts for one name, or of one place, are refused before the password is looked at', async () => {
  const bench = await makeAccessBench({ loginBurst: 5 });
  await bench.addUser('ann@acme.example');
  const attempt = (email: string, password: string, address: string) =>
    bench.signIn.byPassword({ email, password }, { address, requestId: 'call' });
  for (let i = 0; i < 5; i++)
    await expect(attempt('ann@acme.example', 'wrong', `10.0.0.${i}`)).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
    });
  await expect(attempt('Ann@acme.example', goodPassword, '10.0.0.9')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  for (let i = 0; i < 5; i++)
    await expect(attempt(`p${i}@acme.example`, 'wrong', '10.9.9.9')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(attempt('p9@acme.example', 'wrong', '10.9.9.9')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  bench.now += 100_000;
  await expect(attempt('ann@acme.example', goodPassword, '10.0.0.9')).resolves.toMatchObject({
    user: { email: 'ann@acme.example' },
  });
});

test('a login refreshes a hash that was made at a lower cost', async () => {
  const bench = await makeAccessBench();
  const { id } = await bench.addUser('ann@acme.example');
  const { hash } = await import('node:crypto').then(({ argon2Sync, randomBytes }) => {
    const nonce = randomBytes(16);
    const derived = argon2Sync('argon2id', {
      message: goodPassword,
      nonce,
      parallelism: 1,
      tagLength: 32,
      memory: 32,
      passes: 1,
    });
    const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
    return { hash: `$argon2id$v=19$m=32,t=1,p=1$${text(nonce)}$${text(derived)}` };
  });
  await bench.accounts.people.setPassword(by, id, hash);
  await bench.logIn('ann@acme.example');
  const stored = await bench.accounts.people.findPassword('ann@acme.example');
  expect(stored?.passwordHash).toContain('m=64,t=1');
});

test('a changed password ends the other sessions, and needs the old one', async () => {
  const bench = await makeAccessBench();
  const { id } = await bench.addUser('ann@acme.example', { acme: 'viewer' });
  const own = await bench.signIn.byPassword({ email: 'ann@acme.example', password: goodPassword }, visit);
  const other = await bench.logIn('ann@acme.example');
  const change = (old: string, next: string) =>
    bench.signIn.changePassword({ userId: id, sessionId: own.sessionId, old, next }, visit);
  await expect(change('wrong', 'another good password')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(change(goodPassword, 'short')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  await change(goodPassword, 'another good password');
  expect(await bench.authenticator.authenticate(withSession(own.token), reading('acme'))).toMatchObject({
    role: 'viewer',
  });
  await expect(bench.authenticator.authenticate(withSession(other), reading('acme'))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  });
});

test('who is invited signs up, or proves to be who has the address already', async () => {
  const bench = await makeAccessBench();
  const invite = async (email: string) =>
    (await bench.signIn.invite(by, { orgId: 'acme', email, role: 'editor' })).token;
  const accept = (token: string, password: string) =>
    bench.signIn.acceptInvitation({ token, name: 'Eve', password }, visit);
  const token = await invite('eve@acme.example');
  await expect(accept(token, 'short')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  const opened = await accept(token, goodPassword);
  const caller = await bench.authenticator.authenticate(withSession(opened.token), reading('acme'));
  expect(caller).toMatchObject({ role: 'editor', actor: { kind: 'user', id: opened.user.id } });
  await expect(accept(token, goodPassword)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await bench.addUser('bob@acme.example', { bolt: 'viewer' });
  const again = await invite('bob@acme.example');
  await expect(accept(again, 'not his password')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect((await accept(again, goodPassword)).user.email).toBe('bob@acme.example');
  for (const wrong of ['', 'pli_x', `pli_${'A'.repeat(43)}`, randomUUID()])
    await expect(accept(wrong, goodPassword)).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
