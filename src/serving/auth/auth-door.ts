import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { Authenticator } from '../access/authenticate.ts';
import type { Oidc } from '../access/oidc.ts';
import { enterByOidc } from '../access/oidc-entry.ts';
import { oidcTripMs } from '../access/oidc-trip.ts';
import type { OpenedSession, SignIn, Visit } from '../access/sign-in.ts';
import type { Accounts } from '../access/store/accounts.ts';
import { readToken } from '../access/tokens.ts';
import { addressSubject, limitHeaders } from '../limits/limit-headers.ts';
import type { RateLimiter } from '../limits/rate-limiter.ts';
import { type AuthCall, ownPath, readBody, send, sendElsewhere, sendJson, sendNothing } from './auth-call.ts';
import { type AuthPages, pagePolicy } from './auth-pages.ts';
import { readCookie, sessionCookie, setCookie, tripCookie } from './cookies.ts';

type LoginResult = 'opened' | 'refused' | 'throttled' | 'failed';

interface AuthDoorOptions {
  readonly accounts: Accounts;
  readonly signIn: SignIn;
  readonly authenticator: Authenticator;
  readonly limiter: RateLimiter;
  readonly pages: AuthPages;
  readonly passwords: boolean;
  /** Null without a provider. */
  readonly oidc: { readonly name: string; readonly trips: Oidc } | null;
  /** Opens a session for the owner of the data directory; null where there is none. */
  readonly takeAdminLink: ((token: string, visit: Visit) => Promise<OpenedSession | null>) | null;
  /** People reach us over TLS, whatever this connection is. */
  readonly isSecure: boolean;
  readonly nowMs: () => number;
  readonly onLogin: (result: LoginResult) => void;
}

const root = '/auth';
const text = (max: number) => z.string().min(1).max(max);
const tokenText = text(200);
const loginBody = z.strictObject({ email: text(254), password: text(1_024) });
const passwordBody = z.strictObject({ old: text(1_024), next: text(1_024) });
const showBody = z.strictObject({ token: tokenText });
const acceptBody = z.strictObject({ token: tokenText, name: text(200), password: text(1_024) });
const startBody = z.strictObject({
  invitation: tokenText.optional(),
  link: z.literal(true).optional(),
  return: z.string().max(512).optional(),
});

/** Logging in and out, by password, provider, invitation or link; and the pages where people do it. */
export class AuthDoor {
  readonly name = 'auth';
  readonly #options: AuthDoorOptions;
  readonly #routes: Readonly<Record<string, (call: AuthCall) => Promise<void>>>;

