import { defaultPlanOrg } from '../model/ids.ts';
import { dayMs, hourMs, minuteMs, secondMs } from '../model/time.ts';
import type { CampaignPlan, Plan, RulePlan, SourcePlan } from '../rules/plan.ts';
import { habitFacts } from './feed-habits.ts';
import { trafficProfile } from './traffic-shape.ts';
import type { SimulatedFeed, SimulatedOrganization, World } from './world.ts';

/** What the people of the simulated organizations decided; the rules are the caller's. */
interface PlanChoices {
  readonly rules: readonly RulePlan[];
  /** Default 300 000. */
  readonly evaluateEveryMs?: number;
}

/** Organizations that the world does not name are paced like this one. */
const anyOrganization: SimulatedOrganization = {
  org_id: defaultPlanOrg,
  zone: 'UTC',
  delivery_source: 'adserver',
  delivery_heartbeats: false,
  feeds: [],
  app: null,
  retries_late: false,
  converts_late: false,
};

/**
 * The default plan and one per organization of the world, each number 1, naming the sources that the
 * world really has, which campaigns spend through a feed, and the profile that the traffic follows.
 */
export function plansOfWorld(world: World, choices: PlanChoices): Plan[] {
  return [anyOrganization, ...world.organizations].map((organization) => ({
    format: 1,
    org_id: organization.org_id,
    number: 1,
    defaults: {
      zone: organization.zone,
      evaluate_every_ms: choices.evaluateEveryMs ?? 5 * minuteMs,
      spend: { from: 'impressions', ...spendSources(deliverySources(organization)), cost_basis: 'MEDIA' },
      delivery_source: organization.delivery_source,
      profile: 'traffic',
      day_allowance_bp: 20_000,
      ...(organization.retries_late ? { duplicate_window_ms: dayMs } : {}),
    },
    sources: sourcesOf(organization),
    profiles: { traffic: trafficProfile },
    rules: choices.rules,
    campaigns: campaignsOf(world, organization),
  }));
}

function deliverySources({ delivery_source, app }: SimulatedOrganization): readonly string[] {
  return app === null ? [delivery_source] : [delivery_source, app];
}

/** Several sources on one budget, or the one. */
function spendSources(names: readonly string[]): { source: string; sources?: readonly string[] } {
  return names.length === 1 ? { source: names[0] } : { source: '', sources: names };
}

function sourcesOf(organization: SimulatedOrganization): Record<string, SourcePlan> {
  const { delivery_source, delivery_heartbeats, feeds, app } = organization;
  const delivery: SourcePlan = {
    heartbeats: delivery_heartbeats,
    delay_ms: 2 * minuteMs,
    expected_interval_ms: delivery_heartbeats ? minuteMs : 0,
    stale_after_ms: hourMs,
  };
  const untrusted = { heartbeats: false, delay_ms: 2 * minuteMs, expected_interval_ms: 0, stale_after_ms: hourMs };
  return {
    [delivery_source]: delivery,
    ...(app === null ? {} : { [app]: { ...untrusted, clock: 'untrusted' as const } }),
    ...Object.fromEntries(feeds.map((feed) => [feed.source, pulled(feed)])),
  };
}

function pulled({ habit }: SimulatedFeed): SourcePlan {
  const { expectedIntervalMs, staleAfterMs } = habitFacts[habit];
  return {
    heartbeats: true,
    delay_ms: 90 * secondMs,
    expected_interval_ms: expectedIntervalMs,
    stale_after_ms: staleAfterMs,
  };
}

function campaignsOf(world: World, { org_id, feeds }: SimulatedOrganization): Record<string, CampaignPlan> {
  if (feeds.length === 0) return {};
  const spend = { from: 'feed', ...spendSources(feeds.map(({ source }) => source)), cost_basis: 'MEDIA' } as const;
  const ofFeed = world.campaigns.filter((campaign) => campaign.org_id === org_id && campaign.spend_from === 'feed');
  return Object.fromEntries(
    ofFeed.map(({ campaign_id, is_counted_by_feed }) => [
      campaign_id,
      is_counted_by_feed ? { spend, delivery_source: null } : { spend },
    ]),
  );
}
