import type { Campaign } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { ProvisionalQuarters } from '../lane/provisional-quarters.ts';
import type { Zone } from '../model/zones.ts';
import type { DayBooker } from './day-booker.ts';
import { ReportBooker } from './report-booker.ts';

/** Moves what was booked before a campaign's zone was known to the days of that zone (docs/semantics.md §4.1). */
export class FollowZone {
  readonly #state: LaneState;
  readonly #days: DayBooker;
  readonly #reports: ReportBooker;

  constructor(state: LaneState, days: DayBooker) {
    this.#state = state;
    this.#days = days;
    this.#reports = new ReportBooker(state, days);
  }

  /** A record of a campaign whose zone no flight has named: it is the plan's, which may be another than before. */
  ofPlan(campaign: Campaign, offset: number): void {
    const zone = this.#state.defaultZone(campaign.orgId);
    if (campaign.quarters?.zone.id === zone.id) return;
    // Whatever becomes of the record, a restore must know this.
    this.#state.touch(campaign);
    if (campaign.quarters === null) campaign.quarters = new ProvisionalQuarters(zone, campaign.books);
    else this.#move(campaign, zone, offset);
  }

  /** A flight names the zone, with the record of `offset`; from now on nothing moves. */
  ofFlight(campaign: Campaign, zone: Zone, offset: number): void {
    campaign.zone = zone;
    const { quarters } = campaign;
    if (quarters === null) return;
    if (quarters.zone.id !== zone.id) this.#move(campaign, zone, offset);
    quarters.release();
    campaign.quarters = null;
    campaign.zoneBecameKnown = true;
    campaign.putAway();
  }

  #move(campaign: Campaign, zone: Zone, offset: number): void {
    const before = (campaign.quarters as ProvisionalQuarters).zone;
    this.#days.moveQuarters(campaign, zone, offset);
    this.#reports.move(campaign, before, zone, offset);
  }
}
