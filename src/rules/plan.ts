import type { CostBasis } from '../events/event-batch.ts';

/**
 * A plan: everything people decide about an organization, as it travels in the log (record kind
 * `org_plan`, field `body`: this object as canonical JSON). Its offset is its activation; a number
 * lower than or equal to the one in force is ignored.
 */
export interface Plan {
  readonly format: 1;
  readonly org_id: string;
  readonly number: number;
  readonly defaults: PlanDefaults;
  /** Sources by name. A record of an undeclared source is counted but never waited for. */
  readonly sources: Readonly<Record<string, SourcePlan>>;
  /** Traffic profiles by id: 168 integer weights, Monday 00:00 first, local hours. */
  readonly profiles: Readonly<Record<string, readonly number[]>>;
  readonly rules: readonly RulePlan[];
  /** What differs for a campaign. */
  readonly campaigns: Readonly<Record<string, CampaignPlan>>;
}

export interface PlanDefaults {
  /** IANA zone of campaigns that never named one. */
  readonly zone: string;
  /** Cadence of evaluation, ms; a multiple of a minute. */
  readonly evaluate_every_ms: number;
  readonly spend: SpendPlan;
  /** Source whose impressions and clicks a flight waits for; null = delivery is not waited for. */
  readonly delivery_source: string | null;
  /** Profile of TRAFFIC flights that name no curve. */
  readonly profile: string | null;
  /** What the platform may spend on one day, basis points of the daily target. */
  readonly day_allowance_bp: number;
}

export interface SpendPlan {
  /** `impressions`: the cost carried by impressions and clicks. `feed`: spend records of `source`. */
  readonly from: 'impressions' | 'feed';
  readonly source: string;
  readonly cost_basis: CostBasis;
}

export interface SourcePlan {
  /** True: complete up to the newest `complete_through`. False: up to the clock less `delay_ms`. */
  readonly heartbeats: boolean;
  readonly delay_ms: number;
  /** How often this source is expected to advance; 0 = continuously. */
  readonly expected_interval_ms: number;
  /** A frontier further behind the clock than this makes the flight `stale_data`. */
  readonly stale_after_ms: number;
}

export interface CampaignPlan {
  readonly spend?: SpendPlan;
  readonly delivery_source?: string | null;
  readonly profile?: string;
  readonly day_allowance_bp?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface RulePlan {
  readonly id: string;
  readonly name: string;
  readonly scope: 'flight' | 'source';
  readonly mode: 'notify' | 'shadow';
  /** CEL; the rule judges only where it is true. Null = always. */
  readonly guard: string | null;
  readonly warning: LevelPlan | null;
  readonly critical: LevelPlan | null;
  readonly keep_firing_for_ms: number;
  /** After this long without a judgement; null = never. */
  readonly no_data: { readonly after_ms: number; readonly then: 'no_data' | 'ok' | 'firing' } | null;
  readonly on_error: 'keep_last' | 'error';
  /** With `{{p.osi_pct}}` places. */
  readonly summary: string;
  /** Campaign labels a flight must carry, all of them. */
  readonly match: Readonly<Record<string, string>>;
  /** First 16 hex digits of SHA-256 over the part that decides; another hash resets the alert. */
  readonly hash: string;
}

export interface LevelPlan {
  readonly when: string;
  /** Null = `!(when)`. */
  readonly clear: string | null;
  readonly for_ms: number;
}

/** Names a condition may use, by namespace, with their CEL types. docs/rules.md is printed from it. */
export const ruleVariables = {
  flight: {
    'p.status': ['string', 'Pacing status of this snapshot.'],
    'p.mode': ['string', 'even, traffic or asap.'],
    'p.osi_pct': ['double', 'On-schedule indicator, %.'],
    'p.delivery_pct': ['double', 'Spend over budget, %.'],
    'p.elapsed_pct': ['double', 'Elapsed weight, %.'],
    'p.elapsed_hours': ['double', 'Hours since the flight started.'],
    'p.hours_left': ['double', 'Hours to the end of the flight.'],
    'p.days_left': ['double', 'Hours left over 24.'],
    'p.projected_pct': ['double', 'Projected spend over budget, %.'],
    'p.lift_needed': ['double', 'Required over current run rate.'],
    'p.required_daily': ['double', 'Required spend per day, currency units.'],
    'p.run_rate_daily': ['double', 'Current spend per day, currency units.'],
    'p.exhaust_lead_hours': ['double', 'Hours between exhaustion and the end; 0 when it lasts.'],
    'p.exhaust_lead_pct': ['double', 'The same over the length of the flight, %.'],
    'p.day_pct': ['double', "Today's spend over today's target, %."],
    'p.day_allowance_pct': ['double', 'What the platform may spend on a day, %.'],
    'p.day_capped': ['bool', "Today's spend reached the daily cap."],
    'p.daily_cap_allowed': ['double', 'Daily cap times allowance, currency units.'],
    'p.budget': ['double', 'Budget, currency units.'],
    'p.spend': ['double', 'Spend, currency units.'],
    'm.impressions_2h': ['double', 'Valid impressions of the last two hours.'],
    'm.spend_2h': ['double', 'Spend of the last two hours, currency units.'],
    'm.expected_spend_2h': ['double', 'Expected spend of the last two hours, currency units.'],
    'm.impressions_flight': ['double', 'Valid impressions since the flight started.'],
    't.local_hour': ['double', 'Hour of the local day at as_of, 0 to 23.'],
  },
  source: {
    's.name': ['string', 'Source.'],
    's.lag_s': ['double', 'Clock less frontier, seconds.'],
    's.expected_interval_s': ['double', 'Expected interval, seconds.'],
  },
} as const satisfies Record<string, Record<string, readonly ['double' | 'string' | 'bool', string]>>;
