import { floorTo, hourMs, minuteMs, quarterMs } from '../model/time.ts';
import { findZone, utc, type Zone } from '../model/zones.ts';
import type { FeedPart } from './feed-book.ts';
import { trafficAt } from './traffic-shape.ts';
import { type Fault, faultsOf, type SimulatedCampaign, type SimulatedOrganization, type World } from './world.ts';

/** A campaign while it runs: what it has spent, what it may spend, what befalls it now. */
export class CampaignRun {
  readonly campaign: SimulatedCampaign;
  readonly organization: SimulatedOrganization;
  readonly zone: Zone;
  readonly faults: readonly Fault[];
  budgetMicros: number;
  /** Whole spend so far, an estimate in micros: it steers, it is never reported. */
  spentMicros = 0;
  endDay: number;
  endMs: number;
  ledgerVersion = 1;
  pausedUntilMs = 0;
  /** What feeds will report of the time before the log. */
  readonly earlier: FeedPart[] = [];
  /** Of the running hour, which its feeds will report. */
  #hour = { nanos: 0, impressions: 0, clicks: 0 };
  #microsPerWeight = 0;
  #quarter = Number.NaN;
  #shape = 0;
  #day = Number.NaN;
  #daySpent = 0;

  constructor(campaign: SimulatedCampaign, world: World) {
    this.campaign = campaign;
    const organization = world.organizations.find((each) => each.org_id === campaign.org_id);
    if (organization === undefined) throw new Error(`campaign ${campaign.campaign_id} has no organization`);
    this.organization = organization;
    this.zone = findZone(campaign.zone) ?? utc;
    this.faults = faultsOf(world, campaign);
    this.budgetMicros = campaign.budget_micros;
    this.endDay = campaign.end_day;
    this.endMs = campaign.end_ms;
    this.replan(campaign.start_ms);
  }

  /** Spreads what is left over what remains of the flight, by the shape of its mode. */
  replan(fromMs: number): void {
    const weight = this.weight(Math.max(fromMs, this.campaign.start_ms), this.endMs);
    this.#microsPerWeight = weight === 0 ? 0 : Math.max(0, this.budgetMicros - this.spentMicros) / weight;
  }

  /** Weight of a span in mean minutes. */
  weight(fromMs: number, untilMs: number): number {
    if (untilMs <= fromMs) return 0;
    let sum = 0;
    for (let at = floorTo(fromMs, hourMs); at < untilMs; at += hourMs) {
      sum += this.#shapeAt(at) * (Math.min(untilMs, at + hourMs) - Math.max(fromMs, at));
    }
    return sum / minuteMs;
  }

  /** Planned spend of the span at perfect pace, micros. */
  plannedMicros(fromMs: number, untilMs: number): number {
    return this.#microsPerWeight * this.weight(fromMs, untilMs);
  }

  /** Spend wanted in the minute at `minute`, micros, after pace, pauses, caps and faults. */
  wantedMicros(minute: number): number {
    const { campaign } = this;
    const isOver = minute >= this.endMs;
    // Who does not hear of the end does not hear of the budget either.
    let mayOverspend = isOver && this.isUnder('spends_after_end', minute);
    if (minute < campaign.start_ms || (isOver && !mayOverspend) || minute < this.pausedUntilMs) return 0;
    this.#turn(minute);
    let factor = campaign.pace * (campaign.mode === 'ASAP' ? 2.5 : 1);
    for (const fault of this.faults) {
      if (minute < fault.from_ms || minute >= fault.until_ms) continue;
      if (fault.kind === 'delivery_stop') return 0;
      if (fault.kind === 'spend_spike' || fault.kind === 'falls_behind' || fault.kind === 'overspends') {
        factor *= fault.factor;
        mayOverspend ||= fault.factor > 1;
      }
    }
    if (!mayOverspend && this.spentMicros >= this.budgetMicros) return 0;
    const cap = campaign.daily_cap_micros;
    if (!mayOverspend && cap !== null && this.#daySpent >= cap) return 0;
    return this.#microsPerWeight * this.#shape * factor;
  }

  spend(nanos: number): void {
    this.spentMicros += nanos / 1_000;
    this.#daySpent += nanos / 1_000;
    this.#hour.nanos += nanos;
  }

  /** Where its feeds count and no ad server. */
  count(impressions: number, clicks: number): void {
    this.#hour.impressions += impressions;
    this.#hour.clicks += clicks;
  }

  /** What came together since it was last asked. */
  takeHour(): Omit<FeedPart, 'from' | 'until'> {
    const { nanos, impressions, clicks } = this.#hour;
    this.#hour = { nanos: 0, impressions: 0, clicks: 0 };
    return { micros: Math.round(nanos / 1_000), impressions, clicks };
  }

  has(kind: Fault['kind']): boolean {
    return this.faults.some((fault) => fault.kind === kind);
  }

  isUnder(kind: Fault['kind'], at: number): boolean {
    return this.faults.some((fault) => fault.kind === kind && at >= fault.from_ms && at < fault.until_ms);
  }

  /** Looks up the shape once a quarter, and forgets the day's spend at local midnight. */
  #turn(minute: number): void {
    const quarter = floorTo(minute, quarterMs);
    if (quarter === this.#quarter) return;
    this.#quarter = quarter;
    this.#shape = this.#shapeAt(quarter);
    const day = this.zone.localDay(quarter);
    if (day !== this.#day) {
      this.#day = day;
      this.#daySpent = 0;
    }
  }

  /** Traffic flights follow the traffic; the others are held even, and get halfway there. */
  #shapeAt(at: number): number {
    const traffic = trafficAt(at + this.zone.offsetAt(at));
    return this.campaign.mode === 'TRAFFIC' ? traffic : 0.6 + 0.4 * traffic;
  }
}
