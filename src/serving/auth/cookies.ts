import type { IncomingMessage, ServerResponse } from 'node:http';

export const sessionCookie = 'paceline_session';
export const tripCookie = 'paceline_oidc';

interface CookieOptions {
  /** Sent over TLS alone. */
  readonly isSecure: boolean;
  /** Of the paths that get it. */
  readonly path: string;
  /** 0 takes it back. */
  readonly maxAgeMs: number;
}

/**
 * Out of reach of scripts (HttpOnly), and not sent along when another site's page calls us (SameSite=Lax); a
 * visitor who follows a link to us brings it.
 */
export function setCookie(response: ServerResponse, name: string, value: string, options: CookieOptions): void {
  const { isSecure, path, maxAgeMs } = options;
  const parts = [
    `${name}=${value}`,
    `Path=${path}`,
    `Max-Age=${Math.floor(maxAgeMs / 1_000)}`,
    'HttpOnly',
    'SameSite=Lax',
  ];
  response.appendHeader('Set-Cookie', [...parts, ...(isSecure ? ['Secure'] : [])].join('; '));
}

/** Null without it, and where it comes twice: then one of the two may be somebody else's. */
export function readCookie({ headers }: IncomingMessage, name: string): string | null {
  const found = (headers.cookie ?? '')
    .split(';')
    .map((part) => part.trim())
    .filter((part) => part.startsWith(`${name}=`));
  return found.length === 1 ? found[0].slice(name.length + 1) : null;
}
