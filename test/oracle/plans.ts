import { PlanProblem, readPlan } from '../../src/rules/compile-plan.ts';
import type { CampaignPlan, Plan, PlanDefaults, SourcePlan, SpendPlan } from '../../src/rules/plan.ts';
import type { Bounds } from './bounds.ts';
import type { DuplicateBounds, LatenessClass } from './check.ts';
import { day, hour } from './whole-numbers.ts';

/** What holds where nobody wrote a plan (docs/semantics.md §3). */
const planZero: Plan = {
  format: 1,
  org_id: '',
  number: 0,
  defaults: {
    zone: 'UTC',
    evaluate_every_ms: 300_000,
    spend: { from: 'impressions', source: '', cost_basis: 'MEDIA' },
    delivery_source: null,
    profile: null,
    day_allowance_bp: 10_000,
  },
  sources: {},
  profiles: {},
  rules: [],
  campaigns: {},
};

const undeclaredSource: SourcePlan = {
  heartbeats: false,
  delay_ms: 120_000,
  expected_interval_ms: 0,
  stale_after_ms: 6 * hour,
};

/** The plan of a body, or null when it is none. What a plan is, is shared with everybody who reads one. */
export function parsePlan(body: string): Plan | null {
  try {
    return readPlan(body).plan;
  } catch (cause) {
    if (cause instanceof PlanProblem) return null;
    throw cause;
  }
}

export class Plans {
  readonly #own = new Map<string, Plan>();

  put(org: string, plan: Plan): void {
    this.#own.set(org, plan);
  }

  own(org: string): Plan | undefined {
    return this.#own.get(org);
  }

  /** Number of the organization's own plan. */
  numberOf(org: string): number | undefined {
    return this.#own.get(org)?.number;
  }

  /** Those with a plan of their own, `_default` among them. */
  organizations(): Iterable<string> {
    return this.#own.keys();
  }

  inForce(org: string): Plan {
    return this.#own.get(org) ?? this.#own.get('_default') ?? planZero;
  }
}

type CampaignView = Pick<
  PlanDefaults,
  | 'spend'
  | 'delivery_source'
  | 'profile'
  | 'daypart'
  | 'day_allowance_bp'
  | 'week_allowance_bp'
  | 'flight_allowance_bp'
  | 'conversion_lag_bp'
  | 'week_starts'
> & {
  readonly labels: Readonly<Record<string, string>>;
  readonly advertiser: string | undefined;
};

/** What a plan says about a campaign: its own entry over the defaults, field by field. */
export function campaignView(plan: Plan, campaign: string): CampaignView {
  const own: CampaignPlan = Object.hasOwn(plan.campaigns, campaign) ? plan.campaigns[campaign] : {};
  return {
    spend: own.spend ?? plan.defaults.spend,
    delivery_source: own.delivery_source === undefined ? plan.defaults.delivery_source : own.delivery_source,
    profile: own.profile ?? plan.defaults.profile,
    daypart: own.daypart ?? plan.defaults.daypart,
    day_allowance_bp: own.day_allowance_bp ?? plan.defaults.day_allowance_bp,
    week_allowance_bp: own.week_allowance_bp ?? plan.defaults.week_allowance_bp,
    flight_allowance_bp: own.flight_allowance_bp ?? plan.defaults.flight_allowance_bp,
    conversion_lag_bp: own.conversion_lag_bp ?? plan.defaults.conversion_lag_bp,
    week_starts: own.week_starts ?? plan.defaults.week_starts,
    labels: own.labels ?? {},
    advertiser: own.advertiser,
  };
}

export function sourceView(plan: Plan, source: string): SourcePlan {
  return Object.hasOwn(plan.sources, source) ? plan.sources[source] : undeclaredSource;
}

/** Sources whose word a flight of the campaign waits for, by name. */
export function requiredSources(plan: Plan, campaign: string): string[] {
  const { spend, delivery_source } = campaignView(plan, campaign);
  const names = new Set<string>();
  if (spend.sources !== undefined) for (const name of spend.sources) names.add(name);
  else if (spend.source !== '') names.add(spend.source);
  else if (spend.from === 'feed') for (const name of Object.keys(plan.sources)) names.add(name);
  if (delivery_source !== null) names.add(delivery_source);
  return [...names].sort();
}

/** Whether flights of any campaign wait for the source: of one that the plan names, or of all others. */
export function isNeeded(plan: Plan, source: string): boolean {
  return ['', ...Object.keys(plan.campaigns)].some((campaign) => requiredSources(plan, campaign).includes(source));
}

/** Whether what a source sends is spend of the campaign. */
export function isSpendSource({ source, sources }: SpendPlan, name: string): boolean {
  return sources === undefined ? source === '' || source === name : sources.includes(name);
}

/** How late a record of a class may come: the source's own word, else the plan's, else the usual (§2.6). */
export function latenessOf(plan: Plan, source: string, of: LatenessClass, bounds: Bounds): number {
  if (of === 'control') return bounds.moneyLatenessMs;
  if (of === 'opening') return 1_100 * day;
  const { deliveryLatenessMs: delivery, moneyLatenessMs: report, correctionLatenessMs: correction } = bounds;
  const usual = { delivery, report, conversion: correction, correction };
  const own = Object.hasOwn(plan.sources, source) ? plan.sources[source].lateness : undefined;
  return own?.[`${of}_ms`] ?? plan.defaults.lateness?.[`${of}_ms`] ?? usual[of];
}

/** The longest that any report of the plan may come late. */
export function reportsReachBack(plan: Plan, bounds: Bounds): number {
  return Math.max(
    latenessOf(plan, '', 'report', bounds),
    ...Object.keys(plan.sources).map((each) => latenessOf(plan, each, 'report', bounds)),
  );
}

export type Quotas = Pick<Bounds, 'campaignsOfOne' | 'undeclared' | 'rarePerDay' | 'lettersPerHour'>;

/** What an organization may have of its partition: what its plan says, else the usual (§2). */
export function quotasOf({ defaults: { quotas = {} } }: Plan, bounds: Bounds): Quotas {
  return {
    campaignsOfOne: quotas.campaigns ?? bounds.campaignsOfOne,
    undeclared: quotas.heartbeat_sources ?? bounds.undeclared,
    rarePerDay: quotas.remembered_records_per_day ?? bounds.rarePerDay,
    lettersPerHour: quotas.dead_letters_per_hour ?? bounds.lettersPerHour,
  };
}

/** For how long, and over how many records, an id of delivery is the same event (§2.7). */
export function duplicateBoundsOf(plan: Plan, bounds: Bounds): DuplicateBounds {
  const windowMs = plan.defaults.duplicate_window_ms ?? bounds.duplicateMs;
  return { windowMs, records: windowMs > bounds.duplicateMs ? 8_000_000 : bounds.duplicateRecords };
}
