/** Whose calls are counted together. */
export interface LimitSubject {
  /** `login` counts attempts to log in from an address or for a name; the others count calls. */
  readonly kind: 'organization' | 'actor' | 'address' | 'login';
  readonly id: string;
}

export interface LimitVerdict {
  readonly isAllowed: boolean;
  /** Calls of cost 1 that a rested subject may make at once. */
  readonly limit: number;
  readonly remaining: number;
  /** Until the subject is rested, ms. */
  readonly resetMs: number;
  /** Until the same call would be allowed, ms; 0 where it was. */
  readonly retryAfterMs: number;
}

/** Counts calls by GCRA. How much a subject may is the limiter's own setting, by kind. */
export interface RateLimiter {
  /** Takes `cost` from the subject's allowance, or nothing where it is not enough. Never throws for a server away. */
  take(subject: LimitSubject, cost: number): Promise<LimitVerdict>;
}
