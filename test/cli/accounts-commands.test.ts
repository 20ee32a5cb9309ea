import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeAdminLink, takeAdminLink } from '../../src/adapters/serving/admin-link.ts';
import { commands } from '../../src/cli/commands.ts';
import { runCommandLine } from '../../src/cli/run-command-line.ts';
import { fakeTerminal } from './terminal-double.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'paceline-users-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

async function run(...args: string[]) {
  const { terminal, texts } = fakeTerminal();
  const exit = await runCommandLine([...args, '--data', directory], commands, terminal);
  return { exit, ...texts };
}
const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).out);

test('people are added, shown, given roles, and taken out', async () => {
  const added = await json('users', 'add', 'Ann@acme.example', '--name', 'Ann Lee', '--org', 'acme', '--role', 'admin');
  expect(added).toMatchObject({ email: 'ann@acme.example', name: 'Ann Lee', org: 'acme', role: 'admin' });
  expect(added.password).toMatch(/^[\w-]{24}$/);
  expect(statSync(join(directory, 'access.sqlite')).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(directory, 'access.sqlite')).includes(added.password)).toBe(false);
  await run('users', 'role', 'ann@acme.example', 'bolt', 'viewer');
  await run('users', 'operator', 'ann@acme.example', 'on');
  expect(await json('users', 'show', 'ann@acme.example')).toMatchObject({
    operator: true,
    roles: ['acme:admin', 'bolt:viewer'],
    sessions: 0,
  });
  await run('users', 'role', 'ann@acme.example', 'bolt', 'none');
  await run('users', 'disable', 'ann@acme.example');
  const [ann] = await json('users', 'list');
  expect(ann).toMatchObject({ email: 'ann@acme.example', operator: true });
  expect(ann.disabled_at).toMatch(/^20\d\d-/);
  expect((await run('users', 'list')).out).toContain('ann@acme.example');
  expect((await json('users', 'password', 'ann@acme.example')).password).not.toBe(added.password);
  expect(await json('users', 'invite', 'eve@acme.example', 'acme', 'viewer')).toMatchObject({
    link: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/auth\/invitation#pli_/),
  });
  expect(await json('users', 'identity', 'ann@acme.example', 'https://id.example', '7')).toMatchObject({
    subject: '7',
  });
});

test('keys are made, listed without their secret, and revoked', async () => {
  const made = await json('api-keys', 'add', 'acme', 'report', '--scope', 'pacing.read', '--expires', '90d');
  expect(made.key).toMatch(/^plk_[a-z2-7]{12}_[\w-]{43}$/);
  const [listed] = await json('api-keys', 'list', 'acme');
  expect(listed).toMatchObject({ id: made.id, prefix: made.prefix, scopes: ['pacing.read'], revoked_at: null });
  expect(JSON.stringify(listed)).not.toContain(made.key.slice(17));
  expect(await json('api-keys', 'revoke', 'acme', made.id)).toMatchObject({ revoked: 1 });
  expect((await json('api-keys', 'list', 'acme'))[0].revoked_at).not.toBeNull();
  expect(await json('sessions', 'list')).toEqual([]);
});

test.each([
  [['users', 'add', 'ann@acme.example'], 65, 'EDIT_CONFLICT'],
  [['users', 'add', 'nonsense'], 65, 'email must read name@host'],
  [['users', 'role', 'ann@acme.example', 'acme', 'king'], 65, 'role must be one of'],
  [['users', 'role', 'nobody@acme.example', 'acme', 'viewer'], 65, 'there is no user'],
  [['users', 'forget', 'x'], 64, 'is not one of list, add EMAIL'],
  [['users', 'add'], 64, 'is not one of'],
  [['api-keys', 'add', 'acme', 'x'], 65, 'at least one scope'],
  [['api-keys', 'add', 'acme', 'x', '--scope', 'all'], 65, 'all is no scope'],
  [['api-keys', 'revoke', 'acme', 'x'], 65, 'there is no such key'],
  [['sessions', 'revoke', 'x'], 65, 'there is no such session'],
  [['sessions', 'end'], 64, 'is not one of list'],
])('%j is refused in a sentence', async (args, exit, words) => {
  const refused = await run(...args);
  expect([refused.exit, refused.out]).toEqual([exit, '']);
  expect(refused.notes).toContain(words);
});

test('the admin link is in a file of its owner, is good once, for an hour, and in place of the one before', async () => {
  const { link } = await json('users', 'admin-link');
  expect(statSync(join(directory, 'admin-link.json')).mode & 0o777).toBe(0o600);
  const first = new URL(link).searchParams.get('token')!;
  const now = Date.now();
  const random = (count: number) => new Uint8Array(count).fill(7);
  const second = makeAdminLink(directory, random, now);
  expect(takeAdminLink(directory, first, now)).toBe(false);
  expect(takeAdminLink(directory, second.token, now)).toBe(true);
  expect(takeAdminLink(directory, second.token, now)).toBe(false);
  const third = makeAdminLink(directory, random, now);
  expect(takeAdminLink(directory, third.token, third.expiresMs)).toBe(false);
  for (const wrong of ['', 'pll_', `pll_${'A'.repeat(43)}`]) expect(takeAdminLink(directory, wrong, now)).toBe(false);
});
