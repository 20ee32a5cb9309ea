import { dayMs } from '../model/time.ts';
import { findZone, utc, type Zone } from '../model/zones.ts';
import { habitFacts } from './feed-habits.ts';
import { makeFaults } from './make-faults.ts';
import { Random } from './random.ts';
import {
  type Churn,
  type FeedHabit,
  feedHabits,
  type SimulatedCampaign,
  type SimulatedFeed,
  type SimulatedOrganization,
  type World,
} from './world.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly days: number;
  readonly campaigns: number;
  readonly partitions: number;
  /** Default: one for ten campaigns, at least 4. */
  readonly organizations?: number;
  /** Epoch ms; default 2026-03-07T00:00Z, so that day 2 has the spring change of America. */
  readonly startMs?: number;
  /** IANA zones of organizations, in turn; default: nine whose clocks differ in every way we know. */
  readonly zones?: readonly string[];
  /** Impression records a day, whole world; default 600 per campaign. */
  readonly impressionsPerDay?: number;
}

const defaultStartMs = Date.UTC(2026, 2, 7);

/**
 * Sizes from research: churn 3 % budget changes and 1 % pauses a campaign and day, 5 % extensions a
 * flight, 0.37 % duplicates (iPinYou: 57 110 of 15 395 258 rows).
 */
export const usualChurn: Churn = {
  budget_changes: 0.03,
  pauses: 0.01,
  extensions: 0.01,
  duplicates: 0.0037,
  tests: 0.0005,
  invalid: 0.015,
  beyond_lateness_per_day: 20,
  corrections: 0.1,
};

/** Zones whose clocks differ in every way we know: DST north, DST south, half hours, half-hour DST, none. */
const zoneNames = [
  'America/New_York',
  'Europe/London',
  'America/Los_Angeles',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Asia/Tokyo',
  'Africa/Cairo',
  'Asia/Kathmandu',
] as const;

/** Feeds of these habits say what was delivered, where no ad server does. */
const countingHabits: readonly FeedHabit[] = ['day_so_far', 'days', 'days_late'];

const currencyOfZone: Readonly<Record<string, string>> = {
  'Europe/London': 'GBP',
  'Asia/Kolkata': 'INR',
  'Australia/Lord_Howe': 'AUD',
  'America/Sao_Paulo': 'BRL',
  'Asia/Tokyo': 'JPY',
};

const campaignNames = [
  'spring-sale',
  'brand-launch',
  'retargeting',
  'app-install',
  'holiday-deals',
  'loyalty-club',
  'new-arrivals',
  'clearance',
  'video-first',
  'local-stores',
  'newsletter',
  'free-shipping',
] as const;
const organizationNames = [
  'northwind',
  'contoso',
  'bluebird',
  'sunrise',
  'harbor',
  'maple',
  'granite',
  'juniper',
] as const;

/** A world of chance by the constants above: the same options always make the same world. */
export function makeWorld(options: WorldOptions): World {
  const startMs = options.startMs ?? defaultStartMs;
  const count = options.organizations ?? Math.max(4, Math.round(options.campaigns / 10));
  // Small worlds of other seeds begin with other habits.
  const habitsFrom = new Random(options.seed, 'habits').integer(0, 11);
  const organizations = Array.from({ length: Math.min(count, options.campaigns) }, (_, i) =>
    makeOrganization(new Random(options.seed, `organization ${i}`), i, habitsFrom + i, options.zones ?? zoneNames),
  );
  const shares = zipfShares(options.campaigns, 0.8);
  const perDay = options.impressionsPerDay ?? options.campaigns * 600;
  const numbers = new Map<string, number>();
  const campaigns = shares.map((share, i) => {
    const random = new Random(options.seed, `campaign ${i}`);
    const organization = organizations[i < organizations.length ? i : random.integer(0, organizations.length - 1)];
    const number = numbers.get(organization.org_id) ?? 0;
    numbers.set(organization.org_id, number + 1);
    return makeCampaign(random, { organization, number, startMs, recordsPerDay: Math.max(40, share * perDay) });
  });
  const world = {
    seed: options.seed,
    startMs,
    endMs: startMs + options.days * dayMs,
    partitions: options.partitions,
    organizations,
    campaigns,
    churn: usualChurn,
  };
  return { ...world, faults: makeFaults(new Random(options.seed, 'faults'), world) };
}

/** Shares of rank 1..count falling with rank^-slope, summing to 1. */
export function zipfShares(count: number, slope: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => (i + 1) ** -slope);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function organizationName(index: number): string {
  const round = Math.floor(index / organizationNames.length);
  return organizationNames[index % organizationNames.length] + (round === 0 ? '' : `-${round + 1}`);
}

function campaignName(index: number): string {
  const round = Math.floor(index / campaignNames.length);
  return campaignNames[index % campaignNames.length] + (round === 0 ? '' : `-${round + 1}`);
}

