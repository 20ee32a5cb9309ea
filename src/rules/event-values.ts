import { hourMs } from '../model/time.ts';
import { floorShare, minus } from '../model/whole.ts';

/**
 * Values of what was decided about a campaign and a flight, and of what they are: `e.` and `c.` (docs/semantics.md §8.6).
 * Declared here once: conditions, docs/rules.md and what is worked out go by it. Pure.
 */
type Declared = readonly [type: 'double' | 'string', meaning: string, absentFor: string];

const noChange = 'flights whose budget never changed';
const noCreative = 'campaigns of whose creatives nothing was said since a rule asks';

export const eventValues = {
  'e.budget_from': [
    'double',
    'Budget before it was changed last, currency units; of a goal that is no money, what was to be reached.',
    noChange,
  ],
  'e.budget_to': ['double', 'Budget since then, currency units.', noChange],
  'e.budget_change_pct': ['double', 'The change over the budget before, %.', `${noChange}; a budget of 0 before`],
  'e.budget_hours': ['double', 'Hours since it took effect.', noChange],
  'e.budget_by': [
    'string',
    '`actor` of the budget_changed, its first 64 characters.',
    `${noChange}; where nobody is named; changes that came while no rule asked for it`,
  ],
  'e.budget_source': [
    'string',
    '`source` of the budget_changed.',
    `${noChange}; changes that came while no rule asked for it`,
  ],
  'e.creatives': ['double', 'Creatives of which a status is known, 64 at most.', '–'],
  'e.creatives_disapproved': ['double', 'Those whose newest status is disapproved or rejected.', '–'],
  'e.creatives_disapproved_pct': ['double', 'These over those, %.', noCreative],
  'e.creative_status': ['string', 'The newest status of any creative, in lower case.', noCreative],
  'e.creative_id': ['string', 'Whose status that is.', noCreative],
  'e.creative_policy': ['string', 'The policy that it violates.', `${noCreative}; where none is named`],
  'e.creative_hours': ['double', 'Hours since then.', noCreative],
  'e.disapprovals_7d': [
    'double',
    'How often the creative that was disapproved the most was in the last seven days, 8 at most.',
    '–',
  ],
} as const satisfies Record<string, Declared>;
export type EventName = keyof typeof eventValues;

export const campaignWords = {
  'c.campaign_id': ['string', 'The campaign.', '–'],
  'c.flight_id': ['string', 'The flight; not in rules of scope `campaign`.', '–'],
  'c.advertiser': ['string', 'Its advertiser in the plan.', 'campaigns without one'],
} as const satisfies Record<string, Declared>;
export type CampaignWord = keyof typeof campaignWords;

/** A change of a flight's budget that gave it another one. */
export interface BudgetStep {
  readonly at: number;
  /** What one unit is in the whole numbers of both: micros of money. */
  readonly scale: number;
  readonly from: number;
  readonly to: number;
  /** Null = nobody was named, or it came while no rule asked. */
  readonly by: string | null;
  readonly source: string | null;
}

export interface CreativeWord {
  readonly id: string;
  /** In lower case. */
  readonly status: string;
  readonly policy: string | null;
  readonly at: number;
}

/** What was said of a campaign's creatives. */
export interface CreativeFacts {
  readonly known: number;
  readonly disapproved: number;
  readonly newest: CreativeWord | null;
  /** The most disapprovals that one creative had from an instant on. */
  mostSince(instant: number): number;
}

interface EventFacts {
  readonly asOf: number;
  /** Null = the budget never changed. */
  budget(): BudgetStep | null;
  creatives(): CreativeFacts;
}

/** Statuses that mean that a creative must not run, in lower case. */
export const disapprovedStatuses: ReadonlySet<string> = new Set(['disapproved', 'rejected']);
const recentMs = 7 * 24 * hourMs;

export function eventValue(name: EventName, facts: EventFacts): number | string | null {
  if (isOfBudget(name)) {
    const step = facts.budget();
    return step === null ? null : ofBudget(name, step, facts.asOf);
  }
  return ofCreatives(name, facts.creatives(), facts.asOf);
}

type BudgetName = EventName & `e.budget_${string}`;

function isOfBudget(name: EventName): name is BudgetName {
  return name.startsWith('e.budget_');
}

function ofBudget(
  name: BudgetName,
  { at, scale, from, to, by, source }: BudgetStep,
  asOf: number,
): number | string | null {
  switch (name) {
    case 'e.budget_from':
      return from / scale;
    case 'e.budget_to':
      return to / scale;
    case 'e.budget_change_pct':
      return from === 0 ? null : Number(floorShare(10_000, minus(to, from), from)) / 100;
    case 'e.budget_hours':
      return (asOf - at) / hourMs;
    case 'e.budget_by':
      return by;
    case 'e.budget_source':
      return source;
  }
}

function ofCreatives(
  name: Exclude<EventName, BudgetName>,
  { known, disapproved, newest, mostSince }: CreativeFacts,
  asOf: number,
): number | string | null {
  switch (name) {
    case 'e.creatives':
      return known;
    case 'e.creatives_disapproved':
      return disapproved;
    case 'e.creatives_disapproved_pct':
      return known === 0 ? null : Number(floorShare(10_000, disapproved, known)) / 100;
    case 'e.creative_status':
      return newest?.status ?? null;
    case 'e.creative_id':
      return newest?.id ?? null;
    case 'e.creative_policy':
      return newest?.policy ?? null;
    case 'e.creative_hours':
      return newest === null ? null : Math.max(0, asOf - newest.at) / hourMs;
    case 'e.disapprovals_7d':
      return mostSince(asOf - recentMs);
  }
}

/** Whether the value is of what is remembered of creatives. */
export function asksForCreatives(name: EventName): boolean {
  return !isOfBudget(name);
}

/** Whether it is of what is remembered of those who change budgets. */
export function asksWhoseBudget(name: EventName): boolean {
  return name === 'e.budget_by' || name === 'e.budget_source';
}
