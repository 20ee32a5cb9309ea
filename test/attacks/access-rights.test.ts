import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { permissions, permissionsOfRole } from '../../src/serving/caller.ts';
import { by } from '../exams/accounts-exam.ts';
import { makeAccessBench, reading, withBearer, withSession, writing } from '../serving/access/access-bench.ts';

const refusedWith = async (call: Promise<unknown>): Promise<string> => {
  const outcome = await call.then(
    () => 'let in',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
  return outcome;
};

test('a key may what its scopes say, one by one, and never what no key may', async () => {
  const { authenticator, addKey } = await makeAccessBench();
  for (const scope of permissions.filter((each) => each !== 'engine.read')) {
    const { key } = await addKey('acme', [scope]);
    const caller = await authenticator.authenticate(withBearer(key), writing('acme'));
    expect([...caller.permissions], scope).toEqual([scope]);
    expect(caller.role, scope).not.toBe('operator');
  }
  await expect(addKey('acme', ['engine.read'])).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
});

test('each role has its permissions in its organization, and none anywhere else', async () => {
  const { authenticator, addUser, logIn } = await makeAccessBench();
  const refusals = new Set<string>();
  for (const role of ['viewer', 'editor', 'admin'] as const) {
    await addUser(`${role}@acme.example`, { acme: role });
    const token = await logIn(`${role}@acme.example`);
    const caller = await authenticator.authenticate(withSession(token), reading('acme'));
    expect([...caller.permissions].sort(), role).toEqual([...permissionsOfRole[role]].sort());
    expect((await authenticator.authenticate(withSession(token), reading(null))).permissions.size).toBe(0);
    // Of another organization, of none that there is, and of what is no organization: in the same words.
    for (const org of [
      'bolt',
      'nobody',
      '_default',
      '_system',
      '_engine',
      'a/b',
      '',
      'ACME',
      'acme ',
      "acme'--",
      '☃',
      'a'.repeat(65),
    ])
      refusals.add(await refusedWith(authenticator.authenticate(withSession(token), reading(org))));
  }
  expect([...refusals]).toEqual(['FORBIDDEN: you are no member of this organization']);
});

test('a key with another’s prefix, a cut or changed secret, or of another organization opens nothing', async () => {
  const { authenticator, addKey } = await makeAccessBench();
  const [acme, bolt] = [(await addKey('acme', ['pacing.read'])).key, (await addKey('bolt', ['pacing.read'])).key];
  const wrong = [
    `${acme.slice(0, 17)}${bolt.slice(17)}`,
    acme.slice(0, -1),
    `${acme}A`,
    acme.slice(0, 16),
    `${acme.slice(0, 20)}${'A'.repeat(40)}`,
    acme.replace('plk_', 'pls_'),
    acme.toUpperCase(),
    `plk_${'%'.repeat(12)}_${'A'.repeat(43)}`,
  ];
  const refusals = new Set<string>();
  for (const key of wrong)
    refusals.add(await refusedWith(authenticator.authenticate(withBearer(key), reading('acme'))));
  expect([...refusals]).toEqual(['UNAUTHENTICATED: the session or key is wrong, expired or revoked']);
  expect(await refusedWith(authenticator.authenticate(withBearer(acme), reading('bolt')))).toContain('FORBIDDEN');
  // As a cookie, it is none.
  expect(await refusedWith(authenticator.authenticate(withSession(acme), reading('acme')))).toContain(
    'UNAUTHENTICATED',
  );
});

test('ids of sessions, keys and invitations of others are found by nobody', async () => {
  const { accounts, addUser, addKey, logIn, signIn } = await makeAccessBench();
  const ann = await addUser('ann@acme.example', { acme: 'admin' });
  const eve = await addUser('eve@bolt.example', { bolt: 'admin' });
  await logIn('ann@acme.example');
  const [session] = await accounts.sessions.list({ userId: ann.id });
  const key = await addKey('acme', ['pacing.read']);
  const { invitation } = await signIn.invite(by, { orgId: 'acme', email: 'x@y.example', role: 'viewer' });
  const refusals = [
    accounts.sessions.revoke(by, session.id, eve.id),
    accounts.sessions.revoke(by, randomUUID(), eve.id),
    accounts.keys.revoke(by, 'bolt', key.id),
    accounts.keys.revoke(by, 'bolt', randomUUID()),
    accounts.invitations.revoke(by, 'bolt', invitation.id),
    accounts.invitations.revoke(by, 'bolt', randomUUID()),
    accounts.people.removeMember(by, 'bolt', ann.id),
    accounts.people.removeMember(by, 'bolt', randomUUID()),
    accounts.people.setPermissions(by, 'bolt', ann.id, ['rules.write']),
  ];
  const words = await Promise.all(refusals.map(refusedWith));
  expect(words.every((each) => /^NOT_FOUND: there is no such (session|key|invitation|member)$/.test(each))).toBe(true);
  expect(await accounts.sessions.list({ userId: ann.id })).toHaveLength(1);
});
