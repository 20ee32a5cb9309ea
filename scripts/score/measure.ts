import { dayMs, hourMs } from '../../src/model/time.ts';
import type { SimulatedCampaign, World } from '../../src/simulator/world.ts';
import { campaignKey } from '../../src/simulator/world.ts';
import { fair, isIn, type Label, labelsOf, slackOf, type Trouble } from './conditions.ts';
import type { Played } from './play-world.ts';
import { hourAt, type Truth, Truths } from './truth.ts';

type Alert = Played['alerts'][number];

/** A change by which somebody is told what they were not told before. */
export interface Page {
  readonly alert: Alert;
  readonly atMs: number;
  readonly isTrue: boolean;
}

export interface CauseScore {
  readonly cause: string;
  readonly labels: number;
  readonly found: number;
  /** Hours from the cause to the page, the middle one and the slowest of ten. */
  readonly delayHours: { readonly half: number; readonly most: number } | null;
}

export interface Score {
  readonly campaigns: number;
  readonly campaignWeeks: number;
  readonly pages: number;
  readonly truePages: number;
  readonly precision: number;
  readonly recall: number;
  readonly causes: readonly CauseScore[];
  readonly pagesACampaignWeek: number;
  /** The same alert told again within a day of its end. */
  readonly flaps: number;
  /** Wrong pages in the first three days of flights, over flights that begin in the log. */
  readonly earlyWrong: number;
  readonly begun: number;
  readonly byRule: readonly { readonly rule: string; readonly pages: number; readonly wrong: number }[];
  readonly missed: readonly Label[];
  readonly wrong: readonly Page[];
}

/** Rules that speak of a trouble; a rule of later releases that is not named here counts for precision alone. */
const rulesOf: Readonly<Record<Label['trouble'], readonly string[]>> = {
  behind: ['under-pacing', 'cannot-finish'],
  ahead: ['over-pacing', 'early-exhaust', 'spend-spike'],
  // Where the money is gone delivery stops, which may be seen before the last cent is booked.
  exhausted: ['exhausted', 'early-exhaust', 'over-pacing', 'over-budget', 'no-delivery'],
  stopped: ['no-delivery'],
  'never started': ['never-started', 'under-pacing', 'cannot-finish'],
  unplanned: ['unplanned-spend'],
  'ended off goal': ['ended'],
  'feed silent': ['data-freshness'],
};

/** A page may come before the trouble is as large as a label wants it, and must not come long after. */
const earlyMs = 24 * hourMs;

export function measure(world: World, { alerts, spent }: Played): Score {
  const truths = new Truths(world, spent);
  const told = pagesOf(alerts);
  const pages = told.map(
    (alert): Page => ({ alert, atMs: Number(alert.evaluated_at), isTrue: isTrue(world, truths, alert) }),
  );
  const labels = labelsOf(world, truths);
  const spells = spellsOf(alerts.filter(({ mode }) => mode === 'notify'));
  const found = labels.map((label) => ({ label, page: firstPage(world, label, spells) }));
  const weeks = world.campaigns.reduce((sum, each) => sum + runningMs(world, each), 0) / (7 * dayMs);
  const truePages = pages.filter((each) => each.isTrue).length;
  const begun = world.campaigns.filter(
    ({ start_ms }) => start_ms >= world.startMs && start_ms < world.endMs - 3 * dayMs,
  );
  return {
    ...{ campaigns: world.campaigns.length, campaignWeeks: weeks, pages: pages.length, truePages },
    precision: pages.length === 0 ? 1 : truePages / pages.length,
    recall: labels.length === 0 ? 1 : found.filter(({ page }) => page !== null).length / labels.length,
    causes: causesOf(found),
    pagesACampaignWeek: pages.length / weeks,
    flaps: flapsOf(alerts),
    earlyWrong: pages.filter((page) => !page.isTrue && isEarly(page, begun)).length,
    begun: begun.length,
    byRule: byRuleOf(pages),
    missed: found.filter(({ page }) => page === null).map(({ label }) => label),
    wrong: pages.filter((page) => !page.isTrue),
  };
}

function isOpen(state: string): boolean {
  return state === 'firing' || state === 'recovering' || state === 'no_data' || state === 'error';
}

