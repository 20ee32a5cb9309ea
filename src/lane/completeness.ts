import { floorTo, hourMs, minuteMs, quarterMs } from '../model/time.ts';
import type { SourcePlan } from '../rules/plan.ts';
import { minutesBehind } from './delivery-cells.ts';

/** How far the sources of a flight are complete, and whether that is enough to judge (docs/semantics.md §7.1). */
export class Completeness {
  /** Floored frontier; null when a source's is not known. */
  readonly asOf: number | null;
  readonly isStale: boolean;
  readonly #sources: readonly { readonly name: string }[];
  readonly #frontiers: readonly (number | null)[];

  constructor(
    asOf: number | null,
    isStale: boolean,
    sources: readonly { readonly name: string }[],
    frontiers: readonly (number | null)[],
  ) {
    this.asOf = asOf;
    this.isStale = isStale;
    this.#sources = sources;
    this.#frontiers = frontiers;
  }

  /** `name=frontier` of each required source; few evaluations write a row that wants it. */
  get text(): string {
    return this.#sources.map(({ name }, i) => `${name}=${this.#frontiers[i] ?? 'none'}`).join(',');
  }
}

/** Run-rate and day windows reach at most 25 h back into cells of 72 h. */
const oldestAsOf = 46 * hourMs;
const delayWithoutSources = 2 * minuteMs;

export function frontierOf(source: SourcePlan, completeThrough: number | undefined, t: number): number | null {
  return source.heartbeats ? (completeThrough ?? null) : t - source.delay_ms;
}

export function completenessAt(
  sources: readonly { name: string; source: SourcePlan }[],
  frontiers: ReadonlyMap<string, number>,
  t: number,
  clock: number,
): Completeness {
  let least: number | null = sources.length === 0 ? t - delayWithoutSources : Number.POSITIVE_INFINITY;
  let isStale = false;
  const known: (number | null)[] = [];
  for (const { name, source } of sources) {
    const frontier = frontierOf(source, frontiers.get(name), t);
    known.push(frontier);
    if (frontier === null || t - frontier > source.stale_after_ms) isStale = true;
    least = frontier === null || least === null ? null : Math.min(least, frontier);
  }
  const asOf = least === null ? null : floorFrontier(least, clock);
  if (asOf === null || asOf < floorTo(clock, quarterMs) - oldestAsOf) isStale = true;
  return new Completeness(asOf, isStale, sources, known);
}

/** To the minute where the minute ring still holds it, else to the quarter-hour. */
function floorFrontier(frontier: number, clock: number): number {
  const oldestMinute = floorTo(clock, minuteMs) - minutesBehind * minuteMs;
  return floorTo(frontier, floorTo(frontier, quarterMs) >= oldestMinute ? minuteMs : quarterMs);
}
