import type { EventBatch, LaneDictionaries } from '../events/event-batch.ts';
import { latenessNames, latenessOf } from '../events/kind-facts.ts';
import { assert } from '../model/errors.ts';
import { fnv1a } from '../model/hash.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { floorTo, type LogTimeMs, minuteMs } from '../model/time.ts';
import { findZone, utc, type Zone } from '../model/zones.ts';
import type { WeightOf } from '../pacing/flight-ledger.ts';
import type { CompiledPlan } from '../rules/compile-plan.ts';
import type { CampaignPlan, SpendPlan } from '../rules/plan.ts';
import { isForCampaign } from '../rules/rule-scope.ts';
import { Campaign, type CampaignPlanView, type Flight, type FlightDates, part } from './campaign.ts';
import { CampaignIndex } from './campaign-index.ts';
import { ClockMarks } from './clock-marks.ts';
import { DuplicateWindows } from './duplicate-windows.ts';
import { makeWeightOf } from './find-weight.ts';
import { LaneBooks } from './lane-books.ts';
import { Organization } from './organization.ts';
import {
  type DuplicateWindow,
  hasOwnTimes,
  hasUntrustedClock,
  openingLatenessMs,
  plannedLatenessMs,
  reportsReachMs,
  usualLatenessMs,
} from './plan-bounds.ts';
import { makePlanView } from './plan-view.ts';
import { planZero } from './plan-zero.ts';
import { PlannedQuotas } from './planned-quotas.ts';
import { type RememberedIds, rememberedIds } from './rare-ids.ts';
import { clockSection } from './sections/clock.ts';
import { LaneSections } from './sections/lane-sections.ts';
import { plansSection } from './sections/plans.ts';
import type { CarriedPart, Carrier } from './sections/section.ts';
import { campaignTimer, nextInstant, organizationTimer, Timers } from './timers.ts';
import { isWatched, Unplanned } from './unplanned.ts';

/** Of those that were forgotten by name: no id is like it. */
const noName = '';

/** What a plan says of most campaigns. */
const nothingOfItsOwn: CampaignPlan = {};

/** The state that the operators of one lane share: who exists, what they planned, what is due. */
export class LaneState implements Carrier {
  /** Running maximum of the log times of its records. */
  clock = Number.NEGATIVE_INFINITY as LogTimeMs;
  readonly limits: LaneLimits;
  readonly marks: ClockMarks;
  /** Everything that is saved, by owner; operators add theirs before the first record. */
  readonly sections = new LaneSections();
  carried: CarriedPart[] | null = null;
  readonly organizations: Organization[] = [];
  readonly campaigns: Campaign[] = [];
  readonly books: LaneBooks;
  readonly timers = new Timers({
    organizationId: (of, slot) => (of === 'organization' ? this.organizations[slot].id : this.campaigns[slot].orgId),
    campaignId: (of, slot) => (of === 'organization' ? '' : this.campaigns[slot].id),
  });
  readonly ids: RememberedIds;
  readonly quotas: PlannedQuotas;
  /** By organization id, `_default` included; the body as it came. */
  readonly plans = new Map<string, { compiled: CompiledPlan; body: string }>();
  readonly dirtyPlans = new Set<string>();
  readonly dirtyCampaigns: Campaign[] = [];
  readonly #organizationsById = new Map<string, Organization>();
  readonly #campaignsByKey = new Map<string, Campaign>();
  /** By slot of the organization, forgotten ones included. */
  readonly #campaignsOf: number[] = [];
  readonly #organizationOfId: (Organization | undefined)[] = [];
  #campaignIndex = new CampaignIndex();
  #planEpoch = 0;
  /** Organizations, `_default` included, whose plan says more than the usual. */
  readonly #ownTimes = new Set<string>();
  readonly #untrusted = new Set<string>();
  /** Organizations whose plan in force closes them. */
  readonly #closed = new Set<string>();
  #hasForgotten = false;
  readonly #windows: DuplicateWindows;
  readonly #usualLateness: ReturnType<typeof usualLatenessMs>;

