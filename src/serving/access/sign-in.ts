import { createHash } from 'node:crypto';
import { EngineError } from '../../model/errors.ts';
import { addressSubject } from '../limits/limit-headers.ts';
import type { RateLimiter } from '../limits/rate-limiter.ts';
import type { WriteContext } from '../ports.ts';
import { type Passwords, requireGoodPassword } from './passwords.ts';
import type { Accounts } from './store/accounts.ts';
import type { Invitation } from './store/invitations.ts';
import { checkedEmail, type MemberRole, type User } from './store/people.ts';
import type { SessionMethod } from './store/sessions.ts';
import { makeToken, type RandomBytes, readToken } from './tokens.ts';

interface SignInOptions {
  readonly accounts: Accounts;
  readonly passwords: Passwords;
  readonly limiter: RateLimiter;
  readonly random: RandomBytes;
  readonly nowMs: () => number;
  readonly sessionMs: number;
  readonly invitationMs: number;
  /** False: people come by OpenID alone. */
  readonly allowsPasswords: boolean;
}

/** A session that was just opened; its token is shown to its holder alone. */
export interface OpenedSession {
  readonly token: string;
  readonly expiresMs: number;
  readonly sessionId: string;
  readonly user: User;
}

/** Where a call comes from, and its number. */
export interface Visit {
  readonly address: string;
  readonly requestId: string;
}

/** Opens sessions for whoever proves who they are, and takes people in. */
export class SignIn {
  readonly #options: SignInOptions;

  constructor(options: SignInOptions) {
    this.#options = options;
  }

  /**
   * By address and password. Throws RATE_LIMITED after too many attempts of one place or for one name, and
   * UNAUTHENTICATED in the same words and after the same work for an unknown name, a wrong password, a
   * disabled person and one without a password.
   */
  async byPassword(attempt: { email: string; password: string }, visit: Visit): Promise<OpenedSession> {
    const { accounts, passwords, allowsPasswords } = this.#options;
    if (!allowsPasswords) throw new EngineError('FORBIDDEN', 'people come here by their OpenID provider alone');
    const email = checkedEmail(attempt.email);
    await this.#throttle(`address ${addressSubject(visit.address).id}`);
    await this.#throttle(`name ${createHash('sha256').update(email).digest('hex')}`);
    const found = await accounts.people.findPassword(email);
    const stored = found?.user.disabledMs === null ? found.passwordHash : null;
    const isRight = await passwords.verify(attempt.password, stored);
    if (!isRight || found === null || stored === null)
      throw new EngineError('UNAUTHENTICATED', 'address or password is wrong');
    const { user } = found;
    if (passwords.isOutdated(stored))
      await accounts.people.refreshPassword(actorOf(user, visit), user.id, await passwords.hash(attempt.password));
    return await this.open(user, 'password', visit);
  }

  /** A new token each time: one that a visitor brought along is never made a session. */
  async open(user: User, method: SessionMethod, visit: Visit): Promise<OpenedSession> {
    const { accounts, random, nowMs, sessionMs } = this.#options;
    if (user.disabledMs !== null) throw new EngineError('UNAUTHENTICATED', 'address or password is wrong');
    const [home] = await accounts.people.membershipsOf(user.id);
    const token = makeToken('session', random);
    const expiresMs = nowMs() + sessionMs;
    const sessionId = await accounts.sessions.add(actorOf(user, visit), {
      orgId: home?.orgId ?? '_system',
      userId: user.id,
      tokenHash: readToken('session', token)!,
      method,
      expiresMs,
    });
    return { token, expiresMs, sessionId, user };
  }

  /** Ends the other sessions of the person. Throws UNAUTHENTICATED where the old password is not right. */
  async changePassword(
    change: { userId: string; sessionId: string; old: string; next: string },
    visit: Visit,
  ): Promise<void> {
    const { accounts, passwords } = this.#options;
    const user = await accounts.people.find(change.userId);
    if (user === null) throw new EngineError('UNAUTHENTICATED', 'the session is wrong, expired or revoked');
    await this.#throttle(`name ${createHash('sha256').update(user.email).digest('hex')}`);
    const stored = (await accounts.people.findPassword(user.email))?.passwordHash ?? null;
    if (!(await passwords.verify(change.old, stored)))
      throw new EngineError('UNAUTHENTICATED', 'the old password is wrong');
    const hash = await passwords.choose(change.next, user.email);
    await accounts.people.setPassword(actorOf(user, visit), user.id, hash, change.sessionId);
  }

  /** Makes an invitation; its token goes to the person, who then is who reads mail of that address. */
  async invite(
    by: WriteContext,
    invited: { orgId: string; email: string; role: MemberRole },
  ): Promise<{ token: string; invitation: Invitation }> {
    const { accounts, random, nowMs, invitationMs } = this.#options;
    const token = makeToken('invitation', random);
    const tokenHash = readToken('invitation', token)!;
    const expiresMs = nowMs() + invitationMs;
    return { token, invitation: await accounts.invitations.add(by, { ...invited, tokenHash, expiresMs }) };
  }

  /**
   * Takes an invitation up. Who has no account yet chooses name and password; who has one proves it by its
   * password. Throws NOT_FOUND for a token that is used, old or taken back.
   */
  async acceptInvitation(
    answer: { token: string; name: string; password: string },
    visit: Visit,
  ): Promise<OpenedSession> {
    const { accounts, passwords, allowsPasswords } = this.#options;
    if (!allowsPasswords) throw new EngineError('FORBIDDEN', 'people come here by their OpenID provider alone');
    await this.#throttle(`address ${addressSubject(visit.address).id}`);
    const invitation = await this.findInvitation(answer.token);
    const held = await accounts.people.findPassword(invitation.email);
    if (held === null) requireGoodPassword(answer.password, invitation.email);
    else {
      await this.#throttle(`name ${createHash('sha256').update(invitation.email).digest('hex')}`);
      const stored = held.user.disabledMs === null ? held.passwordHash : null;
      if (!(await passwords.verify(answer.password, stored)))
        throw new EngineError('UNAUTHENTICATED', 'address or password is wrong');
    }
    const by = { actor: `invitation:${invitation.id}`, requestId: visit.requestId };
    const user = held?.user ?? (await this.#signUp(by, invitation, answer));
    await accounts.invitations.accept(by, readToken('invitation', answer.token)!, user.id);
    return await this.open(user, 'invitation', visit);
  }

  /** Throws NOT_FOUND in the same words for whatever is wrong with it. */
  async findInvitation(token: string): Promise<Invitation> {
    const hash = readToken('invitation', token);
    const found = hash === null ? null : await this.#options.accounts.invitations.find(hash);
    if (found === null) throw new EngineError('NOT_FOUND', 'there is no such invitation');
    return found;
  }

  async #signUp(
    by: WriteContext,
    { email }: Invitation,
    { name, password }: { name: string; password: string },
  ): Promise<User> {
    const { accounts, passwords } = this.#options;
    const hash = await passwords.hash(password);
    const user = await accounts.people.add(by, { email, name });
    await accounts.people.setPassword(by, user.id, hash);
    return user;
  }

  async #throttle(id: string): Promise<void> {
    const verdict = await this.#options.limiter.take({ kind: 'login', id }, 1);
    if (verdict.isAllowed) return;
    const seconds = Math.ceil(verdict.retryAfterMs / 1_000);
    throw new EngineError('RATE_LIMITED', `too many attempts to log in; try again in ${seconds} s`);
  }
}

function actorOf(user: User, { requestId }: Visit): WriteContext {
  return { actor: `user:${user.id}`, requestId };
}
