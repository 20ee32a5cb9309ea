import { hourMs } from '../../src/model/time.ts';
import { campaignKey, type World } from '../../src/simulator/world.ts';
import type { Played } from './play-world.ts';
import { type Truth, Truths } from './truth.ts';

/** How far a forecast was off, at a share of the flight that had passed. */
export interface ForecastScore {
  readonly share: number;
  /** Of spend at the end, percent of what was really spent; the middle one and the largest of ten. */
  readonly projection: { readonly flights: number; readonly half: number; readonly most: number };
  /** Of when the money ends, hours, where it really ended before the flight. */
  readonly exhaustion: { readonly flights: number; readonly half: number; readonly most: number };
}

/** Flights that no fault touched, whose end the truth knows: what a forecast cannot know is not held against it. */
export function forecastsOf(world: World, { snapshots, spent }: Played): ForecastScore[] {
  const truths = new Truths(world, spent);
  const calm = world.campaigns.filter(
    (campaign) =>
      campaign.pace > 0 &&
      !world.faults.some(
        ({ org_id, campaign_id }) =>
          org_id === campaign.org_id && (campaign_id ?? campaign.campaign_id) === campaign.campaign_id,
      ),
  );
  const byCampaign = Map.groupBy(snapshots, ({ org_id, campaign_id }) => `${org_id}/${campaign_id}`);
  return [0.25, 0.5, 0.75].map((share) => {
    const projected: number[] = [];
    const exhausted: number[] = [];
    for (const campaign of calm) {
      const at = campaign.start_ms + share * (campaign.end_ms - campaign.start_ms);
      if (at < world.startMs || at > world.endMs) continue;
      const own = byCampaign.get(campaignKey(campaign)) ?? [];
      const snapshot = own.find(({ as_of, projected_micros }) => Number(as_of) >= at && projected_micros !== null);
      if (snapshot === undefined || Number(snapshot.as_of) > at + 36 * hourMs) continue;
      const truth = truths.of(campaign);
      const final = spentAtEnd(truth);
      projected.push((100 * Math.abs(Number(snapshot.projected_micros) - final)) / final);
      const endsMs = exhaustedAt(truth);
      if (endsMs !== null && snapshot.exhaustion_at !== null)
        exhausted.push(Math.abs(Number(snapshot.exhaustion_at) - endsMs) / hourMs);
    }
    return { share, projection: spread(projected), exhaustion: spread(exhausted) };
  });
}

/** At the pace at which it spends, and not more than its budget: what the simulator stops at, a projection does not know of. */
function spentAtEnd({ campaign, spent, budget, fromMs }: Truth): number {
  const last = Math.min(spent.length - 1, Math.ceil((campaign.end_ms - fromMs) / hourMs) - 1);
  return Math.min(spent[last], budget[last]);
}

function exhaustedAt({ campaign, spent, budget, fromMs }: Truth): number | null {
  const hour = spent.findIndex((each, at) => each >= budget[at]);
  const at = fromMs + (hour + 1) * hourMs;
  return hour < 0 || at >= campaign.end_ms ? null : at;
}

function spread(values: number[]): { flights: number; half: number; most: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted.length === 0 ? 0 : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return { flights: sorted.length, half: at(0.5), most: at(0.9) };
}
