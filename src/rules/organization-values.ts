import { floorShare, type Whole } from '../model/whole.ts';
import type { RuleValue } from './condition.ts';
import { ruleVariables } from './plan.ts';

/** What the campaigns of an organization that a rule is for come to together (docs/semantics.md §8.8); money in micros. */
export interface OrganizationFacts {
  /** Empty = none is known; null = there are several, and their money does not add up. */
  readonly currency: string | null;
  readonly campaigns: number;
  readonly flights: number;
  readonly behind: number;
  readonly ahead: number;
  readonly stale: number;
  readonly budget: Whole;
  readonly spend: Whole;
  readonly projected: Whole;
  /** Of flights that have an expectation. */
  readonly expected: Whole;
  readonly spendExpected: Whole;
  readonly unseen: Whole;
  readonly atRisk: Whole;
  readonly today: Whole;
  readonly yesterday: Whole;
  readonly week: Whole;
  readonly month: Whole;
}

type OrganizationName = keyof typeof ruleVariables.organization;
const names = Object.keys(ruleVariables.organization) as OrganizationName[];

export function organizationValues(facts: OrganizationFacts): RuleValue[] {
  const isOne = facts.currency !== null;
  const money = (micros: Whole) => (isOne ? Number(micros) / 1e6 : null);
  const share = (part: Whole, whole: Whole) =>
    isOne && whole > 0 ? Number(floorShare(10_000, part, whole)) / 100 : null;
  const named: Record<OrganizationName, RuleValue> = {
    'o.campaigns': facts.campaigns,
    'o.flights': facts.flights,
    'o.flights_behind': facts.behind,
    'o.flights_ahead': facts.ahead,
    'o.flights_stale': facts.stale,
    'o.currency': facts.currency === '' ? null : facts.currency,
    'o.budget': money(facts.budget),
    'o.spend': money(facts.spend),
    'o.expected': money(facts.expected),
    'o.projected': money(facts.projected),
    'o.osi_pct': share(facts.spendExpected, facts.expected),
    'o.delivery_pct': share(facts.spend, facts.budget),
    'o.projected_pct': share(facts.projected, facts.budget),
    'o.unseen_spend': money(facts.unseen),
    'o.money_at_risk': money(facts.atRisk),
    'o.spend_today': money(facts.today),
    'o.spend_yesterday': money(facts.yesterday),
    'o.spend_7d': money(facts.week),
    'o.spend_month': money(facts.month),
  };
  return names.map((each) => named[each]);
}
