import type { LimitSubject, LimitVerdict } from './rate-limiter.ts';

/** What an answer says of the limit, as headers of draft-polli: seconds, rounded up. */
export function limitHeaders(verdict: LimitVerdict): Readonly<Record<string, string>> {
  const { isAllowed, limit, remaining, resetMs, retryAfterMs } = verdict;
  return {
    'RateLimit-Limit': String(limit),
    'RateLimit-Remaining': String(remaining),
    'RateLimit-Reset': String(Math.ceil(resetMs / 1_000)),
    ...(isAllowed ? {} : { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) }),
  };
}

/** Who shares an allowance by address: one IPv4 address, and the /64 that one household or machine has of IPv6. */
export function addressSubject(address: string): LimitSubject {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!plain.includes(':')) return { kind: 'address', id: plain };
  const [head, tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap = tail === undefined ? [] : new Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0');
  const groups = [...left, ...gap, ...right].slice(0, 4).map((group) => Number.parseInt(group || '0', 16).toString(16));
  return { kind: 'address', id: `${groups.join(':')}::/64` };
}
