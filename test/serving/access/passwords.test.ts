import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Passwords, requireGoodPassword, standardCost } from '../../../src/serving/access/passwords.ts';
import { cheapCost } from './access-bench.ts';

test('a hash is argon2id in the usual format, with a salt of its own, and nothing else opens it', async () => {
  const passwords = new Passwords(randomBytes);
  const hash = await passwords.hash('correct horse battery');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await passwords.hash('correct horse battery')).not.toBe(hash);
  expect(await passwords.verify('correct horse battery', hash)).toBe(true);
  for (const wrong of ['correct horse batterx', '', 'Correct horse battery', `${'x'.repeat(5_000)}`])
    expect(await passwords.verify(wrong, hash)).toBe(false);
  expect(await passwords.verify('correct horse battery', null)).toBe(false);
});

test('knows hashes of another cost', async () => {
  const passwords = new Passwords(randomBytes, cheapCost);
  const own = await passwords.hash('correct horse battery');
  expect(passwords.isOutdated(own)).toBe(false);
  expect(new Passwords(randomBytes, standardCost).isOutdated(own)).toBe(true);
  expect(await new Passwords(randomBytes, standardCost).verify('correct horse battery', own)).toBe(true);
  await expect(passwords.verify('x', '$argon2i$broken')).rejects.toMatchObject({ code: 'ACCESS_UNAVAILABLE' });
});

test('the same password typed on another keyboard is the same', async () => {
  const passwords = new Passwords(randomBytes, cheapCost);
  expect(await passwords.verify('Zürich am See', await passwords.hash('Zu\u0308rich am See'))).toBe(true);
});

test('two are hashed at a time, 64 wait, and who comes then is told at once', async () => {
  const passwords = new Passwords(randomBytes, cheapCost);
  const all = await Promise.allSettled(Array.from({ length: 80 }, () => passwords.hash('correct horse battery')));
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(66);
  for (const each of all)
    if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'ACCESS_OVERLOADED' });
  expect(await passwords.hash('correct horse battery')).toContain('$argon2id$');
});

test.each(['short', 'aaaaaaaaaaaaaaaa', 'abababababab', 'my-annabel-9x', 'x'.repeat(2_000)])(
  'nobody may choose %s',
  (password) => {
    expect(() => requireGoodPassword(password, 'annabel@acme.example')).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID' }),
    );
  },
);
