import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import type { Campaign } from './campaign.ts';
import { localDay } from './civil-time.ts';
import type { TimerContext } from './evaluate.ts';
import { pacingAt, placeAt } from './pacing.ts';
import { riskAt } from './risk.ts';
import type { Values } from './three-valued.ts';
import { floorDivide, larger } from './whole-numbers.ts';

/** The flights of a campaign that run, at an instant of their organization's timer. */
export function runningOf({ plan, clock, t, bounds }: TimerContext, campaign: Campaign) {
  return campaign.flights.flatMap((flight) => {
    const { judgedAsOf: last, dates } = flight;
    if (!flight.judgedInFlight || last === null || dates === null) return [];
    const place = placeAt(last, dates.zone, clock, bounds);
    if (place.asOf < clock - bounds.judgedBackMs) return [];
    const pacing = pacingAt(campaign, flight, plan, place, clock);
    return [{ campaign, status: flight.last?.status ?? '', pacing, risk: riskAt(pacing, t) }];
  });
}

/** What campaigns come to together then (docs/semantics.md §8.8), under names that begin with `o.` or `a.`. */
export function togetherValues(context: TimerContext, members: readonly Campaign[], prefix: string): Values {
  const { plan, t } = context;
  const running = members.flatMap((campaign) => runningOf(context, campaign));
  const currencies = new Set(members.map(({ currency }) => currency).filter((each) => each !== ''));
  const sum = (amounts: readonly bigint[]) => amounts.reduce((all, each) => all + each, 0n);
  const isOne = currencies.size <= 1;
  const money = (micros: bigint) => (isOne ? Number(micros) / 1e6 : null);
  const share = (part: bigint, whole: bigint) =>
    isOne && whole > 0n ? Number(floorDivide(10_000n * part, whole)) / 100 : null;
  const having = (...statuses: string[]) => running.filter(({ status }) => statuses.includes(status)).length;
  const expecting = running.filter(({ pacing }) => pacing.expected !== null);
  const [budget, spend] = [
    sum(running.map(({ pacing }) => pacing.budget)),
    sum(running.map((each) => each.pacing.spend)),
  ];
  const expected = sum(expecting.map(({ pacing }) => pacing.expected as bigint));
  const projected = sum(running.map(({ pacing }) => pacing.projected ?? pacing.spend));
  const today = localDay(plan.defaults.zone, t);
  const dayOfMonth = new Date(86_400_000 * today).getUTCDate();
  const spentOn = (first: number, last: number) =>
    money(
      sum(
        members.map((campaign) => {
          const days = [...campaign.days].filter(([date]) => date >= first && date <= last && !campaign.isGone(date));
          return floorDivide(sum(days.map(([, row]) => row.spendNanos)), 1_000n);
        }),
      ),
    );
  const values = {
    'o.members': members.length,
    'o.campaigns': new Set(running.map(({ campaign }) => campaign)).size,
    'o.flights': running.length,
    'o.flights_warming_up': having('warming_up'),
    'o.flights_on_track': having('on_track'),
    'o.flights_behind': having('behind', 'severely_behind'),
    'o.flights_severely_behind': having('severely_behind'),
    'o.flights_ahead': having('ahead'),
    'o.flights_exhausted': having('exhausted'),
    'o.flights_capped': having('capped_today'),
    'o.flights_overspent': having('overspent_after_cut'),
    'o.flights_paused': having('paused'),
    'o.flights_blocked': having('blocked'),
    'o.flights_stale': having('stale_data'),
    'o.currency': currencies.size === 1 ? ([...currencies][0] as string) : null,
    'o.budget': money(budget),
    'o.spend': money(spend),
    'o.expected': money(expected),
    'o.projected': money(projected),
    'o.osi_pct': share(sum(expecting.map(({ pacing }) => larger(pacing.spend, 0n))), expected),
    'o.delivery_pct': share(spend, budget),
    'o.projected_pct': share(projected, budget),
    'o.unseen_spend': money(sum(running.map(({ risk }) => risk.unseen ?? 0n))),
    'o.money_at_risk': money(sum(running.map(({ risk }) => risk.atRisk ?? 0n))),
    'o.spend_today': spentOn(today, today),
    'o.spend_yesterday': spentOn(today - 1, today - 1),
    'o.spend_7d': spentOn(today - 7, today - 1),
    'o.spend_month': spentOn(today - dayOfMonth + 1, today),
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name.slice(1)}`, value]));
}

/** Who has a timer of the organization. */
export function hasOrganizationTimer({ sources, rules, orders }: Plan): boolean {
  const isOfAll = ({ scope }: RulePlan) => scope === 'organization' || scope === 'advertiser';
  return Object.keys(sources).length > 0 || rules.some(isOfAll) || orders !== undefined;
}
