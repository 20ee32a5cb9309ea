import type { Plan } from '../../src/rules/plan.ts';
import type { Campaign } from './campaign.ts';
import { isMedia } from './check.ts';
import type { OracleEvent } from './events.ts';

/** Who may say a currency; a later one of these has the last word over those before it. */
export const saidBy = { nobody: 0, conversion: 1, media: 2, plan: 3, budget: 4 } as const;

/**
 * The currency of a campaign is what its first budget says; before that what the plan says; while
 * neither says one, that of its first media money; before that, of its first conversion (§2.9). False
 * when the record's money is in another one: conversions may be.
 */
export function hasCurrencyFor(campaign: Campaign, event: OracleEvent, plan: Plan, offset: number): boolean {
  const own = Object.hasOwn(plan.campaigns, campaign.id) ? plan.campaigns[campaign.id].currency : undefined;
  const planned = own ?? plan.defaults.currency;
  const say = (who: number, currency: string) => {
    if (campaign.currencySaidBy >= who && !(who === saidBy.plan && campaign.currencySaidBy === who)) return;
    campaign.currencySaidBy = who;
    name(campaign, currency, plan, offset);
  };
  if (planned !== undefined) say(saidBy.plan, planned);
  const { currency } = event.fields;
  if (event.kind === 'budget_changed') say(saidBy.budget, currency);
  else if (event.kind === 'conversion' || (currency !== '' && !isMedia(event))) say(saidBy.conversion, currency);
  else if (isMedia(event)) say(saidBy.media, currency);
  return event.kind === 'budget_changed' || isMedia(event) ? campaign.currency === currency : true;
}

/**
 * Media money booked in another currency by then is taken out again; what was counted beside it stays.
 * Revenue is kept by currency, and all rows show that of the new one. (Without a currency there was no
 * money of any kind.)
 */
function name(campaign: Campaign, currency: string, plan: Plan, offset: number): void {
  const before = campaign.currency;
  if (before === currency) return;
  campaign.currency = currency;
  if (before === '') return;
  for (const [date, row] of campaign.days) {
    // Rows of a life that was forgotten stay what they are.
    if (campaign.isGone(date)) continue;
    if (
      ['revenue_by_touch_micros', 'revenue_by_conversion_micros'].some(
        (name) => (row.counts.get(`${name}|${before}`) ?? 0n) !== 0n,
      )
    )
      row.others.add(before);
    row.currency = currency;
    row.planNumber = plan.number;
    row.offset = offset;
    row.spendNanos = 0n;
    row.adjustmentNanos = 0n;
  }
  campaign.provisional = campaign.provisional.filter(({ column }) => column !== 'spend');
  campaign.forgetMoney();
  for (const flight of campaign.flights) flight.spend.total = 0n;
}
