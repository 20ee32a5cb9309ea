import { dayMs, floorTo, hourMs, quarterMs } from '../../../model/time.ts';
import type { Zone } from '../../../model/zones.ts';

/** Over which span of event time a value was computed (docs/semantics.md §7.2), and of what. */
export interface ValueWindow {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly of: 'spend' | 'impressions';
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
      return [];
  }
}

/** Those of a value about money that no flight covers. */
export function windowsOfCampaign(name: string, { atMs }: Moment): ValueWindow[] {
  return name.startsWith('u.') ? [{ fromMs: atMs - unplannedBackMs, toMs: atMs, of: 'spend' }] : [];
}

/** The local day of the moment before `asOf`: at a midnight, the one that just ended (docs/semantics.md §7.2). */
function startOfJudgedDay({ startMs, zone }: FlightSpan, asOfMs: number): number {
  return zone.dayStart(zone.localDay(asOfMs > startMs ? asOfMs - 1 : asOfMs));
}
