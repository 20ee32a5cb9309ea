import { randomBytes } from 'node:crypto';
import { Oidc } from '../../src/serving/access/oidc.ts';
import { oidcTripMs } from '../../src/serving/access/oidc-trip.ts';
import { LocalOnce } from '../../src/serving/access/once.ts';
import { SealedText } from '../../src/serving/access/sealed-text.ts';
import { AuthDoor } from '../../src/serving/auth/auth-door.ts';
import { readAuthPages } from '../../src/serving/auth/auth-pages.ts';
import { type ServingServer, startServingServer } from '../../src/serving/http/serving-server.ts';
import { LocalRateLimiter } from '../../src/serving/limits/local-rate-limiter.ts';
import { allowances } from '../exams/rate-limiter-exam.ts';
import { type AccessBench, goodPassword, makeAccessBench } from '../serving/access/access-bench.ts';
import { clientId, clientSecret, type OpenIdServer } from '../serving/access/openid-server.ts';

export interface AuthStage extends AsyncDisposable {
  readonly bench: AccessBench;
  readonly url: string;
  readonly logins: string[];
  /** One call, as a page of ours in a browser makes it; `cookie` is what the browser sends. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  /** Logs in and gives the session's cookie. */
  logIn(email: string, cookie?: string): Promise<string>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly cookie?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
  readonly headers: Headers;
  /** Lines of Set-Cookie. */
  readonly cookies: readonly string[];
}

/** The door of logins behind the real server, over accounts in memory. */
export async function openAuthStage(
  options: { provider?: OpenIdServer; home?: string; isSecure?: boolean; addressBurst?: number } = {},
): Promise<AuthStage> {
  const { provider, home = 'http://127.0.0.1:1/auth/oidc/callback' } = options;
  const bench = await makeAccessBench();
  const nowMs = () => bench.now;
  const logins: string[] = [];
  const address = { burst: options.addressBurst ?? 100_000, perSecond: 0.01 };
  const trips =
    provider === undefined
      ? null
      : new Oidc({
          ...{ issuer: provider.issuer, clientId, clientSecret, redirectUrl: () => home, fetch: null, nowMs },
          sealed: new SealedText(randomBytes(32), 'oidc', randomBytes),
          once: new LocalOnce(oidcTripMs, nowMs),
        });
  const { accounts, signIn, authenticator } = bench;
  const door = new AuthDoor({
    ...{ accounts, signIn, authenticator, nowMs, passwords: true, takeAdminLink: null, pages: readAuthPages() },
    limiter: new LocalRateLimiter({ allowances: { ...allowances, address }, steadyMs: nowMs }),
    oidc: trips === null ? null : { name: 'Test', trips },
    isSecure: options.isSecure ?? false,
    onLogin: (result) => logins.push(result),
  });
  const server: ServingServer = await startServingServer({
    ...{ host: '127.0.0.1', port: 0, hosts: [], tls: null, connectionsMax: 64, doors: [door], now: nowMs },
    newRequestId: () => 'request-1',
    onCall: () => undefined,
    onTrouble: (error) => bench.troubles.push(error as Error),
  });
  const stage: AuthStage = {
    bench,
    logins,
    url: server.url,
    async call(method, path, { body, cookie, headers = {} } = {}) {
      const response = await fetch(`${server.url}${path}`, {
        method,
        redirect: 'manual',
        headers: {
          ...(method === 'GET' ? {} : { 'sec-fetch-site': 'same-origin' }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(cookie === undefined ? {} : { cookie }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') ?? false;
      const { status, headers: sent } = response;
      return { status, text, headers: sent, cookies: sent.getSetCookie(), body: isJson ? JSON.parse(text) : {} };
    },
    async logIn(email, cookie) {
      const answer = await stage.call('POST', '/auth/login', {
        body: { email, password: goodPassword },
        ...(cookie === undefined ? {} : { cookie }),
      });
      if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
      return cookieOf(answer);
    },
    [Symbol.asyncDispose]: () => server.close(),
  };
  return stage;
}

/** What a browser would send back. */
export function cookieOf({ cookies }: Answer): string {
  return cookies[0].split(';')[0];
}