/** Where silence, or a lesser level, becomes an alert. */
function pagesOf(alerts: readonly Alert[]): Alert[] {
  return alerts.filter(
    ({ mode, from_state, to_state, reason, withheld }) =>
      mode === 'notify' && withheld === '' && isOpen(to_state) && (!isOpen(from_state) || reason === 'escalated'),
  );
}

/** Whether what a page says was so, by the truth and with bounds that nobody would argue about. */
function isTrue(world: World, truths: Truths, alert: Alert): boolean {
  const at = Number(alert.evaluated_at);
  const isSilent = world.faults.some(
    ({ kind, org_id, from_ms, until_ms }) =>
      kind === 'feed_silent' && org_id === alert.org_id && at >= from_ms && at <= until_ms + 6 * hourMs,
  );
  if (alert.to_state === 'no_data' || alert.rule_id === 'data-freshness') return isSilent;
  const campaign = world.campaigns.find(
    (each) => each.org_id === alert.org_id && each.campaign_id === alert.campaign_id,
  );
  if (campaign === undefined) return false;
  const truth = truths.of(campaign);
  // What a feed has not told yet was so at as_of.
  const asOf = Number(alert.as_of);
  const was = (troubles: readonly Trouble[]) => troubles.some((trouble) => isAround(truth, asOf, trouble));
  const budget = (hour: number) => truth.budget[hour];
  const hour = hourAt(truth, asOf);
  switch (alert.rule_id) {
    case 'under-pacing':
      return was(['behind', 'never started', 'stopped']);
    case 'cannot-finish':
      return was(['behind', 'never started', 'stopped']) || isTooSlow(truth, hour);
    case 'never-started':
      return was(['never started']);
    case 'no-delivery':
      return was(['stopped', 'never started', 'exhausted']);
    case 'over-pacing':
    case 'spend-spike':
      return was(['ahead', 'exhausted']) || daySpent(truth, hour) > (1.9 * (budget(hour) * dayMs)) / length(truth);
    case 'early-exhaust':
      return was(['exhausted']) || runsOut(truth);
    case 'exhausted':
      return was(['exhausted']) || isNearlyGone(truth, hour) || reachesCap(truth, hour);
    case 'over-budget':
      return truth.spent[hour] > 1.03 * budget(hour);
    case 'unplanned-spend':
      // What was spent stays in the table, and a correction of it brings it up again.
      return isAround(truth, at, 'unplanned', remembersHours);
    case 'ended':
      return was(['ended off goal']);
    default:
      return false;
  }
}

const aroundHours = 3;
const remembersHours = 33 * 24;

function isAround(truth: Truth, ms: number, trouble: Trouble, hoursBefore = aroundHours): boolean {
  const hour = hourAt(truth, ms);
  for (let each = Math.max(0, hour - hoursBefore); each <= Math.min(truth.spent.length - 1, hour + 1); each++)
    if (isIn(truth, each, trouble, fair)) return true;
  return false;
}

function length({ campaign }: Truth): number {
  return campaign.end_ms - campaign.start_ms;
}

function daySpent({ spent }: Truth, hour: number): number {
  return spent[hour] - spent[Math.max(0, hour - 24)];
}

/** At the rate of the last day the order is not filled, by a twentieth or more. */
function isTooSlow(truth: Truth, hour: number): boolean {
  const { campaign, spent, budget, fromMs } = truth;
  const leftHours = (campaign.end_ms - fromMs) / hourMs - hour - 1;
  return spent[hour] + (daySpent(truth, hour) / 24) * leftHours < 0.95 * budget[hour];
}

/** The money really ends half a day before the flight. */
function runsOut({ campaign, spent, budget, fromMs }: Truth): boolean {
  const hour = spent.findIndex((each, at) => each >= 0.999 * budget[at]);
  return hour >= 0 && fromMs + (hour + 1) * hourMs < campaign.end_ms - 12 * hourMs;
}

/** What is left of the money buys nothing, within the hours around. */
function isNearlyGone({ spent, budget }: Truth, hour: number): boolean {
  const near = Math.min(spent.length - 1, hour + 2);
  return spent[near] > 0.99 * budget[near];
}

