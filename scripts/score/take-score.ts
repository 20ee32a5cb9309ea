import { readPlanFiles } from '../../src/plans/plan-files.ts';
import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import { plansOfWorld } from '../../src/simulator/plans.ts';
import { campaignKey, type Fault, type SimulatedCampaign, type World } from '../../src/simulator/world.ts';
import { type ForecastScore, forecastsOf } from './forecast.ts';
import { measure, type Score } from './measure.ts';
import { type Played, playWorld } from './play-world.ts';
import { type ScoreSize, scoreWorld } from './score-world.ts';

/** Everything that docs/score.md shows. */
export interface Taken {
  readonly size: ScoreSize;
  readonly shipped: Score;
  /** Campaigns that follow the traffic, judged by their shape and by a straight line. */
  readonly shaped: Score;
  readonly straight: Score;
  readonly forecasts: readonly ForecastScore[];
}

const evaluateEveryMs = 15 * 60_000;

export async function takeScore(size: ScoreSize): Promise<Taken> {
  const rules = readPlanFiles({ organizations: 'config/organizations.yaml', rules: 'config/rules' }).rules.map(
    ({ rule }) => rule,
  );
  const world = scoreWorld(size);
  const played = await playWorld(world, plansOf(world, rules));
  const ofTraffic = partOf(world, ({ mode }) => mode === 'TRAFFIC');
  const keys = new Set(ofTraffic.campaigns.map(campaignKey));
  const orgs = new Set(ofTraffic.campaigns.map(({ org_id }) => org_id));
  // Sources are of everybody.
  const isOfTraffic = (row: { org_id: string; campaign_id: string }) =>
    row.campaign_id === '' ? orgs.has(row.org_id) : keys.has(campaignKey(row));
  const only = ({ alerts, snapshots, spent }: Played): Played => ({
    spent,
    alerts: alerts.filter(isOfTraffic),
    snapshots: snapshots.filter(isOfTraffic),
  });
  const flat = await playWorld(ofTraffic, plansOf(ofTraffic, rules).map(withoutShape));
  return {
    ...{ size, shipped: measure(world, played), forecasts: forecastsOf(world, played) },
    ...{ shaped: measure(ofTraffic, only(played)), straight: measure(ofTraffic, only(flat)) },
  };
}

/** Some of the campaigns, with what befalls them. */
function partOf(world: World, isIn: (campaign: SimulatedCampaign) => boolean): World {
  const campaigns = world.campaigns.filter(isIn);
  const keys = new Set(campaigns.map(campaignKey));
  const orgs = new Set(campaigns.map(({ org_id }) => org_id));
  const isOfThem = ({ org_id, campaign_id }: Fault) =>
    campaign_id === null ? orgs.has(org_id) : keys.has(campaignKey({ org_id, campaign_id }));
  return { ...world, campaigns, faults: world.faults.filter(isOfThem) };
}

function plansOf(world: World, rules: readonly RulePlan[]): Plan[] {
  return plansOfWorld(world, { rules, evaluateEveryMs });
}

/** A flight whose curve nobody knows is expected to spend evenly. */
function withoutShape(plan: Plan): Plan {
  return { ...plan, profiles: {}, defaults: { ...plan.defaults, profile: null } };
}
