import type { LaneDictionaries, PacingMode } from '../events/event-batch.ts';
import { assert } from '../model/errors.ts';
import { fnv1a } from '../model/hash.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import { dayMs, minuteMs } from '../model/time.ts';
import { findZone, utc, type Zone } from '../model/zones.ts';
import type { WeightOf } from '../pacing/flight-ledger.ts';
import { evenWeight, trafficWeight, type Weight } from '../pacing/pacing-weight.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { CompiledPlan } from '../rules/compile-plan.ts';
import type { CampaignPlan, Plan, SourcePlan, SpendPlan } from '../rules/plan.ts';
import { Campaign, type CampaignPlanView } from './campaign.ts';
import { CampaignIndex } from './campaign-index.ts';
import { LaneBooks } from './lane-books.ts';
import { RareIds } from './rare-ids.ts';
import { nextInstant, Timers } from './timers.ts';

/** What a lane knows of one organization. */
export class Organization {
  readonly slot: number;
  readonly id: string;
  readonly stagger: number;
  /** Newest complete_through by source. */
  readonly frontiers = new Map<string, number>();
  /** By `source|rule`; with the instant of the last evaluation row. */
  readonly sourceAlerts = new Map<string, { alert: AlertState | null; evaluatedAt: number | null }>();
  timerAt: number | null = null;
  isDirty = true;
  /** The plan as campaigns see it of which it says nothing special; derived. */
  usualView: CampaignPlanView | null = null;

  constructor(slot: number, id: string) {
    this.slot = slot;
    this.id = id;
    this.stagger = fnv1a(id);
  }
}

/** Plan 0: what holds before any plan was written (docs/semantics.md §3). */
const planZero: CompiledPlan = {
  plan: {
    format: 1,
    org_id: defaultPlanOrg,
    number: 0,
    defaults: {
      zone: 'UTC',
      evaluate_every_ms: 5 * minuteMs,
      spend: { from: 'impressions', source: '', cost_basis: 'MEDIA' },
      delivery_source: null,
      profile: null,
      day_allowance_bp: 10_000,
    },
    sources: {},
    profiles: {},
    rules: [],
    campaigns: {},
  },
  flightRules: [],
  sourceRules: [],
};

const undeclaredSource: SourcePlan = {
  heartbeats: false,
  delay_ms: 2 * minuteMs,
  expected_interval_ms: 0,
  stale_after_ms: 6 * 60 * minuteMs,
};

/** What a plan says of most campaigns. */
const nothingOfItsOwn: CampaignPlan = {};

/** A campaign without a live flight is forgotten this long after its last counted record. */
export const forgetAfterMs = 33 * dayMs;

/** The state that the operators of one lane share: who exists, what they planned, what is due. */
export class LaneState {
  clock = Number.NEGATIVE_INFINITY;
  readonly organizations: Organization[] = [];
  readonly campaigns: Campaign[] = [];
  readonly books = new LaneBooks();
  readonly timers = new Timers({
    organizationId: ({ rank, slot }) => (rank === 0 ? this.organizations[slot].id : this.campaigns[slot].orgId),
    campaignId: ({ rank, slot }) => (rank === 0 ? '' : this.campaigns[slot].id),
  });
  readonly rareIds = new RareIds();
  /** By organization id, `_default` included; the body as it came. */
  readonly plans = new Map<string, { compiled: CompiledPlan; body: string }>();
  readonly dirtyPlans = new Set<string>();
  readonly dirtyCampaigns: Campaign[] = [];
  readonly #organizationsById = new Map<string, Organization>();
  readonly #campaignsByKey = new Map<string, Campaign>();
  readonly #organizationOfId: (Organization | undefined)[] = [];
  readonly #campaignIndex = new CampaignIndex();
  #planEpoch = 0;

  /** Counts plan changes: what was derived from an older plan is derived again. */
  get planEpoch(): number {
    return this.#planEpoch;
  }

  planOf(orgId: string): CompiledPlan {
    return (this.plans.get(orgId) ?? this.plans.get(defaultPlanOrg))?.compiled ?? planZero;
  }

  putPlan(orgId: string, compiled: CompiledPlan, body: string): void {
    this.plans.set(orgId, { compiled, body });
    this.dirtyPlans.add(orgId);
    this.#planEpoch += 1;
    if (orgId === defaultPlanOrg)
      for (const organization of this.organizations) this.setOrganizationTimer(organization);
    else this.setOrganizationTimer(this.organization(orgId));
  }

