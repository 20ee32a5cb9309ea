import { dayMs, hourMs } from '../../src/model/time.ts';
import { habitFacts } from '../../src/simulator/feed-habits.ts';
import type { Fault, FaultKind, SimulatedCampaign, World } from '../../src/simulator/world.ts';
import { dayBudget, hourAt, type Truth, type Truths, truthWithout } from './truth.ts';

/** What may be wrong with a campaign, said of the truth and of no rule: the words are those that people use in a meeting. */
export type Trouble = 'behind' | 'ahead' | 'exhausted' | 'stopped' | 'never started' | 'unplanned' | 'ended off goal';

/** How far it must be off, by more than what nobody would call a trouble (docs/score.md says why). */
interface Bounds {
  readonly behind: number;
  readonly ahead: number;
  /** Day budgets beyond the plan: platforms may spend one on top of a day's own. */
  readonly aheadDays: number;
  /** Hours without delivery, in each of which so many micros were expected. */
  readonly stopped: number;
  readonly stoppedMicros: number;
  /** Day budgets spent where the order has none, within two days. */
  readonly unplanned: number;
  readonly offGoal: number;
}

/** What must be told, and what may be told. */
export const due: Bounds = {
  behind: 0.87,
  ahead: 1.13,
  aheadDays: 1.2,
  stopped: 4,
  stoppedMicros: 1_200_000,
  unplanned: 0.2,
  offGoal: 0.06,
};
export const fair: Bounds = {
  behind: 0.93,
  ahead: 1.06,
  aheadDays: 0.4,
  stopped: 1,
  stoppedMicros: 350_000,
  unplanned: 0.04,
  offGoal: 0.04,
};

/** Whether a trouble is there at the end of an hour. */
export function isIn(truth: Truth, hour: number, trouble: Trouble, bounds: Bounds): boolean {
  const { campaign, fromMs, spent, expected, budget } = truth;
  const at = fromMs + (hour + 1) * hourMs;
  if (trouble === 'unplanned') return unplannedWithin(truth, hour, 48) > bounds.unplanned * dayBudget(truth, hour);
  if (trouble === 'ended off goal')
    return at >= campaign.end_ms && Math.abs(spent[hour] / budget[hour] - 1) > bounds.offGoal;
  if (at <= campaign.start_ms || at >= campaign.end_ms) return false;
  const age = at - campaign.start_ms;
  const share = expected[hour] / budget[hour];
  const isOld = (age >= dayMs || share >= 0.5) && share >= 0.1;
  switch (trouble) {
    case 'never started':
      return spent[hour] === 0 && age >= 6 * hourMs;
    case 'behind':
      return campaign.mode !== 'ASAP' && isOld && spent[hour] < bounds.behind * expected[hour] && spent[hour] > 0;
    case 'ahead':
      return (
        campaign.mode !== 'ASAP' &&
        (age >= dayMs || share >= 0.5) &&
        spent[hour] < budget[hour] &&
        spent[hour] > bounds.ahead * expected[hour] &&
        spent[hour] - expected[hour] > bounds.aheadDays * dayBudget(truth, hour)
      );
    case 'exhausted':
      return spent[hour] >= budget[hour] && campaign.end_ms - at > 2 * hourMs;
    case 'stopped':
      return isStopped(truth, hour, bounds);
  }
}

/** Nothing for so many hours, while money was expected in each and there had been delivery before. */
function isStopped(truth: Truth, hour: number, { stopped: hours, stoppedMicros }: Bounds): boolean {
  const { campaign, spent, expected, delivers, budget } = truth;
  if (hour < hours || spent[hour] === 0 || spent[hour] >= budget[hour]) return false;
  const isDark = delivers.subarray(hour - hours + 1, hour + 1).every((each) => each === 0);
  return isDark && campaign.mode !== 'ASAP' && expected[hour] - expected[hour - hours] > stoppedMicros * hours;
}

/** Money of the last hours that was spent where the order has none. */
function unplannedWithin({ unplanned }: Truth, hour: number, hours: number): number {
  return unplanned[hour] - (hour < hours ? 0 : unplanned[hour - hours]);
}

/** The first hour of a stretch in which it is there for so long; -1 = there is none. */
export function firstStretch(
  truth: Truth,
  trouble: Trouble,
  { fromMs, untilMs, hours, bounds }: { fromMs: number; untilMs: number; hours: number; bounds: Bounds },
): number {
  let length = 0;
  for (let hour = hourAt(truth, fromMs); hour <= hourAt(truth, untilMs); hour++) {
    length = isIn(truth, hour, trouble, bounds) ? length + 1 : 0;
    if (length >= hours) return hour - hours + 1;
  }
  return -1;
}

/** Which troubles a fault can make. */
const troublesOf: Readonly<Partial<Record<FaultKind, readonly Trouble[]>>> = {
  falls_behind: ['behind'],
  overspends: ['ahead', 'exhausted'],
  delivery_stop: ['stopped', 'behind'],
  spend_spike: ['ahead', 'exhausted'],
  budget_cut: ['exhausted'],
  spends_after_end: ['unplanned'],
  ignores_pause: ['unplanned'],
};

