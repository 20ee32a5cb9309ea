import type { PacingMode } from '../events/event-batch.ts';

/** Everything a simulation will do, decided before the first record: the `world` of truth.json. */
export interface World {
  readonly seed: number;
  /** Log time of the first and after the last record, epoch ms. */
  readonly startMs: number;
  readonly endMs: number;
  readonly partitions: number;
  readonly organizations: readonly SimulatedOrganization[];
  readonly campaigns: readonly SimulatedCampaign[];
  readonly faults: readonly Fault[];
  /** How often the small accidents of a healthy world happen. */
  readonly churn: Churn;
}

export interface SimulatedOrganization {
  readonly org_id: string;
  readonly zone: string;
  /** The ad server: its impressions, clicks, conversions. */
  readonly delivery_source: string;
  /** True: the ad server sends a heartbeat every minute. False: its plan waits a fixed delay. */
  readonly delivery_heartbeats: boolean;
  /** Pull feeds that report spend later; several spend one budget, each its share. */
  readonly feeds: readonly SimulatedFeed[];
  /** Apps on phones that report impressions too, by clocks that nobody sets; null = the organization has none. */
  readonly app: string | null;
  /** Producers send again hours later what they do not know to have arrived. */
  readonly retries_late: boolean;
  /** Conversions are told days after they happened. */
  readonly converts_late: boolean;
}

/** How a feed reports; docs/feeds.md has platforms of each kind. */
export const feedHabits = ['hours', 'hours_in_part', 'day_so_far', 'hours_then_day', 'days', 'days_late'] as const;
export type FeedHabit = (typeof feedHabits)[number];

export interface SimulatedFeed {
  readonly source: string;
  readonly habit: FeedHabit;
  /** From the end of an hour, or of a day, to its report, ms. */
  readonly lag_ms: number;
  /** Of what the campaigns of its organization spend through feeds. */
  readonly share: number;
}

export interface SimulatedCampaign {
  readonly org_id: string;
  readonly campaign_id: string;
  readonly flight_id: string;
  readonly advertiser_id: string;
  readonly zone: string;
  readonly currency: string;
  readonly mode: PacingMode;
  readonly spend_from: 'impressions' | 'feed';
  /** Its feeds say impressions and clicks too, and no ad server sees it. */
  readonly is_counted_by_feed: boolean;
  /** Local days, inclusive, as days since 1970-01-01; instants of the first and after the last. */
  readonly start_day: number;
  readonly end_day: number;
  readonly start_ms: number;
  readonly end_ms: number;
  readonly budget_micros: number;
  readonly daily_cap_micros: number | null;
  readonly cpm_micros: number;
  /** Clicks per impression, conversions per click. */
  readonly ctr: number;
  readonly cvr: number;
  readonly order_micros: number;
  readonly viewability: number;
  readonly has_video: boolean;
  /** Impression records on a mean day; each stands for `batch_count` impressions. */
  readonly records_per_day: number;
  readonly batch_count: number;
  /** Spend over what its pacing mode asks for: 1 = on plan. 0 = never delivers. */
  readonly pace: number;
  /** Share of the planned spend up to the start of the log that was spent. */
  readonly opening_pace: number;
}

export interface Churn {
  /** Each per campaign and day. */
  readonly budget_changes: number;
  readonly pauses: number;
  readonly extensions: number;
  /** Shares of records. */
  readonly duplicates: number;
  readonly tests: number;
  readonly invalid: number;
  /** Records per day, whole world, that come beyond their lateness. */
  readonly beyond_lateness_per_day: number;
  /** Per campaign and day: a spend adjustment and a metric correction. */
  readonly corrections: number;
}

export type FaultKind =
  | 'falls_behind'
  | 'overspends'
  | 'delivery_stop'
  | 'spend_spike'
  | 'tracking_cut'
  | 'feed_silent'
  | 'budget_cut'
  | 'late_burst'
  /** Delivers on when its flight is over, as if nobody had told the platform. */
  | 'spends_after_end'
  /** The advertiser pauses it, and it delivers on. */
  | 'ignores_pause'
  | BadProducerKind;

/** What a broken producer sends; each is one record. */
export const badProducerKinds = [
  'truncated_avro',
  'unknown_schema',
  'foreign_key',
  'wrong_partition',
  'from_the_future',
  'seconds_not_ms',
  'noise',
  'oversized',
  'float_money',
] as const;
export type BadProducerKind = (typeof badProducerKinds)[number];

/** A fault with its place and time; `campaign_id` null = the whole organization. */
export interface Fault {
  readonly kind: FaultKind;
  readonly org_id: string;
  readonly campaign_id: string | null;
  readonly from_ms: number;
  /** Equal to `from_ms` for a fault of one record. */
  readonly until_ms: number;
  /** Spend factor, or budget factor of a cut; 0 where the kind has none. */
  readonly factor: number;
}

/** Campaigns are unique inside their organization only. */
export function campaignKey(campaign: { org_id: string; campaign_id: string }): string {
  return `${campaign.org_id}/${campaign.campaign_id}`;
}

/** The same campaign id in two organizations is two campaigns: what every fault lookup goes through. */
export function faultsOf(world: World, campaign: { org_id: string; campaign_id: string }): readonly Fault[] {
  return world.faults.filter((fault) => fault.org_id === campaign.org_id && fault.campaign_id === campaign.campaign_id);
}
