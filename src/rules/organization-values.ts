import { floorShare, type Whole } from '../model/whole.ts';
import type { PacingStatus } from '../pacing/pacing.ts';
import type { RuleValue } from './condition.ts';
import { type TogetherName, togetherNames } from './plan.ts';

/** What the campaigns that a rule is for come to together (docs/semantics.md §8.8); money in micros. */
export interface OrganizationFacts {
  /** Empty = none is known; null = there are several, and their money does not add up. */
  readonly currency: string | null;
  readonly members: number;
  readonly campaigns: number;
  readonly flights: number;
  /** Of these, by the status of their last evaluation. */
  readonly statuses: ReadonlyMap<PacingStatus, number>;
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

export function organizationValues(facts: OrganizationFacts): RuleValue[] {
  const isOne = facts.currency !== null;
  const money = (micros: Whole) => (isOne ? Number(micros) / 1e6 : null);
  const share = (part: Whole, whole: Whole) =>
    isOne && whole > 0 ? Number(floorShare(10_000, part, whole)) / 100 : null;
  const having = (...all: PacingStatus[]) => all.reduce((sum, each) => sum + (facts.statuses.get(each) ?? 0), 0);
  const named: Record<TogetherName, RuleValue> = {
    members: facts.members,
    campaigns: facts.campaigns,
    flights: facts.flights,
    flights_warming_up: having('warming_up'),
    flights_on_track: having('on_track'),
    flights_behind: having('behind', 'severely_behind'),
    flights_severely_behind: having('severely_behind'),
    flights_ahead: having('ahead'),
    flights_exhausted: having('exhausted'),
    flights_capped: having('capped_today'),
    flights_overspent: having('overspent_after_cut'),
    flights_paused: having('paused'),
    flights_blocked: having('blocked'),
    flights_stale: having('stale_data'),
    currency: facts.currency === '' ? null : facts.currency,
    budget: money(facts.budget),
    spend: money(facts.spend),
    expected: money(facts.expected),
    projected: money(facts.projected),
    osi_pct: share(facts.spendExpected, facts.expected),
    delivery_pct: share(facts.spend, facts.budget),
    projected_pct: share(facts.projected, facts.budget),
    unseen_spend: money(facts.unseen),
    money_at_risk: money(facts.atRisk),
    spend_today: money(facts.today),
    spend_yesterday: money(facts.yesterday),
    spend_7d: money(facts.week),
    spend_month: money(facts.month),
  };
  return togetherNames.map((each) => named[each]);
}

/** The same of the campaigns of one advertiser, which stands before them. */
export function advertiserValues(advertiser: string, facts: OrganizationFacts): RuleValue[] {
  return [advertiser, ...organizationValues(facts)];
}
