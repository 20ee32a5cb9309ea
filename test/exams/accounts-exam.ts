import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Accounts, openAccounts } from '../../src/serving/access/store/accounts.ts';
import type { AccountsDatabase } from '../../src/serving/access/store/accounts-database.ts';
import { versionsKept } from '../../src/serving/access/store/configurations.ts';
import { sessionsPerUserMax } from '../../src/serving/access/store/sessions.ts';

export interface AccountsBench extends AsyncDisposable {
  /** Another process over the same accounts. */
  open(nowMs: () => number): Promise<AccountsDatabase>;
  addOrganizations(ids: readonly string[]): Promise<void>;
}

export const by = { actor: 'user:ann', requestId: 'call-1' };
export const hashOf = (token: string): Uint8Array => createHash('sha256').update(token).digest();
const hour = 3_600_000;

/** The exam of every store of accounts. */
export function examineAccounts(name: string, makeBench: () => Promise<AccountsBench>): void {
  describe(`accounts in ${name}`, () => {
    let bench: AccountsBench;
    let accounts: Accounts;
    let now = Date.parse('2026-11-30T12:00:00Z');
    let touched: string[] = [];
    let people = 0;

    const open = async () =>
      openAccounts({
        database: await bench.open(() => now),
        nowMs: () => now,
        newId: randomUUID,
        onTouched: async (hashes) => {
          touched.push(...hashes.map((hash) => Buffer.from(hash).toString('hex')));
        },
      });
    const addUser = async (email = `p${people++}@acme.example`) =>
      await accounts.people.add(by, { email, name: 'A Person' });
    const addSession = async (userId: string, token: string = randomBytes(16).toString('hex')) => {
      const session = {
        orgId: 'acme',
        userId,
        tokenHash: hashOf(token),
        method: 'password',
        expiresMs: now + hour,
      } as const;
      return { token, id: await accounts.sessions.add(by, session) };
    };

    beforeAll(async () => {
      bench = await makeBench();
      await bench.addOrganizations(['acme', 'bolt']);
      accounts = await open();
    });
    afterAll(async () => {
      await accounts.close();
      await bench[Symbol.asyncDispose]();
    });

    test('a user is found by id, address and identity, and each address is taken once', async () => {
      const user = await addUser('  Ann@Acme.example ');
      expect(user).toMatchObject({ email: 'ann@acme.example', isOperator: false, disabledMs: null, createdMs: now });
      expect(await accounts.people.find(user.id)).toEqual(user);
      expect(await accounts.people.findByEmail('ANN@acme.example')).toEqual(user);
      expect(await accounts.people.findByEmail('bob@acme.example')).toBeNull();
      await expect(addUser('ann@acme.example')).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
      for (const email of ['', 'ann', 'a b@c', `${'x'.repeat(250)}@acme.example`, 'a\0@b'])
        await expect(addUser(email), email).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await accounts.people.linkIdentity(by, user.id, { issuer: 'https://id.example', subject: '7' });
      await accounts.people.linkIdentity(by, user.id, { issuer: 'https://id.example', subject: '7' });
      expect(await accounts.people.findByIdentity('https://id.example', '7')).toEqual(user);
      expect(await accounts.people.findByIdentity('https://other.example', '7')).toBeNull();
      const other = await addUser();
      await expect(
        accounts.people.linkIdentity(by, other.id, { issuer: 'https://id.example', subject: '7' }),
      ).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
      await expect(accounts.people.find("x' OR '1'='1")).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await accounts.people.find(randomUUID())).toBeNull();
      expect((await accounts.people.list()).map(({ email }) => email)).toContain('ann@acme.example');
      expect(await accounts.people.list({ after: 'zzz' })).toEqual([]);
    });

    test('a new password ends the other sessions, and a refreshed hash none', async () => {
      const user = await addUser();
      expect(await accounts.people.findPassword(user.email)).toEqual({ user, passwordHash: null });
      expect(await accounts.people.findPassword('nobody@acme.example')).toBeNull();
      const [kept, lost] = [await addSession(user.id), await addSession(user.id)];
      touched = [];
      await accounts.people.setPassword(by, user.id, '$argon2id$one', kept.id);
      expect((await accounts.people.findPassword(user.email))?.passwordHash).toBe('$argon2id$one');
      expect(touched).toEqual([Buffer.from(hashOf(lost.token)).toString('hex')]);
      expect(await accounts.sessions.find(hashOf(lost.token), 'acme')).toBeNull();
      await accounts.people.refreshPassword(by, user.id, '$argon2id$two');
      expect((await accounts.people.findPassword(user.email))?.passwordHash).toBe('$argon2id$two');
      expect(await accounts.sessions.find(hashOf(kept.token), 'acme')).not.toBeNull();
    });

    test('a session says what its person may in the organization that is asked for', async () => {
      const user = await addUser();
      const { token, id } = await addSession(user.id);
      const inAcme = () => accounts.sessions.find(hashOf(token), 'acme');
      expect(await inAcme()).toMatchObject({ sessionId: id, userId: user.id, role: null, permissions: [] });
      await accounts.people.setRole(by, 'acme', user.id, 'viewer');
      touched = [];
      await accounts.people.setPermissions(by, 'acme', user.id, ['rules.write', 'audit.read']);
      expect(touched).toEqual([Buffer.from(hashOf(token)).toString('hex')]);
      const facts = await inAcme();
      expect(facts).toMatchObject({ role: 'viewer', isOperator: false });
      expect([...facts!.permissions].sort()).toEqual(['audit.read', 'rules.write']);
      expect(await accounts.sessions.find(hashOf(token), 'bolt')).toMatchObject({ role: null, permissions: [] });
      expect(await accounts.sessions.find(hashOf(token), null)).toMatchObject({ role: null, permissions: [] });
      await accounts.people.setRole(by, 'bolt', user.id, 'admin');
      expect(await accounts.people.membershipsOf(user.id)).toEqual([
        { orgId: 'acme', role: 'viewer' },
        { orgId: 'bolt', role: 'admin' },
      ]);
      expect(await accounts.sessions.find(hashOf(token), 'bolt')).toMatchObject({ role: 'admin' });
      await accounts.people.removeMember(by, 'acme', user.id);
      expect(await inAcme()).toMatchObject({ role: null, permissions: [] });
      await expect(accounts.people.removeMember(by, 'acme', user.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await accounts.people.setOperator(by, user.id, true);
      expect(await inAcme()).toMatchObject({ isOperator: true });
      await accounts.people.setDisabled(by, user.id, true);
      expect(await inAcme()).toBeNull();
      await accounts.people.setDisabled(by, user.id, false);
      await accounts.people.setOperator(by, user.id, false);
      expect(await inAcme()).toMatchObject({ isOperator: false });
      await expect(accounts.people.setRole(by, 'none', user.id, 'viewer')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(accounts.people.setRole(by, '_default', user.id, 'viewer')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await expect(accounts.people.setRole(by, 'acme', randomUUID(), 'viewer')).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      await expect(accounts.people.setRole(by, 'acme', user.id, 'operator' as never)).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      await expect(accounts.people.setPermissions(by, 'bolt', user.id, ['engine.read'])).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
    });

    test('a session ends when it is revoked, when its time is over, and when its person has too many', async () => {
      const user = await addUser();
      const stranger = await addUser();
      const { token, id } = await addSession(user.id);
      await expect(accounts.sessions.revoke(by, id, stranger.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await accounts.sessions.find(hashOf(token), 'acme')).not.toBeNull();
      touched = [];
      await accounts.sessions.revoke(by, id, user.id);
      expect(touched).toEqual([Buffer.from(hashOf(token)).toString('hex')]);
      expect(await accounts.sessions.find(hashOf(token), 'acme')).toBeNull();
      await expect(accounts.sessions.revoke(by, id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const later = await addSession(user.id);
      now += hour;
      expect(await accounts.sessions.find(hashOf(later.token), 'acme')).toBeNull();
      const first = await addSession(user.id);
      for (let i = 0; i < sessionsPerUserMax; i++) {
        now += 1;
        await addSession(user.id);
      }
      expect(await accounts.sessions.find(hashOf(first.token), 'acme')).toBeNull();
      const live = await accounts.sessions.list({ userId: user.id });
      expect(live).toHaveLength(sessionsPerUserMax);
      expect(live[0]).toMatchObject({ orgId: 'acme', userId: user.id, email: user.email, method: 'password' });
      expect(await accounts.sessions.revokeAllOf(by, user.id)).toBe(sessionsPerUserMax);
      expect(await accounts.sessions.list({ userId: user.id })).toEqual([]);
    });

    test('a key is found by its prefix while it lives, and lists show no secret', async () => {
      const key = {
        orgId: 'acme',
        name: 'report',
        prefix: 'abcdefgh2345',
        hash: hashOf('secret'),
        scopes: ['pacing.read', 'alerts.read'],
        expiresMs: now + hour,
      } as const;
      const made = await accounts.keys.add(by, key);
      expect(made).toMatchObject({ createdBy: 'user:ann', createdMs: now, revokedMs: null, usedMs: null });
      const found = await accounts.keys.find('abcdefgh2345');
      expect(found).toMatchObject({ orgId: 'acme', id: made.id, scopes: ['pacing.read', 'alerts.read'] });
      expect(Buffer.from(found!.hash)).toEqual(Buffer.from(key.hash));
      await accounts.keys.noteUse({ orgId: 'acme', id: made.id });
      expect(await accounts.keys.list('acme')).toEqual([{ ...made, usedMs: now }]);
      expect(await accounts.keys.list('bolt')).toEqual([]);
      await expect(accounts.keys.revoke(by, 'bolt', made.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      now += hour;
      expect(await accounts.keys.find('abcdefgh2345')).toBeNull();
      const other = { ...key, prefix: 'bbbbbbbb2345', expiresMs: null };
      touched = [];
      await accounts.keys.revoke(by, 'acme', (await accounts.keys.add(by, other)).id);
      expect(touched).toEqual([Buffer.from(key.hash).toString('hex')]);
      expect(await accounts.keys.find('bbbbbbbb2345')).toBeNull();
      for (const wrong of [
        { scopes: [] },
        { scopes: ['engine.read'] },
        { scopes: ['everything'] },
        { name: ' ' },
        { expiresMs: now },
      ])
        await expect(
          accounts.keys.add(by, { ...other, prefix: 'c23456723456', ...wrong } as never),
        ).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
        });
      await expect(accounts.keys.add(by, { ...other, orgId: 'none' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const living = await accounts.keys.add(by, { ...other, prefix: 'dddddddd2345' });
      const nobody = { actor: 'paceline', requestId: 'forget' };
      expect(await accounts.keys.forget(nobody, now - 24 * hour)).toBe(0);
      now += hour;
      // One ran out, with its use beside it; one was revoked.
      expect(await accounts.keys.forget(nobody, now)).toBe(2);
      expect(await accounts.keys.forget(nobody, now)).toBe(0);
      expect((await accounts.keys.list('acme')).map(({ id }) => id)).toEqual([living.id]);
    });

    test('an invitation is taken once, and never lowers a role', async () => {
      const invite = (token: string, role: 'viewer' | 'admin') =>
        accounts.invitations.add(by, {
          orgId: 'bolt',
          email: 'Eve@Acme.example',
          role,
          tokenHash: hashOf(token),
          expiresMs: now + hour,
        });
      const first = await invite('i-1', 'admin');
      expect(first).toMatchObject({ email: 'eve@acme.example', orgId: 'bolt', createdBy: 'user:ann' });
      expect(await accounts.invitations.find(hashOf('i-1'))).toEqual(first);
      const second = await invite('i-2', 'admin');
      expect(await accounts.invitations.find(hashOf('i-1'))).toBeNull();
      expect(await accounts.invitations.list('bolt')).toEqual([second]);
      expect(await accounts.invitations.list('acme')).toEqual([]);
      const eve = await addUser('eve@acme.example');
      await accounts.invitations.accept(by, hashOf('i-2'), eve.id);
      await expect(accounts.invitations.accept(by, hashOf('i-2'), eve.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await accounts.people.membershipsOf(eve.id)).toEqual([{ orgId: 'bolt', role: 'admin' }]);
      await invite('i-3', 'viewer');
      await accounts.invitations.accept(by, hashOf('i-3'), eve.id);
      expect(await accounts.people.membershipsOf(eve.id)).toEqual([{ orgId: 'bolt', role: 'admin' }]);
      const third = await invite('i-4', 'viewer');
      await expect(accounts.invitations.revoke(by, 'acme', third.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await accounts.invitations.revoke(by, 'bolt', third.id);
      expect(await accounts.invitations.find(hashOf('i-4'))).toBeNull();
      await invite('i-5', 'viewer');
      now += hour;
      expect(await accounts.invitations.find(hashOf('i-5'))).toBeNull();
      expect((await accounts.people.membersOf('bolt')).map(({ email, role }) => [email, role])).toContainEqual([
        'eve@acme.example',
        'admin',
      ]);
    });

    test('what ended long ago is forgotten, and nothing that lives; the audit log keeps it', async () => {
      const { id: userId } = await addUser();
      const over = await addSession(userId);
      const revoked = await addSession(userId);
      await accounts.sessions.revoke(by, revoked.id);
      const taken = { orgId: 'acme', email: 'over@acme.example', role: 'viewer', expiresMs: now + hour } as const;
      const old = await accounts.invitations.add(by, { ...taken, tokenHash: hashOf('over') });
      const began = now;
      now += 2 * hour;
      const living = await addSession(userId);
      const open = await accounts.invitations.add(by, {
        ...{ ...taken, email: 'open@acme.example', expiresMs: now + hour, tokenHash: hashOf('open') },
      });
      // Of an hour before the first of them ended there is nothing to forget.
      const nobody = { actor: 'paceline', requestId: 'forget' };
      const before = await accounts.sessions.forget(nobody, began - 365 * 24 * hour);
      expect(before).toBe(0);
      expect(await accounts.sessions.forget(nobody, now)).toBeGreaterThanOrEqual(2);
      expect(await accounts.sessions.forget(nobody, now)).toBe(0);
      expect(await accounts.invitations.forget(nobody, now)).toBeGreaterThanOrEqual(1);
      expect(await accounts.sessions.find(hashOf(living.token), 'acme')).not.toBeNull();
      expect((await accounts.invitations.list('acme')).map(({ id }) => id)).toContain(open.id);
      const told = await accounts.audit.list('acme', { table: 'invitations', key: `acme/${old.id}` });
      expect(told.map(({ action, actor }) => `${action} ${actor}`)).toEqual(['delete paceline', 'insert user:ann']);
      const [ofSession] = await accounts.audit.list('acme', { table: 'sessions', key: `acme/${over.id}` });
      expect(ofSession).toMatchObject({ action: 'delete', after: null });
    });

    test('of two who saw the same version of a document, one writes the next', async () => {
      const write = (text: string | null, expected: number, orgId = 'acme') =>
        accounts.configurations.write(by, { orgId, name: 'views', text }, expected);
      expect(await accounts.configurations.read('acme', 'views')).toBeNull();
      expect(await write('{"a":1}', 0)).toMatchObject({ version: 1, document: '{"a":1}', createdBy: 'user:ann' });
      await expect(write('{}', 0)).rejects.toMatchObject({ code: 'EDIT_CONFLICT' });
      const both = await Promise.allSettled([write('{"b":1}', 1), write('{"b":2}', 1)]);
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await accounts.configurations.read('acme', 'views')).toMatchObject({ version: 2 });
      expect(await accounts.configurations.read('bolt', 'views')).toBeNull();
      expect(await write(null, 2)).toMatchObject({ version: 3, document: null });
      expect(await accounts.configurations.read('acme', 'views')).toBeNull();
      expect(await accounts.configurations.list('acme')).toEqual([]);
      expect(await write('{"c":1}', 0)).toMatchObject({ version: 4 });
      for (let version = 4; version < 4 + versionsKept; version++) await write(`{"v":${version}}`, version);
      const history = await accounts.configurations.history('acme', 'views');
      expect(history).toHaveLength(versionsKept);
      expect(history[0]).toMatchObject({ version: 4 + versionsKept });
      expect(await accounts.configurations.list('acme')).toEqual([history[0]]);
      await expect(write('{', 0, 'bolt')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(write('{}', 0, 'none')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    test('a call with a key is taken once, answered once, and free again where it was refused', async () => {
      const { calls } = accounts;
      const call = { keyHash: hashOf('key of a call'), requestHash: hashOf('call') };
      const taken = await Promise.all([calls.take(by, 'acme', call), calls.take(by, 'acme', call)]);
      expect(taken.filter((each) => each === null)).toHaveLength(1);
      await calls.release(by, call.keyHash);
      const other = { ...call, requestHash: hashOf('another call') };
      expect(await calls.take(by, 'acme', other)).toBeNull();
      await calls.settle(by, call.keyHash, 'sealed');
      await calls.settle(by, call.keyHash, 'once more');
      await calls.release(by, call.keyHash);
      const known = await calls.take(by, 'bolt', call);
      expect(known).toMatchObject({ takenMs: now, answer: 'sealed' });
      expect(Buffer.from(known!.requestHash)).toEqual(Buffer.from(other.requestHash));
      expect(await calls.take(by, null, { ...call, keyHash: hashOf('of no organization') })).toBeNull();
      expect(await calls.forget(by, now)).toBe(0);
      expect(await calls.forget(by, now + 1)).toBe(2);
      expect(await calls.take(by, 'acme', call)).toBeNull();
      expect(await calls.forget(by, now + 1)).toBe(1);
    });

    test('a dead letter is taken once, and again only where nobody wrote down what became of it', async () => {
      const claim = {
        ...{ topic: 'ads.events.v1', partition: 3, offset: 281_474_976_710_000, toPartition: 5, fromOffset: 70 },
        ...{ sha256: 'ab'.repeat(32), isMended: true, newEventId: 'cd'.repeat(16) },
      };
      const second = { ...claim, partition: 4, isMended: false, newEventId: null };
      const { replays } = accounts;
      const [one, two] = [randomUUID(), randomUUID()];
      const at = now;
      const call = { orgId: 'acme', replayId: one, staleBeforeMs: now - 1_000 };
      const taken = await Promise.all([replays.take(by, call, [claim, second]), replays.take(by, call, [claim])]);
      expect(
        taken
          .flat()
          .map(({ partition }) => partition)
          .sort(),
      ).toEqual([3, 4]);
      const mine = { orgId: 'acme', replayId: one, createdBy: by.actor, createdMs: at, toOffset: null, sentMs: null };
      expect(await replays.of('acme', [claim, second])).toEqual(
        expect.arrayContaining([
          { ...claim, ...mine },
          { ...second, ...mine },
        ]),
      );
      expect(await replays.of('bolt', [claim])).toEqual([]);
      expect(await replays.of('acme', [])).toEqual([]);

      await replays.settle(by, 'acme', [{ ...claim, toOffset: 71 }]);
      now += 5_000;
      // What was sent is nobody's to take; what was left is.
      const later = { orgId: 'acme', replayId: two, staleBeforeMs: now - 1_000 };
      expect(
        (await replays.take(by, later, [claim, { ...second, fromOffset: 90 }])).map(({ partition }) => partition),
      ).toEqual([4]);
      await replays.settle(by, 'bolt', [{ ...second, toOffset: 91 }]);
      expect(await replays.list('acme')).toEqual([
        { ...second, ...mine, fromOffset: 90, replayId: two, createdMs: now },
        { ...claim, ...mine, toOffset: 71, sentMs: at },
      ]);
      expect(await replays.list('acme', { replayId: one, count: 5 })).toHaveLength(1);
      expect(await replays.list('acme', { letter: second })).toHaveLength(1);
      expect(await replays.list('acme', { before: { ...second, createdMs: now } })).toHaveLength(1);
      expect(await replays.list('bolt')).toEqual([]);

      // Letters of nobody are the operators'.
      await replays.take(by, { ...call, orgId: '_system' }, [claim]);
      expect(await replays.list('_system')).toHaveLength(1);
      await expect(replays.list('_default')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      const audit = await accounts.audit.list('acme', { table: 'replays' });
      expect(audit.map(({ action, key }) => `${action} ${key}`)).toEqual([
        'update acme/ads.events.v1/4/281474976710000',
        'update acme/ads.events.v1/3/281474976710000',
        'insert acme/ads.events.v1/4/281474976710000',
        'insert acme/ads.events.v1/3/281474976710000',
      ]);
      // What is under way is never forgotten: its letter may be taken over.
      const nobody = { actor: 'paceline', requestId: 'forget' };
      expect(await replays.forget(nobody, now - 24 * hour)).toBe(0);
      expect(await replays.forget(nobody, now + hour)).toBeGreaterThanOrEqual(1);
      expect(await replays.list('acme', { letter: claim })).toEqual([]);
      expect(await replays.list('_system')).toHaveLength(1);
    });

    test('every change is in the audit log: who, before, after, by which call; no hash of a secret', async () => {
      const who = { actor: 'key:7', requestId: 'call-42' };
      const user = await addUser();
      await accounts.people.setRole(who, 'acme', user.id, 'viewer');
      await accounts.people.setRole(who, 'acme', user.id, 'editor');
      const key = `acme/${user.id}`;
      const [newest, oldest] = await accounts.audit.list('acme', { table: 'org_memberships', key });
      expect(newest).toMatchObject({
        actor: 'key:7',
        requestId: 'call-42',
        action: 'update',
        before: { role: 'viewer' },
        after: { role: 'editor' },
      });
      expect(oldest).toMatchObject({ action: 'insert', before: null, after: { role: 'viewer' } });
      expect((await accounts.audit.list('acme', { actor: 'key:7' })).map(({ id }) => id)).toEqual([
        newest.id,
        oldest.id,
      ]);
      expect(await accounts.audit.list('acme', { actor: 'key:7', before: newest, count: 5 })).toEqual([oldest]);
      expect(await accounts.audit.list('bolt', { actor: 'key:7' })).toEqual([]);
      const all: string[] = [];
      let last: { atMicros: number; id: string } | undefined;
      for (;;) {
        const page = await accounts.audit.list('acme', { count: 7, ...(last && { before: last }) });
        if (page.length === 0) break;
        all.push(...page.map(({ id }) => id));
        last = page.at(-1)!;
      }
      expect(new Set(all).size).toBe(all.length);
      const text = JSON.stringify([await accounts.audit.list('acme'), await accounts.audit.listSystem()]);
      expect(text).not.toMatch(/token_hash|key_hash|password_hash/);
      expect(text).toContain('"credentials"');
      await accounts.sessions.noteVisit(who, { orgId: 'bolt', sessionId: randomUUID(), userId: user.id });
      expect((await accounts.audit.list('bolt'))[0]).toMatchObject({ table: 'operator_visits', actor: 'key:7' });
    });

    test('another process sees all of it, and closing twice harms nothing', async () => {
      const other = await open();
      const user = await addUser();
      expect(await other.people.find(user.id)).toEqual(user);
      expect(await other.people.hasAny()).toBe(true);
      expect(await other.people.organizations()).toEqual(['acme', 'bolt']);
      await other.close();
    });
  });
}
