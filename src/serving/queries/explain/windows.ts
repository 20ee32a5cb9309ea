import { dayMs, floorTo, hourMs, quarterMs } from '../../../model/time.ts';
import type { Zone } from '../../../model/zones.ts';
import { seasons } from '../../../rules/baselines.ts';
import type { WindowCounter } from '../../../rules/measures.ts';
import { windowValueOf } from '../../../rules/window-values.ts';

/** Of which records. */
export const windowsOf = ['spend', 'impressions', 'clicks', 'video', 'auctions', 'conversions'] as const;
export type WindowOf = (typeof windowsOf)[number];

/** Over which span of event time a value was computed (docs/semantics.md §7.2), and of what. */
export interface ValueWindow {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly of: WindowOf;
}

export interface FlightSpan {
  readonly startMs: number;
  readonly endMs: number;
  readonly zone: Zone;
}

interface Moment {
  readonly asOfMs: number;
  /** Log time of the judgement. */
  readonly atMs: number;
}

/** Further back than this flights are judged by whole days (docs/semantics.md §7.1). */
const finestBackMs = 46 * hourMs;
/** What a campaign spends outside of its flights is looked at so far back (docs/semantics.md §9.2). */
const unplannedBackMs = 33 * dayMs;

/** The windows of a flight's value; none for values that need no records, and for names that are not known here. */
export function windowsOfFlight(name: string, flight: FlightSpan, { asOfMs, atMs }: Moment): ValueWindow[] {
  const whole = { fromMs: flight.startMs, toMs: asOfMs } as const;
  const isByDays = floorTo(asOfMs, quarterMs) < floorTo(atMs, quarterMs) - finestBackMs;
  const dayStart = startOfJudgedDay(flight, asOfMs);
  const lastDay = isByDays ? dayStart : floorTo(asOfMs - dayMs, quarterMs);
  const recent = { fromMs: Math.max(flight.startMs, lastDay), toMs: asOfMs } as const;
  const twoHours = { fromMs: floorTo(asOfMs - 2 * hourMs, quarterMs), toMs: asOfMs } as const;
  switch (name) {
    case 'p.spend':
    case 'p.delivery_pct':
    case 'p.osi_pct':
    case 'p.required_daily':
      return [{ ...whole, of: 'spend' }];
    case 'p.projected':
    case 'p.projected_pct':
    case 'p.lift_needed':
    case 'p.exhaust_lead_hours':
    case 'p.exhaust_lead_pct':
      return [
        { ...whole, of: 'spend' },
        { ...recent, of: 'spend' },
      ];
    case 'p.run_rate_daily':
      return [{ ...recent, of: 'spend' }];
    case 'p.day_spend':
    case 'p.day_pct':
    case 'p.day_capped':
      return [{ fromMs: dayStart, toMs: asOfMs, of: 'spend' }];
    case 'm.spend_2h':
      return [{ ...twoHours, of: 'spend' }];
    case 'm.impressions_2h':
      return [{ ...twoHours, of: 'impressions' }];
    case 'm.impressions_flight':
      return [{ ...whole, of: 'impressions' }];
    default:
      return askedWindows(name, flight, { asOfMs, dayStart });
  }
}

/** Windows over counters, and those of the weeks before (docs/semantics.md §8.6). */
function askedWindows(
  name: string,
  flight: FlightSpan,
  { asOfMs, dayStart }: { readonly asOfMs: number; readonly dayStart: number },
): ValueWindow[] {
  const value = windowValueOf(name);
  if (value === undefined) return [];
  const of: WindowOf[] =
    value.kind === 'matured' ? ['spend', 'conversions'] : [...new Set(value.measure.counters.map(recordsOf))];
  const { zone, startMs } = flight;
  const last = zone.localDay(asOfMs) - 1;
  const days = (count: number, back: number) => ({
    fromMs: zone.dayStart(last - count + 1 - back),
    toMs: zone.dayStart(last + 1 - back),
  });
  /** Whole hours of the clock that end in the hour in which it was the same local time so many days before. */
  const hours = (count: number, back: number) => {
    const end = floorTo(asOfMs, hourMs);
    const then = end - back * dayMs;
    const toMs = floorTo(then + zone.offsetAt(end) - zone.offsetAt(then), hourMs);
    return { fromMs: toMs - count * hourMs, toMs };
  };
  const spans = (): { fromMs: number; toMs: number }[] => {
    if (value.kind === 'baseline') {
      const { span, statistic } = value;
      // What others did is not among the campaign's records.
      if (value.season === 'peers') return comparing.has(statistic) ? [days(span.count, 0)] : [];
      const season = seasons[value.season];
      const all = Array.from({ length: season.samples }, (_, index) => index + 1);
      const before = statistic === 'now' ? [] : statistic.startsWith('prev_') ? [1] : all;
      const now = comparing.has(statistic) ? [0] : [];
      const spanOf = span.of === 'days' ? days : hours;
      return [...now, ...before].map((step) => spanOf(span.count, step * season.days));
    }
    if (value.kind === 'matured') return [days(value.days, 0)];
    const { window } = value;
    if (window.of === 'days') return [days(window.count, 0)];
    if (window.of === 'today') return [{ fromMs: dayStart, toMs: asOfMs }];
    if (window.of === 'hours') return [{ fromMs: floorTo(asOfMs - window.count * hourMs, quarterMs), toMs: asOfMs }];
    return [{ fromMs: startMs, toMs: value.measure.isFine ? asOfMs : zone.dayStart(last + 1) }];
  };
  return spans()
    .filter(({ fromMs, toMs }) => fromMs < toMs)
    .flatMap((span) => of.map((each) => ({ ...span, of: each })));
}

/** Statistics that the newest window has a part in. */
const comparing: ReadonlySet<string> = new Set(['now', 'ratio', 'score', 'expected', 'z']);

/** Which records a counter counts. */
export function recordsOf(counter: WindowCounter): WindowOf {
  if (counter === 'spend' || counter === 'adjustments') return 'spend';
  if (counter.endsWith('impressions')) return 'impressions';
  if (counter.endsWith('clicks')) return 'clicks';
  if (counter.startsWith('video_')) return 'video';
  return counter.startsWith('auction_') ? 'auctions' : 'conversions';
}

/** Those of a value about money that no flight covers. */
export function windowsOfCampaign(name: string, { atMs }: Moment): ValueWindow[] {
  return name.startsWith('u.') ? [{ fromMs: atMs - unplannedBackMs, toMs: atMs, of: 'spend' }] : [];
}

/** The local day of the moment before `asOf`: at a midnight, the one that just ended (docs/semantics.md §7.2). */
function startOfJudgedDay({ startMs, zone }: FlightSpan, asOfMs: number): number {
  return zone.dayStart(zone.localDay(asOfMs > startMs ? asOfMs - 1 : asOfMs));
}
