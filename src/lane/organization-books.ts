import { microsOf } from '../model/money.ts';
import { dayOfMonth, type EventTimeMs, type LogTimeMs } from '../model/time.ts';
import { plus, positive, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import { type MoneyAtRisk, moneyAtRisk } from '../pacing/money-at-risk.ts';
import { type PacingStatus, type PacingValues, paceFlight } from '../pacing/pacing.ts';
import type { OrganizationFacts } from '../rules/organization-values.ts';
import type { Campaign, CampaignPlanView, Flight } from './campaign.ts';
import { type Completeness, completenessAt, type Standpoint, standpoint } from './completeness.ts';
import { BooksOfFlight } from './flight-books.ts';
import type { LaneState } from './lane-state.ts';
import type { Organization } from './organization.ts';
import { TogetherWindows } from './together-windows.ts';
import { spendOfDay } from './window-books.ts';

const weekDays = 7;

/** One running flight of a member, where it was judged last, as known now. */
interface RunningFlight {
  readonly flight: Flight;
  readonly values: PacingValues;
  readonly risk: MoneyAtRisk;
}

/** The campaigns of an organization at one instant of its timer (docs/semantics.md §8.8); each is looked at once, for all rules. */
export class OrganizationBooks {
  readonly #state: LaneState;
  readonly #organization: Organization;
  readonly #t: LogTimeMs;
  readonly #running = new Map<Campaign, readonly RunningFlight[]>();
  readonly #zone: Zone;
  /** Local day of the plan's zone. */
  readonly #today: number;

  constructor(state: LaneState, organization: Organization, t: LogTimeMs) {
    this.#state = state;
    this.#organization = organization;
    this.#t = t;
    this.#zone = state.defaultZone(organization.id);
    this.#today = this.#zone.localDay(t);
  }

  get campaigns(): readonly Campaign[] {
    return campaignsOf(this.#state, this.#organization);
  }

  /** Those of which the plan says whose they are, by advertiser. */
  byAdvertiser(): ReadonlyMap<string, readonly Campaign[]> {
    const found = new Map<string, Campaign[]>();
    for (const campaign of this.campaigns) {
      const { advertiser } = this.#state.campaignPlan(campaign);
      if (advertiser === undefined) continue;
      const known = found.get(advertiser);
      if (known === undefined) found.set(advertiser, [campaign]);
      else known.push(campaign);
    }
    return found;
  }

  /** Of the sources of those with a flight that runs; of all, where none runs. */
  completeness(members: readonly Campaign[]): Completeness {
    const running = members.filter((campaign) => this.#runningOf(campaign).length > 0);
    const sources = new Map<string, CampaignPlanView['sources'][number]>();
    for (const campaign of running.length === 0 ? members : running)
      for (const source of this.#state.planView(campaign).sources) sources.set(source.name, source);
    const named = [...sources.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return completenessAt(named, this.#organization.frontiers, this.#t);
  }

  /** Where they are complete together; null = nobody can say. */
  standpoint({ frontier, isStale }: Completeness): Standpoint | null {
    const { clock, limits } = this.#state;
    return frontier === null || isStale ? null : standpoint(frontier, this.#zone, clock, limits);
  }

  windows(members: readonly Campaign[], at: Standpoint | null, { currency }: OrganizationFacts): TogetherWindows {
    return new TogetherWindows(members, {
      at,
      zone: this.#zone,
      clock: this.#state.clock,
      expectsDelivery: members.some((campaign) => this.#state.planView(campaign).hasImpressions),
      isOneCurrency: currency !== null,
    });
  }

  facts(members: readonly Campaign[]): OrganizationFacts {
    const sums = new Sums();
    sums.members = members.length;
    for (const campaign of members) {
      if (campaign.currency !== '') sums.currencies.add(campaign.currency);
      const running = this.#runningOf(campaign);
      if (running.length > 0) sums.campaigns += 1;
      for (const each of running) sums.addFlight(each);
      sums.today = plus(sums.today, this.#days(campaign, this.#today, this.#today));
      sums.yesterday = plus(sums.yesterday, this.#days(campaign, this.#today - 1, this.#today - 1));
      sums.week = plus(sums.week, this.#days(campaign, this.#today - weekDays, this.#today - 1));
      const first = this.#today - dayOfMonth(this.#today) + 1;
      sums.month = plus(sums.month, this.#days(campaign, first, this.#today));
    }
    return sums;
  }

  #days(campaign: Campaign, first: number, last: number): Whole {
    let nanos: Whole = 0;
    for (let day = first; day <= last; day++) nanos = plus(nanos, spendOfDay(campaign, day));
    return microsOf(nanos);
  }

  #runningOf(campaign: Campaign): readonly RunningFlight[] {
    let running = this.#running.get(campaign);
    if (running === undefined) {
      running = campaign.flights.flatMap((flight) => this.#look(campaign, flight));
      this.#running.set(campaign, running);
    }
    return running;
  }

  #look(campaign: Campaign, flight: Flight): RunningFlight[] {
    const { clock, limits } = this.#state;
    const { lastAsOf: last, dates } = flight;
    if (!flight.wasInFlight || dates === null || last === null) return [];
    const at = standpoint(last as EventTimeMs, dates.zone, clock, limits);
    if (at === null) return [];
    const { asOf, isDaily } = at;
    const weightOf = this.#state.weightOf(campaign, flight);
    const { dayAllowanceBp } = this.#state.planView(campaign);
    const books = new BooksOfFlight(campaign, flight, clock, { weightOf, dayAllowanceBp, isDaily, isLastWord: false });
    const values = paceFlight(books, asOf);
    return [{ flight, values, risk: moneyAtRisk(books, values, asOf, this.#t) }];
  }
}

/** Of organizations whose rules ask for their totals. */
const known = new WeakMap<Organization, { looked: number; readonly campaigns: Campaign[] }>();

/** The first question looks at all campaigns of the lane, later ones at those that came since. */
export function campaignsOf({ campaigns }: LaneState, organization: Organization): readonly Campaign[] {
  const found = known.get(organization) ?? { looked: 0, campaigns: [] };
  known.set(organization, found);
  for (; found.looked < campaigns.length; found.looked++)
    if (campaigns[found.looked].orgSlot === organization.slot) found.campaigns.push(campaigns[found.looked]);
  return found.campaigns;
}

class Sums implements OrganizationFacts {
  readonly currencies = new Set<string>();
  readonly statuses = new Map<PacingStatus, number>();
  members = 0;
  campaigns = 0;
  flights = 0;
  budget: Whole = 0;
  spend: Whole = 0;
  projected: Whole = 0;
  expected: Whole = 0;
  spendExpected: Whole = 0;
  unseen: Whole = 0;
  atRisk: Whole = 0;
  today: Whole = 0;
  yesterday: Whole = 0;
  week: Whole = 0;
  month: Whole = 0;

  get currency(): string | null {
    if (this.currencies.size > 1) return null;
    const [one = ''] = this.currencies;
    return one;
  }

  addFlight({ flight: { lastStatus }, values, risk }: RunningFlight): void {
    const { budget, spend, expected, projected } = values;
    this.flights += 1;
    if (lastStatus !== null) this.statuses.set(lastStatus, (this.statuses.get(lastStatus) ?? 0) + 1);
    this.budget = plus(this.budget, budget);
    this.spend = plus(this.spend, spend);
    this.projected = plus(this.projected, projected ?? spend);
    this.unseen = plus(this.unseen, risk.unseen ?? 0);
    this.atRisk = plus(this.atRisk, risk.atRisk ?? 0);
    if (expected === null) return;
    this.expected = plus(this.expected, expected);
    this.spendExpected = plus(this.spendExpected, positive(spend));
  }
}
