import { dayText } from '../model/day-text.ts';
import { dayMs, hourMs, minuteMs } from '../model/time.ts';
import { findZone, utc } from '../model/zones.ts';
import type { Plan } from '../rules/plan.ts';
import { flightSpan, usualChurn } from './make-world.ts';
import { Random } from './random.ts';
import {
  badProducerKinds,
  type Fault,
  type SimulatedCampaign,
  type SimulatedOrganization,
  type World,
} from './world.ts';

/** 2026-03-06T06:00Z, a Friday morning: the clocks of New York change on the third day. */
const demoStartMs = Date.UTC(2026, 2, 6, 6);
const demoDays = 60;
/** As the embedded log has by default. */
const demoPartitions = 8;

const organizations: readonly SimulatedOrganization[] = [
  organization('northwind', 'America/New_York', []),
  organization('contoso', 'Europe/London', [
    { source: 'social-feed', habit: 'hours', lag_ms: 40 * minuteMs, share: 1 },
  ]),
  organization('bluebird', 'Asia/Kolkata', []),
  organization('harbor', 'America/New_York', [
    { source: 'video-feed', habit: 'hours_in_part', lag_ms: 50 * minuteMs, share: 1 },
  ]),
];

/** Campaigns by organization; the ones the story is about come first. */
const names: Readonly<Record<string, readonly string[]>> = {
  northwind: ['spring-sale', 'flash-weekend', 'brand-launch', 'app-install', 'new-arrivals', 'loyalty-club'],
  contoso: ['city-breaks', 'ski-week', 'last-minute', 'newsletter', 'retargeting', 'spring-sale'],
  bluebird: ['cricket-season', 'festival-offers', 'mobile-plan', 'recharge', 'student-pack', 'video-first'],
  harbor: ['electric-suv', 'test-drive', 'service-plan', 'dealer-days', 'used-cars', 'leasing'],
};

const currencies: Readonly<Record<string, string>> = { contoso: 'GBP', bluebird: 'INR' };

/**
 * The story of the demo, by simulated hours after its start. Everything is under way long enough for
 * the rules to judge from the first minute:
 *
 * - `northwind/spring-sale` has been falling behind for days: its alert fires within the first hours;
 * - `northwind/flash-weekend` overspends from hour 4;
 * - `bluebird/cricket-season` stops delivering at hour 12, for a day;
 * - the feed of `contoso` goes silent at hour 10, for a day: its rules say unknown, not zero;
 * - `harbor/test-drive` is cut off from hour 20 and sends three hours at once: a late burst;
 * - `bluebird` sends one of every kind of bad record from hour 6 on.
 */
export function demoWorld(seed: number, partitions = demoPartitions): World {
  const endMs = demoStartMs + demoDays * dayMs;
  const campaigns = organizations.flatMap(({ org_id }) =>
    names[org_id].map((name, i) => demoCampaign(new Random(seed, `demo ${org_id}/${name}`), org_id, name, i)),
  );
  return {
    seed,
    startMs: demoStartMs,
    endMs,
    partitions,
    organizations,
    campaigns,
    faults: story(),
    churn: { ...usualChurn, budget_changes: 0.01, pauses: 0, beyond_lateness_per_day: 4 },
  };
}

/** What the advertisers signed as one, by organization: the months of two, and a launch that falls behind with its campaign. */
export function demoOrders({ campaigns }: World): Readonly<Record<string, NonNullable<Plan['orders']>>> {
  const order = (org_id: string, name: string, members: readonly string[] | null) => {
    const own = campaigns.filter(
      (each) => each.org_id === org_id && (members === null || members.includes(each.campaign_id)),
    );
    const days = own.flatMap(({ start_day, end_day }) => [start_day, end_day]);
    return {
      ...{ name, advertiser: org_id, currency: own[0].currency, zone: own[0].zone, mode: 'EVEN' as const },
      ...{ start: dayText(Math.min(...days)), end: dayText(Math.max(...days)) },
      budget_micros: own.reduce((sum, { budget_micros }) => sum + budget_micros, 0),
      members: { match: {}, ...(members === null ? {} : { campaigns: members }) },
    };
  };
  return {
    northwind: {
      'spring-line': order('northwind', 'Spring line 2026', ['spring-sale', 'new-arrivals']),
      'whole-house': order('northwind', 'Northwind, all of March', null),
    },
    harbor: { 'spring-drive': order('harbor', 'Spring drive', ['electric-suv', 'test-drive', 'leasing']) },
  };
}