function reachesCap({ campaign, spent }: Truth, hour: number): boolean {
  const cap = campaign.daily_cap_micros;
  return cap !== null && spent[hour] - spent[Math.max(0, hour - 24)] >= 1.9 * cap;
}

function runningMs(world: World, { start_ms, end_ms }: SimulatedCampaign): number {
  return Math.max(0, Math.min(end_ms, world.endMs) - Math.max(start_ms, world.startMs));
}

/** Where an alert is open within the time that a label leaves; one that was open before told already. */
function firstPage(world: World, label: Label, spells: readonly Spell[]): Spell | null {
  const until = label.sinceMs + slackOf(world, label);
  const from = Math.min(label.causeMs, label.sinceMs - earlyMs);
  const fits = spells.filter(
    ({ alert, fromMs, untilMs }) =>
      alert.org_id === label.orgId &&
      (label.campaignId === null || alert.campaign_id === label.campaignId) &&
      rulesOf[label.trouble].includes(alert.rule_id) &&
      fromMs <= until &&
      untilMs >= from,
  );
  return fits.toSorted((a, b) => a.fromMs - b.fromMs)[0] ?? null;
}

/** From when to when an alert is open. */
interface Spell {
  readonly alert: Alert;
  readonly fromMs: number;
  readonly untilMs: number;
}

function spellsOf(alerts: readonly Alert[]): Spell[] {
  const spells: Spell[] = [];
  for (const own of Map.groupBy(alerts, ({ fingerprint }) => fingerprint).values()) {
    let begun: Alert | null = null;
    for (const alert of own.toSorted((a, b) => Number(a.evaluated_at) - Number(b.evaluated_at))) {
      if (begun === null && isOpen(alert.to_state)) begun = alert;
      if (begun === null || isOpen(alert.to_state)) continue;
      spells.push({ alert: begun, fromMs: Number(begun.evaluated_at), untilMs: Number(alert.evaluated_at) });
      begun = null;
    }
    if (begun !== null)
      spells.push({ alert: begun, fromMs: Number(begun.evaluated_at), untilMs: Number.POSITIVE_INFINITY });
  }
  return spells;
}

function causesOf(found: readonly { label: Label; page: Spell | null }[]): CauseScore[] {
  const byCause = Map.groupBy(found, ({ label }) => `${label.cause}: ${label.trouble}`);
  return [...byCause]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([cause, all]) => {
      const delays = all
        .flatMap(({ label, page }) => (page === null ? [] : [Math.max(0, page.fromMs - label.causeMs) / hourMs]))
        .sort((a, b) => a - b);
      const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(share * delays.length))];
      const delayHours = delays.length === 0 ? null : { half: at(0.5), most: at(0.9) };
      return { cause, labels: all.length, found: delays.length, delayHours };
    });
}

function flapsOf(alerts: readonly Alert[]): number {
  const ended = new Map<string, number>();
  let flaps = 0;
  for (const alert of alerts.toSorted((a, b) => Number(a.evaluated_at) - Number(b.evaluated_at))) {
    const at = Number(alert.evaluated_at);
    const before = ended.get(alert.fingerprint);
    if (isOpen(alert.from_state) && !isOpen(alert.to_state)) ended.set(alert.fingerprint, at);
    else if (alert.reason === 'escalated' && before !== undefined && at - before < dayMs) flaps += 1;
    else if (alert.reason === 'deescalated') ended.set(alert.fingerprint, at);
    else if (!isOpen(alert.from_state) && isOpen(alert.to_state) && before !== undefined && at - before < dayMs)
      flaps += 1;
  }
  return flaps;
}

function isEarly({ alert, atMs }: Page, begun: readonly SimulatedCampaign[]): boolean {
  const campaign = begun.find((each) => campaignKey(each) === `${alert.org_id}/${alert.campaign_id}`);
  return campaign !== undefined && atMs < campaign.start_ms + 3 * dayMs;
}

function byRuleOf(pages: readonly Page[]): Score['byRule'] {
  const byRule = Map.groupBy(pages, ({ alert }) => alert.rule_id);
  return [...byRule]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([rule, all]) => ({ rule, pages: all.length, wrong: all.filter((each) => !each.isTrue).length }));
}
