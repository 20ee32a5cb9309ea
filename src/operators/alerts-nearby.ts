import type { Campaign } from '../lane/campaign.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { RulePlan } from '../rules/plan.ts';
import type { Scope } from './alert-rows.ts';

/** Alerts of a rule that are about the same as `scope`, or about a source that it waits for (docs/semantics.md §8.6). */
export function alertsNearby(
  { campaign, flight, source, groupId, organization }: Scope,
  { id, scope: of }: Pick<RulePlan, 'id' | 'scope'>,
  sourcesOf: (campaign: Campaign) => readonly { readonly name: string }[],
): (AlertState | null | undefined)[] {
  const ofSource = (name: string) => organization.sourceAlerts.get(`${name}|${id}`)?.alert;
  if (of === 'order') return [organization.orders?.get(groupId)?.alerts.get(id)];
  // Alerts of the organization are kept as those of no source.
  if (of === 'organization') return [ofSource('')];
  if (campaign === null) return [ofSource(source)];
  if (of === 'source') return sourcesOf(campaign).map(({ name }) => ofSource(name));
  if (of === 'campaign') return [campaign.unplanned?.alerts.get(id)];
  if (flight !== null) return [flight.alerts.get(id)];
  return campaign.flights.map(({ alerts }) => alerts.get(id));
}

export function isFiring(alert: AlertState | null | undefined): boolean {
  return alert?.state === 'firing' || alert?.state === 'recovering';
}
