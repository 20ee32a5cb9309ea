import * as client from 'openid-client';
import { EngineError } from '../../model/errors.ts';
import { oidcTripMs } from './oidc-trip.ts';
import type { Once } from './once.ts';
import type { SealedText } from './sealed-text.ts';

interface OidcOptions {
  /** As the provider spells itself. Plain http only for loopback: whoever is on the way could be anybody. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  /** Where the provider sends people back to. */
  readonly redirectUrl: () => string;
  /** Null: Node's own. */
  readonly fetch: client.CustomFetch | null;
  readonly sealed: SealedText;
  /** Holds the states that were used, for as long as one may be. */
  readonly once: Once;
  readonly nowMs: () => number;
}

/** What somebody set out for. */
export interface OidcIntent {
  /** Token of an invitation to take up on the way; null without one. */
  readonly invitation: string | null;
  /** The user whose account the identity shall open from now on; null without one. */
  readonly linkUserId: string | null;
  /** Path of ours to come back to. */
  readonly returnTo: string;
}

export interface OidcVisitor {
  readonly issuer: string;
  readonly subject: string;
  /** For showing alone: nobody is found by it. */
  readonly name: string | null;
  readonly intent: OidcIntent;
}

const providerMaxMs = 10_000;
/** So long a provider that could not be asked is not asked again. */
const restMs = 5_000;

interface Trip extends OidcIntent {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly untilMs: number;
}

/**
 * OpenID Connect, authorization code with PKCE. What is remembered of a trip (state, nonce, verifier) travels
 * sealed in a cookie of the browser that set out; so any process of ours may take it back, no other browser can
 * bring it, and each state counts once.
 */
export class Oidc {
  readonly #options: OidcOptions;
  #known: Promise<client.Configuration> | null = null;
  #failedMs = Number.NEGATIVE_INFINITY;

  constructor(options: OidcOptions) {
    const { protocol, hostname } = new URL(options.issuer);
    if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname))
      throw new EngineError('CONFIG_INVALID', 'serving.access.oidc_issuer must be https, but for loopback');
    this.#options = options;
  }

  /** Where to send the browser, and the cookie that it takes along. Throws ACCESS_UNAVAILABLE. */
  async begin(intent: OidcIntent): Promise<{ readonly url: string; readonly cookie: string }> {
    const configuration = await this.#discover();
    const { sealed, nowMs, redirectUrl } = this.#options;
    const trip: Trip = {
      ...intent,
      state: client.randomState(),
      nonce: client.randomNonce(),
      verifier: client.randomPKCECodeVerifier(),
      untilMs: nowMs() + oidcTripMs,
    };
    const url = client.buildAuthorizationUrl(configuration, {
      redirect_uri: redirectUrl(),
      scope: 'openid profile',
      response_type: 'code',
      code_challenge: await client.calculatePKCECodeChallenge(trip.verifier),
      code_challenge_method: 'S256',
      state: trip.state,
      nonce: trip.nonce,
    });
    return { url: url.href, cookie: sealed.seal(JSON.stringify(trip)) };
  }

  /**
   * Who came back. `query` is what the provider appended to our address. Throws UNAUTHENTICATED for a state
   * that this browser did not set out with, or that is old or used, and for whatever the provider does not
   * stand for; ACCESS_UNAVAILABLE.
   */
  async finish(query: URLSearchParams, cookie: string | null): Promise<OidcVisitor> {
    const { once, nowMs, redirectUrl, issuer } = this.#options;
    const trip = this.#openTrip(cookie);
    if (trip === null || trip.untilMs <= nowMs() || query.get('state') !== trip.state) throw notOurs();
    if (!(await once.take(`oidc:${trip.state}`))) throw notOurs();
    const configuration = await this.#discover();
    const url = new URL(redirectUrl());
    url.search = query.toString();
    const claims = await this.#exchange(configuration, url, trip);
    const { invitation, linkUserId, returnTo } = trip;
    const name = typeof claims.name === 'string' ? claims.name : null;
    return { issuer, subject: claims.sub, name, intent: { invitation, linkUserId, returnTo } };
  }

  async #exchange(configuration: client.Configuration, url: URL, trip: Trip): Promise<client.IDToken> {
    try {
      const tokens = await client.authorizationCodeGrant(configuration, url, {
        pkceCodeVerifier: trip.verifier,
        expectedNonce: trip.nonce,
        expectedState: trip.state,
        idTokenExpected: true,
      });
      return tokens.claims()!;
    } catch (cause) {
      if (isAway(cause)) throw this.#unavailable(cause);
      // Its words may repeat what the visitor sent, so they stay with us.
      throw new EngineError('UNAUTHENTICATED', 'the OpenID provider does not vouch for this login', { cause });
    }
  }

  #openTrip(cookie: string | null): Trip | null {
    const text = cookie === null ? null : this.#options.sealed.open(cookie);
    return text === null ? null : (JSON.parse(text) as Trip);
  }

  async #discover(): Promise<client.Configuration> {
    const { nowMs } = this.#options;
    if (this.#known === null && nowMs() - this.#failedMs < restMs)
      throw new EngineError('ACCESS_UNAVAILABLE', 'the OpenID provider did not answer a moment ago');
    this.#known ??= this.#ask();
    try {
      return await this.#known;
    } catch (cause) {
      this.#known = null;
      this.#failedMs = nowMs();
      throw this.#unavailable(cause);
    }
  }

  async #ask(): Promise<client.Configuration> {
    const { issuer, clientId, clientSecret, fetch } = this.#options;
    const proof = clientSecret === null ? client.None() : client.ClientSecretBasic(clientSecret);
    const isPlain = new URL(issuer).protocol === 'http:';
    return await client.discovery(new URL(issuer), clientId, undefined, proof, {
      timeout: providerMaxMs / 1_000,
      ...(isPlain ? { execute: [client.allowInsecureRequests] } : {}),
      ...(fetch === null ? {} : { [client.customFetch]: fetch }),
    });
  }

  #unavailable(cause: unknown): EngineError {
    const message = `OpenID provider ${this.#options.issuer}: ${explain(cause)}`;
    return new EngineError('ACCESS_UNAVAILABLE', message, { cause });
  }
}

/** In the same words whatever was wrong with it. */
function notOurs(): EngineError {
  return new EngineError('UNAUTHENTICATED', 'this login was not begun here, or is over; begin it again');
}

/** The provider could not be reached or broke, which is nobody's lie. */
function isAway(error: unknown): boolean {
  if (error instanceof TypeError && error.message === 'fetch failed') return true;
  const { name, cause, code } = error as { name?: string; cause?: unknown; code?: string };
  if (name === 'TimeoutError' || code === 'OAUTH_TIMEOUT') return true;
  return cause instanceof Response && cause.status >= 500;
}

function explain(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