  organization(id: string): Organization {
    let organization = this.#organizationsById.get(id);
    if (organization === undefined) {
      organization = this.addOrganization(new Organization(this.organizations.length, id));
      this.setOrganizationTimer(organization);
    }
    return organization;
  }

  addOrganization(organization: Organization): Organization {
    assert(organization.slot === this.organizations.length, 'organizations are added in order');
    this.organizations.push(organization);
    this.#organizationsById.set(organization.id, organization);
    return organization;
  }

  organizationOf(dictionaryId: number, dictionaries: LaneDictionaries): Organization {
    let organization = this.#organizationOfId[dictionaryId];
    if (organization === undefined) {
      organization = this.organization(dictionaries.orgs.text(dictionaryId));
      this.#organizationOfId[dictionaryId] = organization;
    }
    return organization;
  }

  /** The campaign's slot by dictionary ids, or -1: none exists, or none was met by these ids yet. */
  findSlot(orgId: number, campaignId: number): number {
    return this.#campaignIndex.find(orgId, campaignId);
  }

  /** The campaign of dictionary ids, or undefined while none exists. */
  findCampaign(orgId: number, campaignId: number, dictionaries: LaneDictionaries): Campaign | undefined {
    const slot = this.findSlot(orgId, campaignId);
    if (slot >= 0) return this.campaigns[slot];
    const key = `${dictionaries.orgs.text(orgId)}/${dictionaries.campaigns.text(campaignId)}`;
    const campaign = this.#campaignsByKey.get(key);
    if (campaign !== undefined) this.#campaignIndex.add(orgId, campaignId, campaign.slot);
    return campaign;
  }

  createCampaign(orgId: number, campaignId: number, dictionaries: LaneDictionaries): Campaign {
    const organization = this.organizationOf(orgId, dictionaries);
    const name = dictionaries.campaigns.text(campaignId);
    const campaign = this.addCampaign(organization, name, this.campaigns.length);
    this.#campaignIndex.add(orgId, campaignId, campaign.slot);
    this.touchRecord(campaign);
    return campaign;
  }

  /** A campaign to read into when what is read is not wanted. */
  scratchCampaign(): Campaign {
    return new Campaign(-1, -1, '', '', 0, new LaneBooks());
  }

  restoreOrganization(read: Organization): void {
    this.organizations[read.slot] = read;
    this.#organizationsById.set(read.id, read);
  }

  restorePlan(orgId: string, compiled: CompiledPlan, body: string): void {
    this.plans.set(orgId, { compiled, body });
    this.#planEpoch += 1;
  }

  addCampaign(organization: { slot: number; id: string }, name: string, slot: number): Campaign {
    const key = `${organization.id}/${name}`;
    const campaign = new Campaign(slot, organization.slot, organization.id, name, fnv1a(key), this.books);
    this.campaigns[slot] = campaign;
    this.#campaignsByKey.set(key, campaign);
    return campaign;
  }

  /** The campaign's record changed: flights, alerts, timer, currency. */
  touchRecord(campaign: Campaign): void {
    campaign.isRecordDirty = true;
    this.touch(campaign);
  }

  /** Totals, days or cells of the campaign changed. */
  touch(campaign: Campaign): void {
    if (campaign.isDirty) return;
    campaign.isDirty = true;
    this.dirtyCampaigns.push(campaign);
  }

  /** Forgets what an idle campaign knew; its rows stay where they are. */
  forgetIfIdle(campaign: Campaign): void {
    if (campaign.lastSeen === Number.NEGATIVE_INFINITY || this.clock - campaign.lastSeen < forgetAfterMs) return;
    if (campaign.flights.some((flight) => flight.isEvaluable)) return;
    campaign.currency = '';
    campaign.zone = null;
    campaign.forgetFlights();
    campaign.statuses.length = 0;
    campaign.cumulative = null;
    campaign.forgetBooks();
    campaign.wasForgotten = true;
    this.touchRecord(campaign);
  }

  zoneOf(campaign: Campaign): Zone {
    return campaign.zone ?? this.defaultZone(campaign.orgId);
  }

  /** Zone of campaigns of the organization that never named one. */
  defaultZone(orgId: string): Zone {
    return findZone(this.planOf(orgId).plan.defaults.zone) ?? utc;
  }

  campaignPlan(campaign: Campaign): CampaignPlan {
    return this.planOf(campaign.orgId).plan.campaigns[campaign.id] ?? nothingOfItsOwn;
  }

  spendPlan(campaign: Campaign): SpendPlan {
    return this.campaignPlan(campaign).spend ?? this.planOf(campaign.orgId).plan.defaults.spend;
  }

