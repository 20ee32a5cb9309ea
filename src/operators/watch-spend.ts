import type { Campaign } from '../lane/campaign.ts';
import { part } from '../lane/campaign.ts';
import type { Completeness } from '../lane/completeness.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { isWatched, type Unplanned } from '../lane/unplanned.ts';
import { type DayAmounts, isOverBudget, isPlain, recentSpend, UnplannedSpend } from '../lane/unplanned-spend.ts';
import type { LogTimeMs } from '../model/time.ts';
import { floorShare, minus, plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import {
  type CampaignFacts,
  nothingUnplanned,
  type UnplannedCause,
  type UnplannedStatus,
  unplannedCauses,
} from '../rules/rule-values.ts';
import type { JudgeRules } from './judge-rules.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { CampaignMoment } from './rule-places.ts';

/** Says what a campaign spends that nobody planned, when its timer runs, and has its rules judged (docs/semantics.md §9). */
export class WatchSpend {
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #rules: JudgeRules;
  readonly #recent: { readonly retainedDays: number; readonly daysMax: number };
  /** Days of campaigns that have a row of the record at this offset. */
  readonly #written = { offset: -1, days: new Map<Campaign, Set<number>>() };

  constructor(state: LaneState, outputs: LaneOutputs, rules: JudgeRules) {
    this.#state = state;
    this.#outputs = outputs;
    this.#rules = rules;
    this.#recent = { retainedDays: state.limits.retainedDays, daysMax: recentDays };
  }

  look(campaign: Campaign, completeness: Completeness, t: LogTimeMs, offset: number): void {
    const { clock } = this.#state;
    const isOver = isOverBudget(campaign, clock);
    if (!isOver && campaign.statuses.length === 0 && !this.#isAsked(campaign, t)) return;
    const zone = campaign.quarters?.zone ?? this.#state.zoneOf(campaign);
    if (!hasSaid(campaign) && isPlain(campaign, zone, isOver))
      return this.#lookAtPlain(campaign, zone, completeness, t, offset);
    const at = { campaign, t, offset, completeness };
    const spend = new UnplannedSpend(campaign, zone, clock, this.#state.limits);
    const amounts = spend.amounts();
    const isNews = this.#say(campaign, spend, amounts, offset);
    this.#judge(at, isNews, () => factsOf(spend, amounts, campaign.unplanned?.said ?? noneSaid));
  }

  /** Nearly always no rule finds anything, whatever was spent. */
  #lookAtPlain(campaign: Campaign, zone: Zone, completeness: Completeness, t: LogTimeMs, offset: number): void {
    const { quiet } = this.#state.planView(campaign);
    const hasAlerts = campaign.unplanned?.hasAlerts === true;
    if (!hasAlerts && quiet.spending && quiet.idle) return;
    const spent = recentSpend(campaign, zone, this.#state.clock, this.#recent);
    if (!hasAlerts && (spent > 0 ? quiet.spending : quiet.idle)) return;
    this.#judge({ campaign, t, offset, completeness }, false, () => ({ ...nothingUnplanned, recentSpend: spent }));
  }

  #judge(at: CampaignMoment, isNews: boolean, facts: () => CampaignFacts): void {
    const { unplanned } = at.campaign;
    if (unplanned === null || !this.#isAsked(at.campaign, at.t)) return;
    this.#rules.judgeCampaign(at, unplanned.alerts, facts, isNews);
  }

  /** After the last timer of a campaign nothing is told any more. */
  leave(campaign: Campaign, completeness: Completeness, t: LogTimeMs, offset: number): void {
    const { unplanned } = campaign;
    if (unplanned === null || campaign.timerAt !== null) return;
    if (!unplanned.hasAlerts && unplanned.watchedUntil === Number.NEGATIVE_INFINITY) return;
    unplanned.watchedUntil = Number.NEGATIVE_INFINITY;
    this.#state.touchParts(campaign, part.unplanned);
    this.#rules.endCampaign({ campaign, t, offset, completeness }, unplanned.alerts);
  }

  #isAsked(campaign: Campaign, t: LogTimeMs): boolean {
    const { unplanned } = campaign;
    return unplanned !== null && (unplanned.said.size > 0 || unplanned.hasOpenAlerts || isWatched(campaign, t));
  }

  /** Writes the rows of days whose amounts are not what was said; true when there was one. */
  #say(campaign: Campaign, spend: UnplannedSpend, amounts: ReadonlyMap<number, DayAmounts>, offset: number): boolean {
    const said = campaign.unplanned?.said;
    let isNews = false;
    for (const [day, found] of amounts) {
      const before = said?.get(day);
      if (before === undefined ? isNothing(found) : isSame(before, found)) continue;
      if (!this.#isFirstAt(offset, campaign, day)) continue;
      isNews = true;
      this.#write(campaign, day, found, offset);
      this.#remember(campaign).say(day, found);
    }
    if (said !== undefined) {
      const shown = new Set(spend.days.map(({ day }) => day));
      for (const day of said.keys()) {
        if (shown.has(day)) continue;
        this.#remember(campaign).unsay(day);
      }
    }
    return isNews;
  }

  /**
   * False for a second row of a day at one offset: of two rows of one version nobody could say which is newer. Several
   * timers may run before a record, and what rolls over between flights may change from one to the next.
   */
  #isFirstAt(offset: number, campaign: Campaign, day: number): boolean {
    const written = this.#written;
    if (written.offset !== offset) {
      written.offset = offset;
      written.days.clear();
    }
    const days = written.days.get(campaign);
    if (days === undefined) written.days.set(campaign, new Set([day]));
    else if (days.has(day)) return false;
    else days.add(day);
    return true;
  }

  #remember(campaign: Campaign): Unplanned {
    this.#state.touchParts(campaign, part.unplanned);
    return this.#state.unplannedOf(campaign);
  }

  #write(campaign: Campaign, day: number, { spend, causes }: DayAmounts, offset: number): void {
    this.#outputs.unplanned.write({
      org_id: campaign.orgId,
      campaign_id: campaign.id,
      date: day,
      currency: campaign.currency,
      status: statusOf(causes),
      spend_micros: spend,
      unplanned_micros: sumOf(causes, unplannedCauses),
      no_flight_micros: causes.no_flight,
      no_budget_micros: causes.no_budget,
      before_start_micros: causes.before_start,
      between_flights_micros: causes.between_flights,
      after_end_micros: causes.after_end,
      paused_micros: causes.paused,
      over_budget_micros: causes.over_budget,
      plan_number: this.#state.planView(campaign).planNumber,
      partition: this.#outputs.partition,
      version: this.#outputs.version(offset),
    });
  }
}

