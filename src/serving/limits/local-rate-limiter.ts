import { type Allowance, type Judged, judge } from './gcra.ts';
import type { LimitSubject, LimitVerdict, RateLimiter } from './rate-limiter.ts';

export type Allowances = Readonly<Record<LimitSubject['kind'], Allowance>>;

/** Subjects that are remembered one by one. */
const subjectsMax = 50_000;
/** What the others are counted in, many to a place. */
const placesOfOthers = 4_096;

/**
 * Limits in the memory of this process, bounded: when as many subjects as it can hold are not rested, new ones
 * share places by their hash. So a flood of names makes it stricter, and opens nothing.
 */
export class LocalRateLimiter implements RateLimiter {
  readonly #allowances: Allowances;
  readonly #steadyMs: () => number;
  readonly #subjectsMax: number;
  readonly #restedAt = new Map<string, number>();
  readonly #others = new Map<number, number>();
  #lookedAtMs = 0;

  constructor(options: { allowances: Allowances; steadyMs: () => number; subjectsMax?: number }) {
    this.#allowances = options.allowances;
    this.#steadyMs = options.steadyMs;
    this.#subjectsMax = options.subjectsMax ?? subjectsMax;
  }

  take(subject: LimitSubject, cost: number): Promise<LimitVerdict> {
    const { verdict } = this.#move(subject, (restedAt, now, allowance) => judge(restedAt, now, cost, allowance));
    return Promise.resolve(verdict);
  }

  /** Counts what somebody else allowed, so that this limiter is not rested when it must take over. */
  note(subject: LimitSubject, cost: number): void {
    this.#move(subject, (restedAt, now, allowance) => {
      const judged = judge(restedAt, now, cost, allowance);
      return judged.isAllowed ? judged : judge(Number.NEGATIVE_INFINITY, now, allowance.burst, allowance);
    });
  }

  /** Places in use, for tests and metrics. */
  get size(): number {
    return this.#restedAt.size + this.#others.size;
  }

  #move({ kind, id }: LimitSubject, by: (restedAt: number, now: number, allowance: Allowance) => Judged): Judged {
    const now = Math.floor(this.#steadyMs() * 1_000);
    const key = `${kind} ${id}`;
    if (!this.#restedAt.has(key) && this.#restedAt.size >= this.#subjectsMax) this.#forgetRested(now);
    const isOneByOne = this.#restedAt.has(key) || this.#restedAt.size < this.#subjectsMax;
    const place = isOneByOne ? 0 : placeOf(key);
    const restedAt = (isOneByOne ? this.#restedAt.get(key) : this.#others.get(place)) ?? Number.NEGATIVE_INFINITY;
    const judged = by(restedAt, now, this.#allowances[kind]);
    if (isOneByOne) this.#restedAt.set(key, judged.restedAt);
    else this.#others.set(place, judged.restedAt);
    return judged;
  }

  /** All at once and at most once a second: a full map must not cost every call a walk through it. */
  #forgetRested(now: number): void {
    const ms = this.#steadyMs();
    if (ms - this.#lookedAtMs < 1_000) return;
    this.#lookedAtMs = ms;
    for (const held of [this.#restedAt, this.#others])
      for (const [key, restedAt] of held as Map<unknown, number>) if (restedAt <= now) held.delete(key as never);
  }
}

function placeOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % placesOfOthers;
}