  /** The plan in force as the campaign sees it; one object for all that the plan says nothing special of. */
  planView(campaign: Campaign): CampaignPlanView {
    const known = campaign.planView;
    if (known !== null && known.epoch === this.#planEpoch) return known;
    const own = this.campaignPlan(campaign);
    const organization = this.organizations[campaign.orgSlot];
    const isUsual = own === nothingOfItsOwn;
    const usual = organization.usualView;
    const view =
      isUsual && usual?.epoch === this.#planEpoch ? usual : this.#makePlanView(this.planOf(campaign.orgId), own);
    if (isUsual) organization.usualView = view;
    campaign.planView = view;
    return view;
  }

  #makePlanView({ plan, flightRules }: CompiledPlan, own: CampaignPlan): CampaignPlanView {
    const delivery = own.delivery_source === undefined ? plan.defaults.delivery_source : own.delivery_source;
    const names = new Set([(own.spend ?? plan.defaults.spend).source, delivery ?? '']);
    names.delete('');
    const sources = [...names].sort().map((name) => ({ name, source: sourceOf(plan, name) }));
    const intervals = sources.map(({ source }) => source.expected_interval_ms);
    const labels = own.labels ?? {};
    return {
      epoch: this.#planEpoch,
      sources,
      rules: flightRules.filter(({ plan: rule }) => holdsAll(labels, rule.match)),
      gapMax: 2 * Math.max(plan.defaults.evaluate_every_ms, ...intervals),
      dayAllowanceBp: own.day_allowance_bp ?? plan.defaults.day_allowance_bp,
      planNumber: plan.number,
    };
  }

  /** How modes and curves weigh time for the campaign's flights in `zone`. */
  weightOf(campaign: Campaign, zone: Zone): WeightOf {
    const { plan } = this.planOf(campaign.orgId);
    const fallback = this.campaignPlan(campaign).profile ?? plan.defaults.profile;
    // Asked several times an evaluation, nearly always for the same.
    let [lastMode, lastCurve, lastWeight]: [PacingMode, string | null, Weight] = ['EVEN', null, evenWeight];
    return (mode, curve) => {
      if (mode === lastMode && curve === lastCurve) return lastWeight;
      [lastMode, lastCurve, lastWeight] = [mode, curve, findWeight(plan, mode, curve, fallback, zone)];
      return lastWeight;
    };
  }

  setCampaignTimer(campaign: Campaign): void {
    if (campaign.timerAt !== null) return;
    this.#armCampaign(campaign, this.clock);
  }

  rearmCampaign(campaign: Campaign, after: number): void {
    campaign.timerAt = null;
    if (campaign.flights.some((flight) => flight.isEvaluable)) this.#armCampaign(campaign, after);
  }

  setOrganizationTimer(organization: Organization): void {
    if (organization.timerAt === null) this.rearmOrganization(organization, this.clock);
  }

  rearmOrganization(organization: Organization, after: number): void {
    const { plan } = this.planOf(organization.id);
    organization.timerAt = null;
    organization.isDirty = true;
    if (Object.keys(plan.sources).length === 0) return;
    organization.timerAt = nextInstant(after, organization.stagger, plan.defaults.evaluate_every_ms);
    this.pushOrganizationTimer(organization);
  }

  pushOrganizationTimer(organization: Organization): void {
    this.timers.push({ at: organization.timerAt as number, rank: 0, slot: organization.slot });
  }

  pushCampaignTimer(campaign: Campaign): void {
    this.timers.push({ at: campaign.timerAt as number, rank: 1, slot: campaign.slot });
  }

  #armCampaign(campaign: Campaign, after: number): void {
    const every = this.planOf(campaign.orgId).plan.defaults.evaluate_every_ms;
    campaign.timerAt = nextInstant(after, campaign.stagger, every);
    this.pushCampaignTimer(campaign);
    this.touchRecord(campaign);
  }
}

function findWeight(plan: Plan, mode: PacingMode, curve: string | null, fallback: string | null, zone: Zone): Weight {
  if (mode !== 'TRAFFIC') return evenWeight;
  const name = [curve, fallback].find((each) => each !== null && Object.hasOwn(plan.profiles, each));
  return name === undefined || name === null ? evenWeight : trafficWeight(zone, plan.profiles[name]);
}

function holdsAll(labels: Readonly<Record<string, string>>, wanted: Readonly<Record<string, string>>): boolean {
  return Object.entries(wanted).every(([name, value]) => Object.hasOwn(labels, name) && labels[name] === value);
}

export function sourceOf(plan: Plan, name: string): SourcePlan {
  return Object.hasOwn(plan.sources, name) ? plan.sources[name] : undeclaredSource;
}
