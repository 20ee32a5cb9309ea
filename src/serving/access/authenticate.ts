import type { Caller } from '../caller.ts';

/** What a call brought along, taken from its headers and never from its path or body. */
export interface Credentials {
  /** Token of `Authorization: Bearer`; null without one. */
  readonly bearer: string | null;
  /** Token of the session cookie; null without one. */
  readonly session: string | null;
  /** A browser sent the call from a page of another site, or may have: a cookie then counts for no write. */
  readonly isCrossSite: boolean;
  /** Where the connection comes from. */
  readonly address: string;
}

/** What the call wants to be let in for. */
export interface Admission {
  /** As its path or its message names it; null where the operation is of no organization. */
  readonly orgId: string | null;
  readonly isWrite: boolean;
  readonly requestId: string;
}

/** Finds out who calls. Each door asks once for each call; nothing of the answer is kept longer. */
export interface Authenticator {
  /**
   * Throws UNAUTHENTICATED without credentials or with wrong, expired or revoked ones; FORBIDDEN for an
   * organization that the caller is no member of, in the same words whether it exists or not;
   * ACCESS_UNAVAILABLE when nobody can tell now.
   */
  authenticate(credentials: Credentials, admission: Admission): Promise<Caller>;
}
