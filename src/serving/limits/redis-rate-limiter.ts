import { EngineError } from '../../model/errors.ts';
import type { CacheServer } from '../cache/cache-server.ts';
import { cacheScript } from '../cache/script.ts';
import { intervalOf, verdictOf } from './gcra.ts';
import type { Allowances, LocalRateLimiter } from './local-rate-limiter.ts';
import type { LimitSubject, LimitVerdict, RateLimiter } from './rate-limiter.ts';

// GCRA as in gcra.ts, on the server's clock: processes whose clocks differ count alike.
const takeScript = cacheScript(`
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local from = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local til = from + math.min(cost, burst) * interval
local wait = til - burst * interval - now
if wait > 0 then return {0, from - now, wait} end
redis.call('SET', KEYS[1], string.format('%.0f', til), 'PX', math.ceil((til - now) / 1000) + 1)
return {1, til - now, 0}`);

interface RedisRateLimiterOptions {
  readonly server: CacheServer;
  readonly allowances: Allowances;
  /** Takes over while the server is away. It counts along, so that it is not rested then. */
  readonly twin: LocalRateLimiter;
  readonly onVerdict?: (by: 'redis' | 'twin') => void;
}

/** Limits that all processes share. */
export class RedisRateLimiter implements RateLimiter {
  readonly #options: RedisRateLimiterOptions;

  constructor(options: RedisRateLimiterOptions) {
    this.#options = options;
  }

  async take(subject: LimitSubject, cost: number): Promise<LimitVerdict> {
    const { server, allowances, twin, onVerdict } = this.#options;
    const allowance = allowances[subject.kind];
    const key = `${server.prefix}limit:${subject.kind}:${subject.id}`;
    try {
      const reply = await server.run(takeScript, [key], [intervalOf(allowance), allowance.burst, cost]);
      const [isAllowed, untilRested, wait] = reply as readonly number[];
      if (isAllowed === 1) twin.note(subject, cost);
      onVerdict?.('redis');
      return verdictOf(allowance, isAllowed === 1, untilRested, wait);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'CACHE_UNAVAILABLE') throw error;
      onVerdict?.('twin');
      return await twin.take(subject, cost);
    }
  }
}

/** Half of everything, at least 1: several processes that each count alone are no more open together than two. */
export function halved(allowances: Allowances): Allowances {
  const half = (value: number) => Math.max(1, Math.floor(value / 2));
  return Object.fromEntries(
    Object.entries(allowances).map(([kind, { burst, perSecond }]) => [
      kind,
      { burst: half(burst), perSecond: perSecond / 2 },
    ]),
  ) as unknown as Allowances;
}