  constructor(options: AuthDoorOptions) {
    this.#options = options;
    this.#routes = {
      'GET /methods': async (call) => this.#showMethods(call),
      'GET /session': (call) => this.#showSession(call),
      'GET /link': (call) => this.#enterByLink(call),
      'GET /oidc/start': (call) => this.#startOidc(call),
      'GET /oidc/callback': (call) => this.#finishOidc(call),
      'POST /login': (call) => this.#logIn(call),
      'POST /logout': (call) => this.#logOut(call),
      'POST /password': (call) => this.#changePassword(call),
      'POST /invitations/show': (call) => this.#showInvitation(call),
      'POST /invitations/accept': (call) => this.#acceptInvitation(call),
      'POST /oidc/start': (call) => this.#startOidcFor(call),
    };
  }

  takes(path: string): boolean {
    return path === root || path.startsWith(`${root}/`);
  }

  async answer(call: AuthCall): Promise<void> {
    const method = call.method === 'HEAD' ? 'GET' : call.method;
    const path = call.path.slice(root.length);
    if (method === 'GET' && this.#sendPage(call, path)) return;
    const route = Object.hasOwn(this.#routes, `${method} ${path}`) ? this.#routes[`${method} ${path}`] : undefined;
    if (route === undefined) return this.#refusePath(call, path);
    call.facts.operation = `auth${path.replaceAll(/\/(\w)/g, (_, letter: string) => letter.toUpperCase())}`;
    await this.#limit(call);
    // A page of another site may neither log its visitor in as somebody nor out.
    if (method === 'POST' && call.credentials.isCrossSite)
      throw new EngineError('FORBIDDEN', 'a page of another site sent this call');
    await route(call);
  }

  #sendPage({ response, facts }: AuthCall, path: string): boolean {
    const page = this.#options.pages.get(path === '' || path === '/' ? '/login' : path);
    if (page === undefined) return false;
    facts.operation = 'authPage';
    response.setHeader('Content-Security-Policy', pagePolicy);
    send(response, 200, page.type, page.bytes);
    return true;
  }

  #refusePath({ response, method }: AuthCall, path: string): void {
    const taken = Object.keys(this.#routes).filter((route) => route.endsWith(` ${path}`));
    if (taken.length === 0) throw new EngineError('NOT_FOUND', 'there is no such path');
    const allowed = taken.map((route) => route.split(' ')[0]).join(', ');
    response.setHeader('Allow', allowed);
    send(
      response,
      405,
      'text/plain; charset=utf-8',
      Buffer.from(`this path takes ${allowed}, not ${method.slice(0, 20)}\n`),
    );
  }

  async #limit({ credentials, response }: AuthCall): Promise<void> {
    const verdict = await this.#options.limiter.take(addressSubject(credentials.address), 1);
    for (const [name, value] of Object.entries(limitHeaders(verdict))) response.setHeader(name, value);
    if (!verdict.isAllowed) throw new EngineError('RATE_LIMITED', 'this address calls more often than is allowed');
  }

  #showMethods(call: AuthCall): void {
    const { passwords, oidc } = this.#options;
    sendJson(call, 200, { passwords, oidc: oidc === null ? null : { name: oidc.name } });
  }

  async #showSession(call: AuthCall): Promise<void> {
    const { facts, user } = await this.#own(call);
    sendJson(call, 200, await this.#describe(user, facts.expiresMs));
  }

  async #logIn(call: AuthCall): Promise<void> {
    const body = await readBody(call, loginBody);
    await this.#enter(call, () => this.#options.signIn.byPassword(body, visitOf(call)));
  }

  async #acceptInvitation(call: AuthCall): Promise<void> {
    const body = await readBody(call, acceptBody);
    await this.#enter(call, () => this.#options.signIn.acceptInvitation(body, visitOf(call)));
  }

  async #enter(call: AuthCall, open: () => Promise<OpenedSession>): Promise<void> {
    const opened = await this.#counted(open);
    await this.#replaceSession(call, opened);
    sendJson(call, 200, await this.#describe(opened.user, opened.expiresMs));
  }

  async #logOut(call: AuthCall): Promise<void> {
    await this.#endSession(call, null);
    this.#setSession(call, '', 0);
    sendNothing(call);
  }

  async #changePassword(call: AuthCall): Promise<void> {
    const { old, next } = await readBody(call, passwordBody);
    const { facts } = await this.#own(call);
    const { userId, sessionId } = facts;
    await this.#options.signIn.changePassword({ userId, sessionId, old, next }, visitOf(call));
    sendNothing(call);
  }

  async #showInvitation(call: AuthCall): Promise<void> {
    const { token } = await readBody(call, showBody);
    const { accounts, signIn } = this.#options;
    const { email, orgId, role, expiresMs } = await signIn.findInvitation(token);
    const hasAccount = (await accounts.people.findByEmail(email)) !== null;
    const expires_at = new Date(expiresMs).toISOString();
    sendJson(call, 200, { email, organization: orgId, role, expires_at, has_account: hasAccount });
  }

  async #enterByLink(call: AuthCall): Promise<void> {
    const { takeAdminLink } = this.#options;
    const opened = await this.#counted(async () => {
      const taken = (await takeAdminLink?.(call.query.get('token') ?? '', visitOf(call))) ?? null;
      if (taken === null)
        throw new EngineError(
          'UNAUTHENTICATED',
          'this link was used, is old, or is none; "paceline users admin-link" makes one',
        );
      return taken;
    });
    await this.#replaceSession(call, opened);
    sendElsewhere(call, '/');
  }

  async #startOidc(call: AuthCall): Promise<void> {
    const intent = { invitation: null, linkUserId: null, returnTo: ownPath(call.query.get('return')) };
    sendElsewhere(call, await this.#beginTrip(call, intent));
  }

  /** With an invitation, or to link an identity to the account of the session: by POST, so that no link does it. */
  async #startOidcFor(call: AuthCall): Promise<void> {
    const body = await readBody(call, startBody);
    const linkUserId = body.link ? (await this.#own(call)).facts.userId : null;
    const intent = { invitation: body.invitation ?? null, linkUserId, returnTo: ownPath(body.return) };
    sendJson(call, 200, { url: await this.#beginTrip(call, intent) });
  }

  async #beginTrip(call: AuthCall, intent: Parameters<Oidc['begin']>[0]): Promise<string> {
    const { url, cookie } = await this.#trips().begin(intent);
    setCookie(call.response, tripCookie, cookie, {
      ...{ isSecure: this.#isSecure(call), path: `${root}/oidc`, maxAgeMs: oidcTripMs },
    });
    return url;
  }

  async #finishOidc(call: AuthCall): Promise<void> {
    const { accounts, signIn } = this.#options;
    const cookie = readCookie(call.request, tripCookie);
    setCookie(call.response, tripCookie, '', { isSecure: this.#isSecure(call), path: `${root}/oidc`, maxAgeMs: 0 });
    let returnTo = '/';
    const opened = await this.#counted(async () => {
      const visitor = await this.#trips().finish(call.query, cookie);
      returnTo = visitor.intent.returnTo;
      return await enterByOidc(visitor, { accounts, signIn }, visitOf(call));
    });
    await this.#replaceSession(call, opened);
    sendElsewhere(call, returnTo);
  }

  #trips(): Oidc {
    const { oidc } = this.#options;
    if (oidc === null) throw new EngineError('NOT_FOUND', 'no OpenID provider is configured');
    return oidc.trips;
  }

  /** The session of the call's cookie, whoever it is and in no organization. */
  async #own(call: AuthCall) {
    const { authenticator, accounts } = this.#options;
    const { credentials, requestId } = call;
    const bySession = { ...credentials, bearer: null };
    const caller = await authenticator.authenticate(bySession, {
      orgId: null,
      isWrite: call.method === 'POST',
      requestId,
    });
    call.facts.actor = `${caller.actor.kind}:${caller.actor.id}`;
    const hash = readToken('session', credentials.session ?? '');
    const facts = hash === null ? null : await accounts.sessions.find(hash, null);
    const user = facts === null ? null : await accounts.people.find(facts.userId);
    if (facts === null || user === null) throw new EngineError('UNAUTHENTICATED', 'the session is over');
    return { facts, user };
  }

  async #describe(user: OpenedSession['user'], expiresMs: number) {
    const memberships = await this.#options.accounts.people.membershipsOf(user.id);
    return {
      user: { id: user.id, email: user.email, name: user.name, is_operator: user.isOperator },
      organizations: memberships.map(({ orgId, role }) => ({ id: orgId, role })),
      expires_at: new Date(expiresMs).toISOString(),
    };
  }

  /** Whatever token the visitor came with is ended: it never becomes the session of somebody else. */
  async #replaceSession(call: AuthCall, { token, expiresMs, sessionId, user }: OpenedSession): Promise<void> {
    call.facts.actor = `user:${user.id}`;
    await this.#endSession(call, sessionId);
    this.#setSession(call, token, expiresMs - this.#options.nowMs());
  }

  async #endSession({ credentials, requestId }: AuthCall, kept: string | null): Promise<void> {
    const { sessions } = this.#options.accounts;
    const hash = readToken('session', credentials.session ?? '');
    const held = hash === null ? null : await sessions.find(hash, null);
    if (held === null || held.sessionId === kept) return;
    try {
      await sessions.revoke({ actor: `user:${held.userId}`, requestId }, held.sessionId);
    } catch (error) {
      // Somebody was faster.
      if (!(error instanceof EngineError) || error.code !== 'NOT_FOUND') throw error;
    }
  }

  #setSession(call: AuthCall, token: string, maxAgeMs: number): void {
    setCookie(call.response, sessionCookie, token, { isSecure: this.#isSecure(call), path: '/', maxAgeMs });
  }

  #isSecure({ request }: AuthCall): boolean {
    return this.#options.isSecure || (request.socket as { encrypted?: boolean }).encrypted === true;
  }

  async #counted(open: () => Promise<OpenedSession>): Promise<OpenedSession> {
    const { onLogin } = this.#options;
    try {
      const opened = await open();
      onLogin('opened');
      return opened;
    } catch (error) {
      onLogin(resultOf(error));
      throw error;
    }
  }
}

function resultOf(error: unknown): LoginResult {
  const code = error instanceof EngineError ? error.code : null;
  if (code === 'RATE_LIMITED') return 'throttled';
  return code === 'UNAUTHENTICATED' || code === 'FORBIDDEN' || code === 'NOT_FOUND' || code === 'REQUEST_INVALID'
    ? 'refused'
    : 'failed';
}

function visitOf({ credentials, requestId }: AuthCall): Visit {
  return { address: credentials.address, requestId };
}
