import type { Campaign } from './campaign.ts';
import { offsetAt } from './civil-time.ts';
import { day, floorDivide, floorTo, hour, quarter } from './whole-numbers.ts';

/** Hours of the clock that are kept for comparison (docs/semantics.md §8.6). */

/** Null = not asked for, or of money that was taken out. */
export interface KeptHour {
  readonly spend: bigint | null;
  readonly impressions: bigint | null;
}

/** What a campaign keeps, by the first instant of the hour. */
export interface KeptHours {
  /** Counters that rules ask for. */
  readonly asked: string;
  readonly oldest: number;
  readonly hours: ReadonlyMap<number, KeptHour>;
}

const keptAtOnce = 13;
const keptInAll = 636;

const wants: Readonly<Record<string, readonly string[]>> = {
  spend: ['spend'],
  impressions: ['impressions'],
  cpm: ['spend', 'impressions'],
};

/** The counters that these names compare by the hour. */
export function hourCounters(names: readonly string[]): string[] {
  const measures = names.flatMap((name) => /^b\.([a-z]+)_\d+h_/.exec(name)?.[1] ?? []);
  return [...new Set(measures.flatMap((each) => wants[each] ?? []))].sort();
}

/** The first hour of which quarter-hours tell all. */
export function oldestTold(clock: number): number {
  return Math.ceil((floorTo(clock, quarter) - 285 * quarter) / hour) * hour;
}

/** At a timer of the campaign. */
export function keepHours(campaign: Campaign, names: readonly string[], clock: number): void {
  const counters = hourCounters(names);
  if (counters.length === 0) {
    campaign.kept = null;
    return;
  }
  const asked = counters.join(' ');
  const oldest = oldestTold(clock);
  const before = campaign.kept;
  if (before?.asked === asked && oldest <= before.oldest) return;
  const hours = new Map<number, KeptHour>();
  const has = (name: string) => counters.includes(name);
  for (const [at, { spend, impressions }] of before?.hours ?? [])
    hours.set(at, { spend: has('spend') ? spend : null, impressions: has('impressions') ? impressions : null });
  for (let i = 0; i < keptAtOnce; i++) {
    const [from, to] = [oldest + i * hour, oldest + (i + 1) * hour];
    hours.set(from, {
      spend: has('spend') ? floorDivide(campaign.spend.sum(from, to), 1_000n) : null,
      impressions: has('impressions') ? campaign.impressions.sum(from, to) : null,
    });
  }
  const newest = Math.max(...hours.keys());
  for (const at of hours.keys()) if (at <= newest - keptInAll * hour) hours.delete(at);
  campaign.kept = { asked, oldest, hours };
}

/** Of money in another currency nothing is known any more. */
export function withoutSpend(kept: KeptHours): KeptHours {
  const hours = new Map([...kept.hours].map(([at, { impressions }]) => [at, { spend: null, impressions }]));
  return { ...kept, hours };
}

/** Σ over `count` hours from `from` on, in micros or as a count; null = some are not known. */
export function sumOfHours(
  campaign: Campaign,
  counter: 'spend' | 'impressions',
  { from, count, clock }: { from: number; count: number; clock: number },
): bigint | null {
  let sum = 0n;
  for (let at = from; at < from + count * hour; at += hour) {
    let value: bigint | null | undefined;
    if (at < oldestTold(clock)) value = campaign.kept?.hours.get(at)?.[counter];
    else if (counter === 'spend') value = floorDivide(campaign.spend.sum(at, at + hour), 1_000n);
    else value = campaign.impressions.sum(at, at + hour);
    if (value === null || value === undefined) return null;
    sum += value;
  }
  return sum;
}

/** Where the hours begin that were so many local days before the `count` that end at the hour of `a`. */
export function hoursBefore(zone: string, a: number, count: number, days: number): number {
  const end = floorTo(a, hour);
  const then = end - days * day;
  return floorTo(then + offsetAt(zone, end) - offsetAt(zone, then), hour) - count * hour;
}