  constructor(limits: LaneLimits = laneLimits) {
    this.limits = limits;
    this.#windows = new DuplicateWindows(limits);
    this.#usualLateness = usualLatenessMs(limits);
    this.marks = new ClockMarks();
    this.books = new LaneBooks(limits);
    this.ids = rememberedIds(limits);
    this.quotas = new PlannedQuotas(limits);
    this.sections.add({ lane: [clockSection, plansSection] });
  }

  /** Counts plan changes: what was derived from an older plan is derived again. */
  get planEpoch(): number {
    return this.#planEpoch;
  }

  planOf(orgId: string): CompiledPlan {
    return (this.plans.get(orgId) ?? this.plans.get(defaultPlanOrg))?.compiled ?? planZero;
  }

  /** The plan comes into force with the record of `offset`. */
  putPlan(orgId: string, compiled: CompiledPlan, body: string, offset: number): void {
    const before = this.planOf(orgId);
    const wasClosed = this.isClosed(orgId);
    this.#setPlan(orgId, compiled, body);
    this.dirtyPlans.add(orgId);
    if (this.isClosed(orgId) && !wasClosed) this.#forgetOrganization(orgId);
    const isDefault = orgId === defaultPlanOrg;
    const followers = isDefault
      ? this.organizations.filter(({ id }) => !this.plans.has(id))
      : [this.#plannedOrganization(orgId, offset)];
    for (const organization of followers) organization.outgrow(before.plan, this.clock, offset, this.limits);
    // Of what was refused no id is remembered.
    if (wasClosed) for (const organization of followers) organization.duplicatesFrom = offset;
    for (const organization of isDefault ? this.organizations : followers) this.setOrganizationTimer(organization);
  }

  /** Where its records were refused so far, none of them is remembered. */
  #plannedOrganization(orgId: string, offset: number): Organization {
    const isNew = this.findOrganization(orgId) === undefined;
    const organization = this.organization(orgId);
    if (isNew) organization.duplicatesFrom = offset;
    return organization;
  }

  /** Whether something was forgotten that the store still has; asked once for each time. */
  takeForgotten(): boolean {
    const has = this.#hasForgotten;
    this.#hasForgotten = false;
    return has;
  }

  /** Whether its records are refused. */
  isClosed(orgId: string): boolean {
    return this.#closed.size > 0 && this.#closed.has(orgId);
  }

