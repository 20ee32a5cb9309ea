import type { LaneState } from '../lane/lane-state.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { RulePlan } from '../rules/plan.ts';
import type { Scope } from './alert-rows.ts';

/** Alerts of a rule that are about the same as `scope`, or about a source that it waits for (docs/semantics.md §8.6). */
export function alertsNearby(
  { campaign, flight, source, groupId, advertiser, organization }: Scope,
  { id, scope: of }: Pick<RulePlan, 'id' | 'scope'>,
  state: LaneState,
): (AlertState | null | undefined)[] {
  const ofSource = (name: string) => organization.sourceAlerts.get(`${name}|${id}`)?.alert;
  if (of === 'order') return [organization.orders?.get(groupId)?.alerts.get(id)];
  // Alerts of the organization are kept as those of no source.
  if (of === 'organization') return [ofSource('')];
  if (of === 'advertiser') {
    const whose = campaign === null ? advertiser : state.campaignPlan(campaign).advertiser;
    return [organization.advertiserAlerts?.get(`${whose}|${id}`)?.alert];
  }
  if (campaign === null) return [ofSource(source)];
  if (of === 'source') return state.planView(campaign).sources.map(({ name }) => ofSource(name));
  if (of === 'campaign') return [campaign.unplanned?.alerts.get(id)];
  if (flight !== null) return [flight.alerts.get(id)];
  return campaign.flights.map(({ alerts }) => alerts.get(id));
}

export function isFiring(alert: AlertState | null | undefined): boolean {
  return alert?.state === 'firing' || alert?.state === 'recovering';
}
