import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of the login pages, by their path behind /auth. */
export type AuthPages = ReadonlyMap<string, { readonly type: string; readonly bytes: Uint8Array }>;

/** Nothing but our own script and style, and no page may frame it. */
export const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const directory = join(import.meta.dirname, 'pages');

export function readAuthPages(): AuthPages {
  const page = (file: string, type: string) => ({ type, bytes: readFileSync(join(directory, file)) });
  return new Map([
    ['/login', page('login.html', 'text/html; charset=utf-8')],
    ['/invitation', page('invitation.html', 'text/html; charset=utf-8')],
    ['/auth.js', page('auth.js', 'text/javascript; charset=utf-8')],
    ['/auth.css', page('auth.css', 'text/css; charset=utf-8')],
  ]);
}