  /** As if no record of it had ever been met. Slots are names in saved state: those that it had stay, without a name. */
  #forgetOrganization(orgId: string): void {
    const known = this.#organizationsById.get(orgId);
    if (known === undefined) return;
    for (const campaign of this.campaigns) if (campaign.orgSlot === known.slot) this.#blankCampaign(campaign, true);
    this.#blankOrganization(known).isDirty = true;
    this.timers.drop((of, slot) => (of === 'organization' ? slot === known.slot : this.campaigns[slot].id === noName));
    this.forgetIds();
  }

  #blankOrganization({ slot, id }: Organization): Organization {
    const blank = new Organization(slot, noName);
    this.organizations[slot] = blank;
    if (this.#organizationsById.get(id)?.slot === slot) this.#organizationsById.delete(id);
    this.#windows.forget(id);
    return blank;
  }

  /** Rows of the old one that wait for the commit keep its name. */
  #blankCampaign(campaign: Campaign, isChange: boolean): Campaign {
    this.forget(campaign);
    campaign.lastSeen = Number.NEGATIVE_INFINITY;
    const { slot, orgSlot, orgId, id } = campaign;
    const blank = new Campaign(slot, orgSlot, noName, noName, 0, this.books);
    this.campaigns[slot] = blank;
    this.#campaignsByKey.delete(`${orgId}/${id}`);
    const at = campaign.isDirty ? this.dirtyCampaigns.indexOf(campaign) : -1;
    if (at >= 0) this.dirtyCampaigns[at] = blank;
    blank.wasForgotten = isChange;
    if (isChange) this.touchParts(blank);
    return blank;
  }

  #setPlan(orgId: string, compiled: CompiledPlan, body: string): void {
    this.plans.set(orgId, { compiled, body });
    this.#planEpoch += 1;
    const { plan } = compiled;
    // Also when it is read back: whoever had the lane before may have stopped in the middle of it.
    this.#hasForgotten ||= plan.closed === true;
    this.#closed[plan.closed === true ? 'add' : 'delete'](orgId);
    if (hasOwnTimes(plan)) this.#ownTimes.add(orgId);
    else this.#ownTimes.delete(orgId);
    if (hasUntrustedClock(plan)) this.#untrusted.add(orgId);
    else this.#untrusted.delete(orgId);
    this.quotas.put(orgId, plan.defaults.quotas);
    this.#windows.plan(orgId, plan);
  }

  #meet(organization: Organization): Organization {
    this.organizations[organization.slot] = organization;
    this.#organizationsById.set(organization.id, organization);
    if (organization.id !== noName) this.#windows.meet(organization.id);
    return organization;
  }

  /** No delivery id is remembered for longer, nor over more records. */
  get longestWindow(): DuplicateWindow {
    return this.#windows.longest;
  }

  /** Whether some plan says of a source that its clock is not to be trusted. */
  get hasUntrustedClocks(): boolean {
    return this.#untrusted.size > 0;
  }

  isUntrusted(batch: EventBatch, row: number): boolean {
    if (this.#untrusted.size === 0) return false;
    const { sources } = this.planOf(batch.dictionaries.orgs.text(batch.orgs[row])).plan;
    const source = batch.dictionaries.sources.text(batch.sources[row]);
    return Object.hasOwn(sources, source) && sources[source].clock === 'untrusted';
  }

  /** How long after its instant the record of a row may come. */
  latenessOf(batch: EventBatch, row: number): number {
    const of = latenessNames[latenessOf[batch.kinds[row]]];
    if (of === 'never') return Number.POSITIVE_INFINITY;
    if (of === 'control') return this.limits.moneyLatenessMs;
    if (of === 'correction') {
      const detail = batch.details.get(row);
      if (detail?.kind === 'spend_adjustment' && detail.reason === 'OPENING_BALANCE') return openingLatenessMs;
    }
    if (this.#ownTimes.size === 0) return this.#usualLateness[of];
    const { plan } = this.planOf(batch.dictionaries.orgs.text(batch.orgs[row]));
    return plannedLatenessMs(plan, batch.dictionaries.sources.text(batch.sources[row]), of, this.limits);
  }

  /** No report of the organization reaches back before this instant. */
  reportsReach(orgId: string): number {
    const since = this.#organizationsById.get(orgId)?.reportsSince ?? Number.NEGATIVE_INFINITY;
    return Math.max(since, this.clock - reportsReachMs(this.planOf(orgId).plan, this.limits));
  }

  /** The organization, or undefined while it is not known. */
  findOrganization(id: string): Organization | undefined {
    return this.#organizationsById.get(id);
  }

  /** How many campaigns the organization of a slot has, forgotten ones included. */
  campaignsOf(orgSlot: number): number {
    return this.#campaignsOf[orgSlot] ?? 0;
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
    return this.#meet(organization);
  }

  organizationOf(dictionaryId: number, dictionaries: LaneDictionaries): Organization {
    let organization = this.#organizationOfId[dictionaryId];
    if (organization === undefined) {
      organization = this.organization(dictionaries.orgs.text(dictionaryId));
      this.#organizationOfId[dictionaryId] = organization;
    }
    return organization;
  }

  /** Names have other dictionary ids from now on. */
  forgetIds(): void {
    this.#organizationOfId.length = 0;
    this.#campaignIndex = new CampaignIndex();
    this.books.currencies.forgetIds();
    this.books.sources.forgetIds();
  }

  /** The campaign's slot by dictionary ids, or -1: none exists, or none was met by these ids yet. */
  findSlot(orgId: number, campaignId: number): number {
    return this.#campaignIndex.find(orgId, campaignId);
  }

  /** Asserts that the quick look-up of campaigns finds what the slow one finds. */
  verifyIndex(dictionaries: LaneDictionaries): void {
    for (const { org, campaign, slot } of this.#campaignIndex.entries()) {
      const key = `${dictionaries.orgs.text(org)}/${dictionaries.campaigns.text(campaign)}`;
      assert(this.#campaignsByKey.get(key)?.slot === slot, `the index finds campaign ${key}`);
      assert(this.#campaignIndex.find(org, campaign) === slot, `the index finds campaign ${key} where it stands`);
    }
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
    this.touch(campaign);
    return campaign;
  }

  /** The organization that a blob names, made when none was named before. */
  organizationAt(slot: number, id: string): Organization {
    const known = this.organizations[slot];
    if (known !== undefined) {
      if (known.id !== id && id === noName) return this.#blankOrganization(known);
      assert(known.id === id, 'a slot belongs to one organization');
      return known;
    }
    return this.#meet(new Organization(slot, id));
  }

  /** The campaign that a blob names, made when none was named before. */
  campaignAt({ slot, orgSlot, orgId, id }: { slot: number; orgSlot: number; orgId: string; id: string }): Campaign {
    const known = this.campaigns[slot];
    if (known === undefined) return this.addCampaign({ slot: orgSlot, id: orgId }, id, slot);
    if (known.id !== id && id === noName) return this.#blankCampaign(known, false);
    assert(known.orgId === orgId && known.id === id, 'a slot belongs to one campaign');
    return known;
  }

  restorePlan(orgId: string, compiled: CompiledPlan, body: string): void {
    this.#setPlan(orgId, compiled, body);
  }

  addCampaign(organization: { slot: number; id: string }, name: string, slot: number): Campaign {
    const key = `${organization.id}/${name}`;
    const campaign = new Campaign(slot, organization.slot, organization.id, name, fnv1a(key), this.books);
    this.campaigns[slot] = campaign;
    this.#campaignsByKey.set(key, campaign);
    this.#campaignsOf[organization.slot] = this.campaignsOf(organization.slot) + 1;
    return campaign;
  }

  /** Parts of the campaign changed that events do not change: those named, bits of `part`, or all. */
  touchParts(campaign: Campaign, parts?: number): void {
    campaign.noteChange(parts);
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
    if (campaign.lastSeen === Number.NEGATIVE_INFINITY || this.clock - campaign.lastSeen < this.limits.forgetAfterMs)
      return;
    if (campaign.flights.some((flight) => flight.isEvaluable)) return;
    this.forget(campaign);
    campaign.wasForgotten = true;
    this.touchParts(campaign);
  }

  /** Every owner of a section forgets what it knew of the campaign. */
  forget(campaign: Campaign): void {
    for (const section of this.sections.campaigns) section.forget?.(campaign);
    campaign.carried = null;
  }

  zoneOf(campaign: Campaign): Zone {
    return campaign.zone ?? this.defaultZone(campaign.orgId);
  }

  /** Zone of campaigns of the organization that never named one. */
  defaultZone(orgId: string): Zone {
    return findZone(this.planOf(orgId).plan.defaults.zone) ?? utc;
  }

  /** What a status change means that names no cause. */
  unnamedCause({ orgId }: Campaign): 'ADVERTISER' | 'SYSTEM' {
    return this.planOf(orgId).plan.defaults.cause_when_unnamed ?? 'ADVERTISER';
  }

  campaignPlan(campaign: Campaign): CampaignPlan {
    const { campaigns } = this.planOf(campaign.orgId).plan;
    return Object.hasOwn(campaigns, campaign.id) ? campaigns[campaign.id] : nothingOfItsOwn;
  }

  /** The currency that the plan in force says for the campaign. */
  currencyOfPlan(campaign: Campaign): string | undefined {
    return this.campaignPlan(campaign).currency ?? this.planOf(campaign.orgId).plan.defaults.currency;
  }

  spendPlan(campaign: Campaign): SpendPlan {
    return this.campaignPlan(campaign).spend ?? this.planOf(campaign.orgId).plan.defaults.spend;
  }

  /** The plan in force as the campaign sees it; one object for all that the plan says nothing special of. */
  planView(campaign: Campaign): CampaignPlanView {
    const known = campaign.planView;
    if (known !== null && known.epoch === this.#planEpoch) return known;
    const own = this.campaignPlan(campaign);
    const view =
      own === nothingOfItsOwn
        ? this.#usualView(campaign)
        : makePlanView(this.planOf(campaign.orgId), campaign.id, own, this.#planEpoch);
    campaign.planView = view;
    return view;
  }

  /** Campaigns of which the plan says nothing special share a view, where the same rules ask for them by id. */
  #usualView(campaign: Campaign): CampaignPlanView {
    const { usualViews } = this.organizations[campaign.orgSlot];
    if (usualViews.values().next().value?.epoch !== this.#planEpoch) usualViews.clear();
    const { namingRules } = this.planOf(campaign.orgId);
    const key = namingRules.map(({ plan }) => (isForCampaign(plan, campaign.id, nothingOfItsOwn) ? '1' : '0')).join('');
    const known = usualViews.get(key);
    if (known !== undefined) return known;
    const view = makePlanView(this.planOf(campaign.orgId), campaign.id, nothingOfItsOwn, this.#planEpoch);
    usualViews.set(key, view);
    return view;
  }

  /** How modes and curves weigh time for a flight of the campaign that has dates; made again where they or plans change. */
  weightOf(campaign: Campaign, flight: Flight): WeightOf {
    const { weight, dates } = flight;
    if (weight !== null && weight.epoch === this.#planEpoch && weight.dates === dates) return weight.of;
    const of = makeWeightOf(this.planOf(campaign.orgId).plan, this.campaignPlan(campaign), dates as FlightDates);
    flight.weight = { epoch: this.#planEpoch, dates: dates as FlightDates, of };
    return of;
  }

  /** At a control record, which stands alone. */
  setCampaignTimer(campaign: Campaign): void {
    if (campaign.timerAt === null) this.#armCampaign(campaign, this.clock);
  }

  /** At a record of delivery or money: a timer is due in another minute, and segments end with theirs. */
  setCampaignTimerNextMinute(campaign: Campaign): void {
    if (campaign.timerAt === null) this.#armCampaign(campaign, floorTo(this.clock, minuteMs) + minuteMs - 1);
  }

  /** Money came that no flight waits for, or decisions that say which does: the campaign is looked at for some days. */
  watch(campaign: Campaign, clock: number): void {
    const unplanned = this.unplannedOf(campaign);
    // Within a segment feeds are booked before deliveries of older clocks.
    unplanned.watchedUntil = Math.max(unplanned.watchedUntil, clock + this.limits.evaluatedAfterEndMs);
    this.touchParts(campaign, part.unplanned);
  }

  unplannedOf(campaign: Campaign): Unplanned {
    campaign.unplanned ??= new Unplanned();
    return campaign.unplanned;
  }

  /** After its timer ran at `at`. */
  rearmCampaign(campaign: Campaign, at: number): void {
    campaign.timerAt = null;
    this.touchParts(campaign, part.pace);
    if (isWatched(campaign, at) || campaign.flights.some((flight) => flight.isEvaluable))
      this.#armCampaign(campaign, at);
  }

  setOrganizationTimer(organization: Organization): void {
    if (organization.timerAt === null) this.rearmOrganization(organization, this.clock);
  }

  rearmOrganization(organization: Organization, after: number): void {
    const { plan, organizationRules, advertiserRules } = this.planOf(organization.id);
    organization.timerAt = null;
    organization.isDirty = true;
    const together = organizationRules.length + advertiserRules.length;
    if (Object.keys(plan.sources).length === 0 && together === 0 && plan.orders === undefined) return;
    organization.timerAt = nextInstant(after, organization.stagger, plan.defaults.evaluate_every_ms);
    this.pushOrganizationTimer(organization);
  }

  pushOrganizationTimer(organization: Organization): void {
    this.timers.push({ at: organization.timerAt as number, rank: organizationTimer.rank, slot: organization.slot });
  }

  pushCampaignTimer(campaign: Campaign): void {
    this.timers.push({ at: campaign.timerAt as number, rank: campaignTimer.rank, slot: campaign.slot });
  }

  #armCampaign(campaign: Campaign, after: number): void {
    const { every } = this.planView(campaign);
    campaign.timerAt = nextInstant(after, campaign.stagger, every);
    this.pushCampaignTimer(campaign);
    this.touchParts(campaign, part.pace);
  }
}