/** Every second one has feeds, each with the next habit; every fifth of those has two on one budget. */
function makeOrganization(
  random: Random,
  index: number,
  turn: number,
  zones: readonly string[],
): SimulatedOrganization {
  const hasFeeds = index % 2 === 0;
  const sources = index % 10 === 2 ? ['social-feed', 'video-feed'] : ['social-feed'];
  const feeds = sources.map((source, i): SimulatedFeed => {
    const habit = feedHabits[(Math.floor(turn / 2) + i) % feedHabits.length];
    const share = sources.length === 1 ? 1 : [0.6, 0.4][i];
    return { source, habit, lag_ms: Math.round(random.between(...habitFacts[habit].lagMs)), share };
  });
  return {
    org_id: organizationName(index),
    zone: zones[index % zones.length],
    delivery_source: 'adserver',
    delivery_heartbeats: index % 3 === 0,
    feeds: hasFeeds ? feeds : [],
    app: turn % 3 === 1 ? 'app' : null,
    retries_late: turn % 4 === 1,
    converts_late: turn % 4 === 3,
  };
}

interface Place {
  readonly organization: SimulatedOrganization;
  readonly number: number;
  readonly startMs: number;
  readonly recordsPerDay: number;
}

function makeCampaign(random: Random, place: Place): SimulatedCampaign {
  const { organization, startMs } = place;
  const ownZone = random.chance(0.8) ? organization.zone : random.pick(zoneNames);
  const isFed = organization.feeds.length > 0 && random.chance(0.5);
  // The days of a feed are those of its account.
  const zoneName = isFed ? organization.zone : ownZone;
  const zone = findZone(zoneName) ?? utc;
  const firstDay = zone.localDay(startMs);
  // Four of five flights are under way when the log starts; the others begin in it.
  const start_day = random.chance(0.8) ? firstDay - random.integer(1, 20) : firstDay + random.integer(0, 2);
  const end_day = Math.max(start_day, firstDay) + random.integer(1, 25);
  // Daily budget: ln b ~ Gamma(3.77, 1), capped (fit of Yahoo's data, Mystique, WWW 2024).
  const dailyUnits = Math.min(100_000, Math.exp(random.gamma(3.77)));
  const dailyMicros = Math.max(1_000_000, Math.round(dailyUnits * 100) * 10_000);
  const cpm_micros = clearingPrice(random);
  const records_per_day = Math.round(place.recordsPerDay);
  const impressionsPerDay = (dailyMicros / cpm_micros) * 1_000;
  return {
    org_id: organization.org_id,
    campaign_id: campaignName(place.number),
    flight_id: `${campaignName(place.number)}-f1`,
    advertiser_id: `adv-${1 + (place.number % 3)}`,
    zone: zoneName,
    currency: currencyOfZone[organization.zone] ?? 'USD',
    mode: random.chance(0.45) ? 'EVEN' : random.chance(0.8) ? 'TRAFFIC' : 'ASAP',
    spend_from: isFed ? 'feed' : 'impressions',
    is_counted_by_feed: isFed && organization.feeds.every(({ habit }) => countingHabits.includes(habit)),
    ...flightSpan(zone, start_day, end_day),
    budget_micros: dailyMicros * (end_day - start_day + 1),
    daily_cap_micros: random.chance(0.3) ? Math.round(dailyMicros * 1.3) : null,
    cpm_micros,
    ...response(random),
    has_video: random.chance(0.2),
    records_per_day,
    batch_count: Math.max(1, Math.round(impressionsPerDay / records_per_day)),
    pace: healthyPace(random),
    opening_pace: random.between(0.93, 1.04),
  };
}

export function flightSpan(zone: Zone, start_day: number, end_day: number) {
  return { start_day, end_day, start_ms: zone.dayStart(start_day), end_ms: zone.dayStart(end_day + 1) };
}

/** Most campaigns are near their plan, some a little off, a few never deliver. */
function healthyPace(random: Random): number {
  if (random.chance(0.02)) return 0;
  return random.chance(0.15) ? random.between(0.55, 1.35) : random.between(0.95, 1.04);
}

/** Lognormal around the median, truncated, as iPinYou's clearing prices; rescaled to a CPM of 2 units. */
function clearingPrice(random: Random): number {
  const fen = Math.min(300, random.logNormal(Math.log(69), 0.7));
  return Math.max(50_001, Math.round((fen / 69) * 2_000_000));
}

/** CTR by Beta(mean 0.075 %, kappa 2000), CVR per click zero-inflated Beta around 8.1 % (iPinYou). */
function response(random: Random) {
  return {
    ctr: random.beta(1.5, 1_998.5),
    cvr: random.chance(0.3) ? 0 : random.beta(2.3, 18),
    order_micros: random.integer(5, 120) * 1_000_000,
    viewability: random.between(0.45, 0.8),
  };
}