/** Hours that a trouble must last before anybody is to be told: longer than any `for` of a rule that ships. */
const hoursDue: Readonly<Record<Trouble, number>> = {
  ...{ behind: 6, ahead: 4, exhausted: 3, stopped: 1, 'never started': 6, unplanned: 2, 'ended off goal': 3 },
};
/** Where money is told by the day, twice at least; and that nothing came for some hours nobody can see. */
const daysTold = 54;

/** The last word on a day is one figure, which does not say what of it lay in a pause of hours. */
function isToldByDay(world: World, { org_id, spend_from }: SimulatedCampaign): boolean {
  const feeds = world.organizations.find((each) => each.org_id === org_id)?.feeds ?? [];
  return spend_from === 'feed' && feeds.some(({ habit }) => habit !== 'hours' && habit !== 'hours_in_part');
}

function hoursDueOf(world: World, campaign: SimulatedCampaign, trouble: Trouble): number {
  const organization = world.organizations.find(({ org_id }) => org_id === campaign.org_id);
  const isDaily = campaign.spend_from === 'feed' && organization?.feeds.some(({ habit }) => habitFacts[habit].isDaily);
  // What lies outside of the order is seen in the first day that tells of it.
  if (isDaily !== true || trouble === 'unplanned') return hoursDue[trouble];
  return trouble === 'stopped' ? Number.POSITIVE_INFINITY : daysTold;
}

export interface Label {
  /** Of a fault, or of how the campaign was set up: `pace` off plan, ASAP that runs out. */
  readonly cause: FaultKind | 'pace' | 'asap';
  readonly orgId: string;
  /** Null = the source of the whole organization. */
  readonly campaignId: string | null;
  readonly trouble: Trouble | 'feed silent';
  /** When the cause began, and since when there is a trouble because of it. */
  readonly causeMs: number;
  readonly sinceMs: number;
}

const echoMs = 2 * dayMs;
/** Nobody is told later than this after it is due; a daily feed tells a day when it is over, and some two days later. */
const slack = { usual: 12 * hourMs, ofFeeds: 4 * dayMs };

export function slackOf(world: World, { orgId, campaignId }: Pick<Label, 'orgId' | 'campaignId'>): number {
  const campaign = world.campaigns.find((each) => each.org_id === orgId && each.campaign_id === campaignId);
  return campaign?.spend_from === 'feed' ? slack.ofFeeds : slack.usual;
}

/** Everything in a world that somebody must be told of. */
export function labelsOf(world: World, truths: Truths): Label[] {
  return [...world.faults.flatMap((fault) => labelsOfFault(world, truths, fault)), ...labelsOfSetUps(world, truths)];
}

function labelsOfFault(world: World, truths: Truths, fault: Fault): Label[] {
  const { kind, org_id, campaign_id, from_ms, until_ms } = fault;
  if (kind === 'feed_silent')
    return [
      { cause: kind, orgId: org_id, campaignId: null, trouble: 'feed silent', causeMs: from_ms, sinceMs: from_ms },
    ];
  const campaign = world.campaigns.find((each) => each.org_id === org_id && each.campaign_id === campaign_id);
  if (campaign === undefined || (kind === 'ignores_pause' && isToldByDay(world, campaign))) return [];
  const truth = truths.of(campaign);
  const without = truthWithout(world, campaign, fault);
  const span = {
    fromMs: from_ms,
    untilMs: Math.min(
      until_ms + echoMs,
      kind === 'spends_after_end' ? until_ms : campaign.end_ms,
      world.endMs - hourMs,
    ),
    bounds: due,
  };
  for (const trouble of troublesOf[kind] ?? []) {
    const hours = hoursDueOf(world, campaign, trouble);
    const since = firstStretch(truth, trouble, { ...span, hours });
    const isItsDoing = firstStretch(without, trouble, { ...span, hours, bounds: fair }) < 0;
    if (since >= 0 && isItsDoing)
      return [
        {
          cause: kind,
          orgId: org_id,
          campaignId: campaign_id,
          trouble,
          causeMs: from_ms,
          sinceMs: truth.fromMs + since * hourMs,
        },
      ];
  }
  return [];
}

/** Campaigns that were never as ordered: they are no accident, and must be told all the same. */
function labelsOfSetUps(world: World, truths: Truths): Label[] {
  return world.campaigns.flatMap((campaign): Label[] => {
    const hasFault = world.faults.some(
      ({ org_id, campaign_id, kind }) =>
        org_id === campaign.org_id && campaign_id === campaign.campaign_id && troublesOf[kind] !== undefined,
    );
    if (hasFault) return [];
    const truth = truths.of(campaign);
    const fromMs = Math.max(world.startMs, campaign.start_ms);
    const slackMs = slackOf(world, { orgId: campaign.org_id, campaignId: campaign.campaign_id });
    const span = { fromMs, untilMs: Math.min(world.endMs - slackMs, campaign.end_ms), bounds: due };
    const troubles: Trouble[] = ['never started', 'behind', 'ahead', 'exhausted'];
    for (const trouble of troubles) {
      const since = firstStretch(truth, trouble, {
        ...span,
        hours: hoursDueOf(world, campaign, trouble),
      });
      if (since < 0) continue;
      const about = { orgId: campaign.org_id, campaignId: campaign.campaign_id, trouble, causeMs: fromMs };
      return [{ ...about, cause: campaign.mode === 'ASAP' ? 'asap' : 'pace', sinceMs: truth.fromMs + since * hourMs }];
    }
    return [];
  });
}
