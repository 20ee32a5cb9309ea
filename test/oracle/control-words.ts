import type { Plan } from '../../src/rules/plan.ts';
import type { Campaign } from './campaign.ts';
import type { OracleEvent } from './events.ts';
import { type BudgetChange, type Flight, saysSomething } from './flight.ts';
import { unitOfGoal } from './goals.ts';
import { campaignView } from './plans.ts';
import type { Known } from './three-valued.ts';
import { floorDivide, hour } from './whole-numbers.ts';

/** Who changed budgets, what became of creatives, and what a campaign is: `e.` and `c.` of docs/semantics.md §8.6. */

/** A creative of which something was said. */
export interface CreativeStory {
  readonly id: string;
  status: string;
  policy: string | null;
  at: number;
  order: number;
  disapprovals: number[];
}

const isBad = (status: string) => status === 'disapproved' || status === 'rejected';

/** `asked` = what the rules that are for the campaign name. */
export function noteWords(campaign: Campaign, event: OracleEvent, order: number, asked: readonly string[]): void {
  const { kind, fields } = event;
  if (kind === 'budget_changed' && asked.some((name) => /^e\.budget_(by|source)$/.test(name))) {
    campaign.budgetWords.push({ order, by: fields.actor === null ? null : short(fields.actor), source: event.source });
    campaign.budgetWords = campaign.budgetWords.slice(-64);
  }
  if (kind !== 'creative_status') return;
  if (!asked.some((name) => /^e\.(creative|disapprovals)/.test(name))) {
    campaign.creatives = [];
    return;
  }
  const id = short(fields.creative_id);
  const status = short(fields.status.toLowerCase());
  const policy = fields.policy_code === null ? null : short(fields.policy_code);
  const at = event.eventTime;
  let story = campaign.creatives.find((each) => each.id === id);
  if (story === undefined) {
    story = { id, status, policy, at, order, disapprovals: [] };
    campaign.creatives.push(story);
  } else if (at >= story.at) Object.assign(story, { status, policy, at, order });
  if (isBad(status)) story.disapprovals = [...story.disapprovals, at].sort((a, b) => a - b).slice(-8);
  if (campaign.creatives.length > 64) campaign.creatives = byAge(campaign.creatives).slice(1);
}

function byAge(creatives: readonly CreativeStory[]): CreativeStory[] {
  return creatives.toSorted((a, b) => a.at - b.at || a.order - b.order);
}

/** The first 64 characters, with what is no character replaced. */
function short(text: string): string {
  return Array.from(Buffer.from(text).toString()).slice(0, 64).join('');
}

/** All that `e.` and `c.` can name but labels. */
export function wordValues(campaign: Campaign, flight: Flight, plan: Plan, a: number): Record<string, Known | null> {
  const { advertiser, labels } = campaignView(plan, campaign.id);
  const { creatives } = campaign;
  const newest = byAge(creatives).at(-1);
  const bad = creatives.filter(({ status }) => isBad(status)).length;
  const recent = creatives.map(({ disapprovals }) => disapprovals.filter((at) => at >= a - 7 * 24 * hour).length);
  return {
    ...Object.fromEntries(Object.entries(labels).map(([label, value]) => [`c.labels.${label}`, value])),
    'c.campaign_id': campaign.id,
    'c.flight_id': flight.id,
    'c.advertiser': advertiser ?? null,
    ...budgetValues(campaign, flight, a),
    'e.creatives': creatives.length,
    'e.creatives_disapproved': bad,
    'e.creatives_disapproved_pct': creatives.length === 0 ? null : Math.floor((10_000 * bad) / creatives.length) / 100,
    'e.creative_status': newest?.status ?? null,
    'e.creative_id': newest?.id ?? null,
    'e.creative_policy': newest?.policy ?? null,
    'e.creative_hours': newest === undefined ? null : Math.max(0, a - newest.at) / hour,
    'e.disapprovals_7d': Math.max(0, ...recent),
  };
}

function budgetValues({ budgetWords }: Campaign, flight: Flight, a: number): Record<string, Known | null> {
  const until = Math.max(a, flight.dates?.s ?? a);
  const later = flight.changes
    .filter((change): change is BudgetChange => change.type === 'budget' && change.effectiveAt <= until)
    .filter((change) => saysSomething(change, flight.settled))
    .sort((x, y) => x.effectiveAt - y.effectiveAt || x.order - y.order);
  const all = [...(flight.settled?.budgets ?? []), ...later];
  const index = all.findLastIndex((change, at) => at > 0 && change.budget !== all[at - 1].budget);
  const names = ['from', 'to', 'change_pct', 'hours', 'by', 'source'].map((name) => `e.budget_${name}`);
  if (index < 0) return Object.fromEntries(names.map((name) => [name, null]));
  const [{ budget: from }, now] = [all[index - 1], all[index]];
  const word = budgetWords.find(({ order }) => order === now.order);
  return {
    'e.budget_from': Number(from) / unitOfGoal(flight.goal),
    'e.budget_to': Number(now.budget) / unitOfGoal(flight.goal),
    'e.budget_change_pct': from === 0n ? null : Number(floorDivide(10_000n * (now.budget - from), from)) / 100,
    'e.budget_hours': (a - now.effectiveAt) / hour,
    'e.budget_by': word?.by ?? null,
    'e.budget_source': word?.source ?? null,
  };
}
