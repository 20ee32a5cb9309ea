import type { HttpCall } from './door.ts';

/** Says that an answer is the one of an earlier call with the same key. */
export const repeatedHeader = 'Idempotency-Replayed';

/** As it was sent; what came twice is joined, and refused like every other key that is none. */
export function idempotencyKeyOf({ request }: Pick<HttpCall, 'request'>): string | undefined {
  const given = request.headers['idempotency-key'];
  return Array.isArray(given) ? given.join(', ') : given;
}
