import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSameHash, makeToken, type RandomBytes, readToken } from '../../serving/access/tokens.ts';

const linkFile = 'admin-link.json';
/** Long enough to walk to a browser. */
const linkMs = 3_600_000;

interface AdminLink {
  readonly token: string;
  readonly expiresMs: number;
}

/**
 * Makes the link by which the owner of a data directory becomes an operator: whoever may read the directory
 * may read all that it would show. It is good once, for an hour, and takes the place of the one before.
 */
export function makeAdminLink(directory: string, random: RandomBytes, nowMs: number): AdminLink {
  const link = { token: makeToken('link', random), expiresMs: nowMs + linkMs };
  const path = join(directory, linkFile);
  // A new file, because the mode counts for new ones alone.
  rmSync(`${path}.new`, { force: true });
  writeFileSync(`${path}.new`, JSON.stringify({ token: link.token, expires_ms: link.expiresMs }), {
    mode: 0o600,
    flag: 'wx',
  });
  renameSync(`${path}.new`, path);
  return link;
}

/** True once for the link's own token, and then never again; a wrong token uses nothing up. */
export function takeAdminLink(directory: string, token: string, nowMs: number): boolean {
  const path = join(directory, linkFile);
  const held = readLink(path);
  const [own, given] = [readToken('link', held?.token ?? ''), readToken('link', token)];
  if (held === null || own === null || given === null || !isSameHash(own, given)) return false;
  try {
    // Of two who come at once, one removes it.
    renameSync(path, `${path}.taken`);
    rmSync(`${path}.taken`, { force: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw cause;
  }
  return nowMs < held.expiresMs;
}

function readLink(path: string): AdminLink | null {
  try {
    const { token, expires_ms } = JSON.parse(readFileSync(path, 'utf8')) as { token: string; expires_ms: number };
    return { token: String(token), expiresMs: Number(expires_ms) };
  } catch (cause) {
    const isAbsent = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    // Cut off in the middle of its writing, or edited: it opens nothing.
    if (isAbsent || cause instanceof SyntaxError) return null;
    throw cause;
  }
}
