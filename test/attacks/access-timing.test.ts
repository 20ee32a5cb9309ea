import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { Passwords } from '../../src/serving/access/passwords.ts';
import { SignIn } from '../../src/serving/access/sign-in.ts';
import { LocalRateLimiter } from '../../src/serving/limits/local-rate-limiter.ts';
import { by } from '../exams/accounts-exam.ts';
import { allowances } from '../exams/rate-limiter-exam.ts';
import { makeAccessBench } from '../serving/access/access-bench.ts';

/** Dear enough that the hash is most of the time, on any machine. */
const cost = { memoryKib: 8_192, passes: 2 };
const rounds = 15;

test('a login takes as long for a name that nobody has as for one that somebody has', async () => {
  const { accounts } = await makeAccessBench();
  const passwords = new Passwords(randomBytes, cost);
  const login = { burst: 10_000, perSecond: 1 };
  const signIn = new SignIn({
    ...{ accounts, passwords, random: randomBytes, nowMs: Date.now, sessionMs: 1, invitationMs: 1 },
    limiter: new LocalRateLimiter({ allowances: { ...allowances, login }, steadyMs: () => performance.now() }),
    allowsPasswords: true,
  });
  const ann = await accounts.people.add(by, { email: 'ann@acme.example', name: 'Ann' });
  await accounts.people.setPassword(by, ann.id, await passwords.hash('correct horse battery'));
  await accounts.people.add(by, { email: 'oidc@acme.example', name: 'No password' });
  const times = new Map<string, number[]>();
  // In turn, so that whatever the machine does besides befalls all of them alike.
  for (let round = 0; round < rounds; round++)
    for (const email of ['ann@acme.example', 'nobody@acme.example', 'oidc@acme.example']) {
      const startMs = performance.now();
      await expect(
        signIn.byPassword({ email, password: 'wrong' }, { address: '10.0.0.1', requestId: 'call' }),
      ).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
      times.set(email, [...(times.get(email) ?? []), performance.now() - startMs]);
    }
  const [known, nobody, without] = [...times.values()].map((each) => each.sort((a, b) => a - b)[rounds >> 1]);
  // Without the hash of nobody, the second and third would take a hundredth.
  expect(nobody / known).toBeGreaterThan(0.6);
  expect(without / known).toBeGreaterThan(0.6);
  expect(Math.max(nobody, without) / known).toBeLessThan(1.7);
});
