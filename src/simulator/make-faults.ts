import { hourMs, minuteMs } from '../model/time.ts';
import { habitFacts } from './feed-habits.ts';
import type { Random } from './random.ts';
import { badProducerKinds, type Fault, type FaultKind, type SimulatedFeed, type World } from './world.ts';

type Base = Omit<World, 'faults'>;

/** Labelled faults spread over the first three quarters of the time, each on a campaign that shows it. */
export function makeFaults(random: Random, world: Base): Fault[] {
  const faults: Fault[] = [...badProducers(random, world)];
  const taken = new Set<number>();
  const each = Math.max(1, Math.round(world.campaigns.length / 100));
  for (let i = 0; i < each; i++) {
    add(faults, random, world, taken, { kind: 'delivery_stop', hours: [6, 20], factor: 0 });
    add(faults, random, world, taken, { kind: 'spend_spike', hours: [2, 5], factor: 5 });
    add(faults, random, world, taken, { kind: 'tracking_cut', hours: [12, 24], factor: 0 });
    add(faults, random, world, taken, { kind: 'falls_behind', hours: [24, 48], factor: 0.4 });
    add(faults, random, world, taken, { kind: 'overspends', hours: [24, 48], factor: 1.8 });
    add(faults, random, world, taken, { kind: 'budget_cut', hours: [0, 0], factor: 0.5 });
    add(faults, random, world, taken, { kind: 'late_burst', hours: [2, 4], factor: 0 });
  }
  faults.push(...silentFeeds(random, world));
  for (let i = 0; i < each; i++) {
    addAfterEnd(faults, random, world, taken);
    addIgnoredPause(faults, random, world, taken);
  }
  return faults.sort((a, b) => a.from_ms - b.from_ms);
}

interface Wish {
  readonly kind: FaultKind;
  readonly hours: readonly [number, number];
  readonly factor: number;
}

function add(faults: Fault[], random: Random, world: Base, taken: Set<number>, wish: Wish): void {
  const from_ms = instant(random, world);
  const fits = world.campaigns.flatMap((campaign, i) => {
    const isUnderWay = campaign.start_ms < world.startMs && campaign.end_ms > world.startMs + 24 * hourMs;
    return isUnderWay && campaign.pace > 0 && !taken.has(i) ? [i] : [];
  });
  if (fits.length === 0) return;
  const chosen = random.pick(fits);
  taken.add(chosen);
  const { org_id, campaign_id } = world.campaigns[chosen];
  const until_ms = Math.min(world.endMs, from_ms + Math.round(random.between(...wish.hours) * hourMs));
  faults.push({ kind: wish.kind, org_id, campaign_id, from_ms, until_ms, factor: wish.factor });
}

/** A campaign whose platform does not hear of its end, which lies within the time. */
function addAfterEnd(faults: Fault[], random: Random, world: Base, taken: Set<number>): void {
  const last = world.startMs + (world.endMs - world.startMs) * 0.75;
  const fits = world.campaigns.flatMap(({ end_ms, pace }, i) =>
    end_ms > world.startMs + hourMs && end_ms < last && pace > 0 && !taken.has(i) ? [i] : [],
  );
  const hours = random.between(12, 48);
  if (fits.length === 0) return;
  const chosen = random.pick(fits);
  taken.add(chosen);
  const { org_id, campaign_id, end_ms } = world.campaigns[chosen];
  const until_ms = Math.min(world.endMs, end_ms + Math.round(hours) * hourMs);
  faults.push({ kind: 'spends_after_end', org_id, campaign_id, from_ms: end_ms, until_ms, factor: 0 });
}

/** The advertiser pauses a campaign that delivers, and it goes on. */
function addIgnoredPause(faults: Fault[], random: Random, world: Base, taken: Set<number>): void {
  const from_ms = instant(random, world);
  const until_ms = from_ms + Math.round(random.between(8, 20) * 60) * minuteMs;
  const fits = world.campaigns.flatMap(({ start_ms, end_ms, pace }, i) =>
    start_ms < from_ms && end_ms > until_ms && pace > 0 && !taken.has(i) ? [i] : [],
  );
  if (fits.length === 0) return;
  const chosen = random.pick(fits);
  taken.add(chosen);
  const { org_id, campaign_id } = world.campaigns[chosen];
  faults.push({
    kind: 'ignores_pause',
    org_id,
    campaign_id,
    from_ms,
    until_ms: Math.min(world.endMs, until_ms),
    factor: 0,
  });
}

function silentFeeds(random: Random, world: Base): Fault[] {
  const isHourly = ({ habit }: SimulatedFeed) => !habitFacts[habit].isDaily;
  const withFeed = world.organizations.filter(({ feeds }) => feeds.length > 0 && feeds.every(isHourly));
  return withFeed.slice(0, Math.max(1, Math.round(withFeed.length / 5))).map((organization) => {
    const from_ms = instant(random, world);
    const until_ms = from_ms + Math.round(random.between(4, 10) * hourMs);
    return { kind: 'feed_silent', org_id: organization.org_id, campaign_id: null, from_ms, until_ms, factor: 0 };
  });
}

function badProducers(random: Random, world: Base): Fault[] {
  const rounds = Math.max(1, Math.round(world.organizations.length / 8));
  return Array.from({ length: rounds }, () => badProducerKinds)
    .flat()
    .map((kind) => {
      const { org_id, campaign_id } = random.pick(world.campaigns);
      const at = instant(random, world);
      return { kind, org_id, campaign_id, from_ms: at, until_ms: at, factor: 0 };
    });
}

/** A whole minute within the first three quarters, after the first hour. */
function instant(random: Random, world: Base): number {
  const span = (world.endMs - world.startMs) * 0.75;
  return (
    world.startMs +
    Math.floor((Math.min(hourMs, span / 4) + random.unit() * (span - Math.min(hourMs, span / 4))) / minuteMs) * minuteMs
  );
}
