import { defaultPlanOrg } from '../model/ids.ts';
import { hourMs, minuteMs, secondMs } from '../model/time.ts';
import type { CampaignPlan, Plan, RulePlan, SourcePlan } from '../rules/plan.ts';
import { trafficProfile } from './traffic-shape.ts';
import type { SimulatedOrganization, World } from './world.ts';

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
  feed: null,
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
      spend: { from: 'impressions', source: organization.delivery_source, cost_basis: 'MEDIA' },
      delivery_source: organization.delivery_source,
      profile: 'traffic',
      day_allowance_bp: 20_000,
    },
    sources: sourcesOf(organization),
    profiles: { traffic: trafficProfile },
    rules: choices.rules,
    campaigns: campaignsOf(world, organization),
  }));
}

function sourcesOf({ delivery_source, delivery_heartbeats, feed }: SimulatedOrganization): Record<string, SourcePlan> {
  const delivery: SourcePlan = {
    heartbeats: delivery_heartbeats,
    delay_ms: 2 * minuteMs,
    expected_interval_ms: delivery_heartbeats ? minuteMs : 0,
    stale_after_ms: hourMs,
  };
  if (feed === null) return { [delivery_source]: delivery };
  const pulled = {
    heartbeats: true,
    delay_ms: 90 * secondMs,
    expected_interval_ms: hourMs,
    stale_after_ms: 6 * hourMs,
  };
  return { [delivery_source]: delivery, [feed.source]: pulled };
}

function campaignsOf(world: World, { org_id, feed }: SimulatedOrganization): Record<string, CampaignPlan> {
  if (feed === null) return {};
  const spend = { from: 'feed', source: feed.source, cost_basis: 'MEDIA' } as const;
  const ofFeed = world.campaigns.filter((campaign) => campaign.org_id === org_id && campaign.spend_from === 'feed');
  return Object.fromEntries(ofFeed.map((campaign) => [campaign.campaign_id, { spend }]));
}