const outsideCauses = ['no_flight', 'no_budget', 'before_start', 'between_flights', 'after_end'] as const;
const recentDays = 2;
const noneSaid: ReadonlyMap<number, DayAmounts> = new Map();

function factsOf(
  spend: UnplannedSpend,
  amounts: ReadonlyMap<number, DayAmounts>,
  said: ReadonlyMap<number, DayAmounts>,
): CampaignFacts {
  // Newest first; a day that is not worked out any more stands as it was said.
  const all = spend.days.flatMap(({ day }) => amounts.get(day) ?? said.get(day) ?? []);
  const total = (causes: readonly UnplannedCause[], days: readonly DayAmounts[] = all) =>
    days.reduce((sum: Whole, each) => plus(sum, sumOf(each.causes, causes)), 0);
  const having = all.filter(({ causes }) => sumOf(causes, unplannedCauses) > 0);
  const recent = all.filter((each) => each.spend !== 0).slice(0, recentDays);
  const overs = spend.overspent
    .filter(({ budgetNanos }) => budgetNanos > 0)
    .map(({ flight, budgetNanos }) => floorShare(10_000, minus(flight.spentNanos, budgetNanos), budgetNanos));
  return {
    status: having.length === 0 ? 'planned' : statusOf(having[0].causes),
    days: having.length,
    outside: total(outsideCauses),
    paused: total(['paused']),
    overBudget: total(['over_budget']),
    overBudgetBp: overs.reduce((most: Whole | null, each) => (most === null || each > most ? each : most), null),
    recent: total([...outsideCauses, 'paused'], recent),
    recentSpend: recent.reduce((sum: Whole, each) => plus(sum, each.spend), 0),
  };
}

function hasSaid({ unplanned }: Campaign): boolean {
  return unplanned !== null && unplanned.said.size > 0;
}

/** What most of it is; of equal ones the first. */
function statusOf(causes: DayAmounts['causes']): UnplannedStatus {
  let most: UnplannedStatus = 'planned';
  let amount: Whole = 0;
  for (const cause of unplannedCauses) if (causes[cause] > amount) [most, amount] = [cause, causes[cause]];
  return most;
}

function sumOf(causes: DayAmounts['causes'], wanted: readonly UnplannedCause[]): Whole {
  return wanted.reduce((sum: Whole, cause) => plus(sum, causes[cause]), 0);
}

function isNothing({ causes }: DayAmounts): boolean {
  return unplannedCauses.every((cause) => causes[cause] === 0);
}

function isSame(a: DayAmounts, b: DayAmounts): boolean {
  return a.spend === b.spend && unplannedCauses.every((cause) => a.causes[cause] === b.causes[cause]);
}