function organization(org_id: string, zone: string, feeds: SimulatedOrganization['feeds']): SimulatedOrganization {
  const delivery = { delivery_source: 'adserver', delivery_heartbeats: org_id === 'northwind' };
  return { org_id, zone, ...delivery, feeds, app: null, retries_late: false, converts_late: false };
}

function demoCampaign(random: Random, org_id: string, name: string, index: number): SimulatedCampaign {
  const organization = organizations.find((each) => each.org_id === org_id);
  const zoneName = organization?.zone ?? 'UTC';
  const zone = findZone(zoneName) ?? utc;
  const firstDay = zone.localDay(demoStartMs);
  const isTold = `${org_id}/${name}`;
  // Far enough past 24 hours and 10 % that every guard is met before the first record.
  const start_day = firstDay - random.integer(5, 9);
  const end_day = firstDay + random.integer(12, 24);
  const perDay = random.integer(8, 60) * 10_000_000;
  const cpm_micros = random.integer(1_200_000, 6_500_000);
  const records_per_day = random.integer(800, 2_400);
  return {
    org_id,
    campaign_id: name,
    flight_id: `${name}-march`,
    advertiser_id: org_id,
    zone: zoneName,
    currency: currencies[org_id] ?? 'USD',
    mode: index % 3 === 2 ? 'TRAFFIC' : 'EVEN',
    spend_from: organization !== undefined && organization.feeds.length > 0 && index % 2 === 0 ? 'feed' : 'impressions',
    is_counted_by_feed: false,
    ...flightSpan(zone, start_day, end_day),
    budget_micros: perDay * (end_day - start_day + 1),
    daily_cap_micros: perDay * 3,
    cpm_micros,
    ctr: random.between(0.0005, 0.0012),
    cvr: random.between(0.04, 0.12),
    order_micros: random.integer(10, 90) * 1_000_000,
    viewability: random.between(0.5, 0.75),
    has_video: name.includes('video') || name.includes('suv'),
    records_per_day,
    batch_count: Math.max(1, Math.round(((perDay / cpm_micros) * 1_000) / records_per_day)),
    pace: random.between(0.98, 1.02),
    opening_pace: isTold === 'northwind/spring-sale' ? 0.84 : random.between(0.98, 1.02),
  };
}

function story(): Fault[] {
  const told = (kind: Fault['kind'], place: string, from: number, until: number, factor = 0): Fault => {
    const [org_id, campaign_id = null] = place.split('/');
    const from_ms = demoStartMs + from * hourMs;
    return { kind, org_id, campaign_id, from_ms, until_ms: demoStartMs + until * hourMs, factor };
  };
  return [
    told('falls_behind', 'northwind/spring-sale', 0, 96, 0.35),
    told('overspends', 'northwind/flash-weekend', 4, 60, 8),
    told('feed_silent', 'contoso', 10, 34),
    told('delivery_stop', 'bluebird/cricket-season', 12, 36),
    told('late_burst', 'harbor/test-drive', 20, 23),
    told('budget_cut', 'harbor/leasing', 48, 48, 0.5),
    told('tracking_cut', 'bluebird/festival-offers', 24, 72),
    ...badProducerKinds.map((kind, i) => told(kind, 'bluebird/recharge', 6 + 3 * i, 6 + 3 * i)),
  ];
}
