import { makeFaults } from '../../src/simulator/make-faults.ts';
import { makeWorld } from '../../src/simulator/make-world.ts';
import { Random } from '../../src/simulator/random.ts';
import { campaignKey, type Fault, type World } from '../../src/simulator/world.ts';

/** What a score is taken on. The same size makes the same world. */
export interface ScoreSize {
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  /** Impression records of a campaign and day, at least; each stands for many impressions. */
  readonly recordsPerDay: number;
  /** How often faults of each kind are thrown in. */
  readonly rounds: number;
}

/**
 * A simulated world with its labelled faults, and nothing that people change meanwhile: what a budget change or a pause
 * makes of a plan is for the tests of pacing, and here it would blur what a fault did. Every campaign has records enough
 * that two hours without one mean something.
 */
export function scoreWorld({ seed, days, campaigns, recordsPerDay, rounds }: ScoreSize): World {
  const made = makeWorld({ seed, days, campaigns, impressionsPerDay: campaigns * recordsPerDay, partitions: 2 });
  const world = {
    ...made,
    campaigns: made.campaigns.map((campaign) => {
      const aDay = campaign.records_per_day * campaign.batch_count;
      const batch_count = Math.max(1, Math.round(aDay / recordsPerDay));
      return { ...campaign, records_per_day: recordsPerDay, batch_count };
    }),
    churn: { ...made.churn, budget_changes: 0, pauses: 0, extensions: 0 },
  };
  return { ...world, faults: manyFaults(world, rounds) };
}

const lasts = 4;

/** A campaign has one fault at most, so that each can be told from the others. */
function manyFaults(world: World, rounds: number): readonly Fault[] {
  const faults: Fault[] = [];
  const taken = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const drawn = makeFaults(new Random(world.seed, `score faults ${round}`), world);
    for (const fault of drawn) {
      const key = campaignKey({ org_id: fault.org_id, campaign_id: fault.campaign_id ?? '' });
      if (fault.campaign_id !== null && fault.from_ms < fault.until_ms) {
        if (taken.has(key)) continue;
        taken.add(key);
      } else if (round > 0) continue;
      faults.push(longer(fault, world.endMs));
    }
  }
  return faults.toSorted((a, b) => a.from_ms - b.from_ms);
}

/** A day or two off pace is no trouble of a flight of weeks: what is to be found must last. */
function longer(fault: Fault, endMs: number): Fault {
  if (fault.kind !== 'falls_behind' && fault.kind !== 'overspends') return fault;
  return { ...fault, until_ms: Math.min(endMs, fault.from_ms + lasts * (fault.until_ms - fault.from_ms)) };
}
