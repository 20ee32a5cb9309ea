import type { LaneLimits } from '../model/lane-limits.ts';
import { type EventTimeMs, floorTo, type LogTimeMs, minuteMs, quarterMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import type { SourcePlan } from '../rules/plan.ts';

interface Source {
  readonly name: string;
  readonly source: SourcePlan;
}

/** How far the sources of a flight are complete, and whether that is enough to judge (docs/semantics.md §7.1). */
export class Completeness {
  /** Least frontier; null when a source's is not known. */
  readonly frontier: EventTimeMs | null;
  /** A source is not known, or further behind than its plan bears. */
  readonly isStale: boolean;
  readonly #sources: readonly Source[];
  readonly #frontiers: ReadonlyMap<string, number>;
  readonly #t: LogTimeMs;

  constructor(
    frontier: EventTimeMs | null,
    isStale: boolean,
    sources: readonly Source[],
    frontiers: ReadonlyMap<string, number>,
    t: LogTimeMs,
  ) {
    this.frontier = frontier;
    this.isStale = isStale;
    this.#sources = sources;
    this.#frontiers = frontiers;
    this.#t = t;
  }

  /** `name=frontier` of each required source. Few evaluations write a row that wants it: it is worked out there, before the next record. */
  get text(): string {
    return this.#sources
      .map(({ name, source }) => `${name}=${frontierOf(source, this.#frontiers.get(name), this.#t) ?? 'none'}`)
      .join(',');
  }
}

/** Where a flight is judged, and whether only whole days are still told apart there. */
export interface Standpoint {
  readonly asOf: EventTimeMs;
  readonly isDaily: boolean;
  /** A flight that was over is judged once more where it was judged last: its totals are all that is asked. */
  readonly isLastWord?: boolean;
}

const delayWithoutSources = 2 * minuteMs;

/** How far a source is complete at timer instant `t`: the one place where event time is taken from the log's. */
export function frontierOf(source: SourcePlan, completeThrough: number | undefined, t: LogTimeMs): EventTimeMs | null {
  return (source.heartbeats ? (completeThrough ?? null) : t - source.delay_ms) as EventTimeMs | null;
}

export function completenessAt(
  sources: readonly Source[],
  frontiers: ReadonlyMap<string, number>,
  t: LogTimeMs,
): Completeness {
  let least: number | null = sources.length === 0 ? t - delayWithoutSources : Number.POSITIVE_INFINITY;
  let isStale = false;
  for (const { name, source } of sources) {
    const frontier = frontierOf(source, frontiers.get(name), t);
    if (frontier === null || t - frontier > source.stale_after_ms) isStale = true;
    least = frontier === null || least === null ? null : Math.min(least, frontier);
  }
  return new Completeness(least as EventTimeMs | null, isStale || least === null, sources, frontiers, t);
}

/**
 * As far as the sources are complete: to the minute or quarter-hour while cells are kept for it, else to the last local
 * midnight, from daily rows. Null when those are not kept any more either.
 */
export function standpoint(
  frontier: EventTimeMs,
  zone: Zone,
  clock: LogTimeMs,
  limits: Pick<LaneLimits, 'asOfBehindMs' | 'minutesBehind' | 'judgedBackMs'>,
): Standpoint | null {
  const asOf = floorFrontier(frontier, clock, limits.minutesBehind);
  if (asOf >= floorTo(clock, quarterMs) - limits.asOfBehindMs) return { asOf, isDaily: false };
  const midnight = zone.dayStart(zone.localDay(frontier));
  return midnight < clock - limits.judgedBackMs ? null : { asOf: midnight as EventTimeMs, isDaily: true };
}

/** To the minute where the minute ring still holds it, else to the quarter-hour. */
function floorFrontier(frontier: EventTimeMs, clock: LogTimeMs, minutesBehind: number): EventTimeMs {
  const oldestMinute = floorTo(clock, minuteMs) - minutesBehind * minuteMs;
  return floorTo(frontier, floorTo(frontier, quarterMs) >= oldestMinute ? minuteMs : quarterMs);
}
