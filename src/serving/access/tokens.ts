import { createHash, timingSafeEqual } from 'node:crypto';

/** Bytes of chance, of the machine or of a test. */
export type RandomBytes = (count: number) => Uint8Array;

/**
 * Tokens say what they are, so that people and scanners of repositories know one when they see it. Each holds
 * 256 bits of chance, and the store knows its SHA-256 alone: with so many bits nothing slower is needed.
 */
const kinds = { session: 'pls_', key: 'plk_', invitation: 'pli_', link: 'pll_' } as const;
type TokenKind = Exclude<keyof typeof kinds, 'key'>;

const secretBytes = 32;
const secretPattern = /^[A-Za-z0-9_-]{43}$/;
const keyPattern = /^plk_([a-z2-7]{12})_([A-Za-z0-9_-]{43})$/;

export function makeToken(kind: TokenKind, random: RandomBytes): string {
  return kinds[kind] + Buffer.from(random(secretBytes)).toString('base64url');
}

interface MadeKey {
  /** Shown once, when it is made. */
  readonly key: string;
  /** The part that finds it, and may be shown. */
  readonly prefix: string;
  readonly hash: Uint8Array;
}

export function makeKey(random: RandomBytes): MadeKey {
  const prefix = [...random(12)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('');
  const key = `${kinds.key}${prefix}_${Buffer.from(random(secretBytes)).toString('base64url')}`;
  return { key, prefix, hash: hashToken(key) };
}

/** What an API key's text says; null for what is none. */
export function readKey(text: string): { readonly prefix: string; readonly hash: Uint8Array } | null {
  const found = keyPattern.exec(text);
  return found === null ? null : { prefix: found[1], hash: hashToken(text) };
}

/** The hash that finds a token of this kind; null for what cannot be one, so that it never reaches the store. */
export function readToken(kind: TokenKind, text: string): Uint8Array | null {
  const prefix = kinds[kind];
  return text.startsWith(prefix) && secretPattern.test(text.slice(prefix.length)) ? hashToken(text) : null;
}

function hashToken(token: string): Uint8Array {
  return createHash('sha256').update(token).digest();
}

/** In the same time wherever the two differ. */
export function isSameHash(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
