import type { Whole } from '../model/whole.ts';
import type { MoneyAtRisk } from '../pacing/money-at-risk.ts';
import type { RuleValue } from './condition.ts';
import { type OrderPlan, ruleVariables } from './plan.ts';
import { type FlightFacts, flightValues } from './rule-values.ts';

/** How an order stands, for the rules of its scope (docs/semantics.md §8.9). */
interface OrderFacts extends Pick<FlightFacts, 'values' | 'asOf' | 'start' | 'end' | 'zone'> {
  readonly id: string;
  readonly order: Pick<OrderPlan, 'name' | 'advertiser' | 'currency'>;
  /** Members with money in its currency, and those with money in another one. */
  readonly campaigns: number;
  readonly leftOut: number;
  readonly risk: MoneyAtRisk;
}

type OrderName = keyof typeof ruleVariables.order;
const names = Object.keys(ruleVariables.order) as OrderName[];
const flightNames: readonly string[] = Object.keys(ruleVariables.flight);
/** Where each value stands among those of a flight; -1 = it is none of those. */
const ofFlight = names.map((name) => flightNames.indexOf(name));

export function orderValues(facts: OrderFacts): RuleValue[] {
  const { id, order, campaigns, leftOut, risk } = facts;
  const paced = flightValues({ ...facts, dayAllowanceBp: 10_000, monthSpend: null, hasImpressions: false });
  const own: { readonly [Name in Exclude<OrderName, keyof typeof ruleVariables.flight>]: RuleValue } = {
    'g.order_id': id,
    'g.name': order.name ?? null,
    'g.advertiser': order.advertiser ?? null,
    'g.currency': order.currency,
    'g.campaigns': campaigns,
    'g.campaigns_left_out': leftOut,
    'p.unseen_spend': money(risk.unseen),
    'p.money_at_risk': money(risk.atRisk),
  };
  return names.map((name, at) => (ofFlight[at] >= 0 ? paced[ofFlight[at]] : own[name as keyof typeof own]));
}

function money(micros: Whole | null): number | null {
  return micros === null ? null : Number(micros) / 1e6;
}
