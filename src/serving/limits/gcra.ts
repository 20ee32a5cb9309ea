import type { LimitVerdict } from './rate-limiter.ts';

/** How much a kind of subject may: so many calls at once, and so many a second in the long run. */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
}

/** Whole microseconds that one call of cost 1 takes from the allowance. */
export function intervalOf({ perSecond }: Allowance): number {
  return Math.ceil(1_000_000 / perSecond);
}

export interface Judged {
  readonly isAllowed: boolean;
  /** When the subject is rested: what is remembered of it. */
  readonly restedAt: number;
  readonly verdict: LimitVerdict;
}

/**
 * GCRA, the leaky bucket as a single number: `restedAt` is when the subject would be rested, and a call
 * moves it on by its cost, unless that were further ahead than the burst reaches. All in microseconds.
 */
export function judge(restedAt: number, now: number, cost: number, allowance: Allowance): Judged {
  const interval = intervalOf(allowance);
  const reach = allowance.burst * interval;
  const from = Math.max(restedAt, now);
  // A call dearer than the whole burst passes when the subject is rested, instead of never.
  const until = from + Math.min(cost, allowance.burst) * interval;
  const wait = until - reach - now;
  const isAllowed = wait <= 0;
  const held = isAllowed ? until : from;
  return { isAllowed, restedAt: held, verdict: verdictOf(allowance, isAllowed, held - now, wait) };
}

/** What a subject is told, from how far it is from being rested and how long it must wait, in microseconds. */
export function verdictOf(allowance: Allowance, isAllowed: boolean, untilRested: number, wait: number): LimitVerdict {
  const interval = intervalOf(allowance);
  return {
    isAllowed,
    limit: allowance.burst,
    remaining: Math.max(0, Math.floor((allowance.burst * interval - untilRested) / interval)),
    resetMs: Math.ceil(untilRested / 1_000),
    retryAfterMs: isAllowed ? 0 : Math.ceil(wait / 1_000),
  };
}
