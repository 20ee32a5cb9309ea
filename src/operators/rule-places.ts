import type { Campaign } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { OrderPace } from '../lane/order-pace.ts';
import type { Organization } from '../lane/organization.ts';
import { sourceOf } from '../lane/plan-view.ts';
import type { EventTimeMs, LogTimeMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import type { CompiledPlan } from '../rules/compile-plan.ts';
import type { OrderPlan } from '../rules/plan.ts';
import type { Scope } from './alert-rows.ts';

/** Where rules are judged that are about no flight. */

export interface CampaignMoment {
  readonly campaign: Campaign;
  readonly t: LogTimeMs;
  readonly offset: number;
  readonly completeness: { readonly text: string };
}

/** An order at one instant of its organization's timer. */
export interface OrderMoment {
  readonly organization: Organization;
  readonly id: string;
  readonly order: Pick<OrderPlan, 'advertiser'>;
  readonly pace: OrderPace;
  readonly zone: Zone;
  readonly asOf: EventTimeMs;
  readonly t: LogTimeMs;
  readonly offset: number;
  readonly completeness: { readonly text: string };
}

export function campaignScope(state: LaneState, { campaign, t, offset, completeness }: CampaignMoment): Scope {
  return {
    orgId: campaign.orgId,
    campaignId: campaign.id,
    flightId: '',
    source: '',
    groupId: '',
    // What was spent is known when it is booked: there is nothing to wait for (docs/semantics.md §9).
    asOf: t as number as EventTimeMs,
    t,
    offset,
    completeness,
    zone: state.zoneOf(campaign),
    campaign,
    flight: null,
    organization: state.organizations[campaign.orgSlot],
  };
}

export function sourceScope(
  state: LaneState,
  organization: Organization,
  source: string,
  at: { t: LogTimeMs; offset: number; completeness: { text: string } },
): Scope {
  // A source is judged at the timer's instant: there the log's time stands for the events' (docs/semantics.md §8.1).
  const asOf = at.t as number as EventTimeMs;
  const zone = state.defaultZone(organization.id);
  const { plan } = state.planOf(organization.id);
  const patienceMs = source === '' ? 0 : sourceOf(plan, source).stale_after_ms;
  const about = { campaign: null, flight: null, groupId: '', organization, patienceMs };
  return { orgId: organization.id, campaignId: '', flightId: '', source, asOf, ...at, zone, ...about };
}

export function orderScope({ organization, id, zone, asOf, t, offset, completeness }: OrderMoment): Scope {
  const nobody = { campaignId: '', flightId: '', source: '', campaign: null, flight: null };
  return { orgId: organization.id, ...nobody, groupId: id, asOf, t, offset, completeness, zone, organization };
}

/**
 * A declared source that needs no heartbeats, or of which one was heard, or that flights wait for. Defaults may declare
 * what an organization never sends: that is not late.
 */
export function isInUse({ plan, neededSources }: CompiledPlan, { frontiers }: Organization, name: string): boolean {
  if (!Object.hasOwn(plan.sources, name)) return false;
  return !plan.sources[name].heartbeats || neededSources.has(name) || frontiers.has(name);
}
