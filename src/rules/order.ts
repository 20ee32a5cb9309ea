import { z } from 'zod';
import { pacingModes } from '../events/event-batch.ts';
import { dayText } from '../model/day-text.ts';
import { dayMs } from '../model/time.ts';
import { currencyCode, planId, zoneName } from './plan-words.ts';
import { fitsAny, isForCampaign, memberScope, type RuleScope } from './rule-scope.ts';

/** An order: several campaigns under one budget and dates, as an advertiser signs it (docs/semantics.md §8.9). */

/** As long as a flight may be. */
const orderDaysMax = 1_100;
/** Each is summed up over its members' days, again and again. */
export const ordersPerPlanMax = 100;

const date = z.string().refine(isDate, 'must be a date between 2000 and 2100, such as 2026-03-31');

const orderFields = {
  name: z.string().min(1).max(200).optional(),
  /** Whose it is: rules may be for all of an advertiser. */
  advertiser: planId.optional(),
  /** Members in another one have no part in it. */
  currency: currencyCode,
  /** First and last local day, both inclusive. */
  start: date,
  end: date,
  mode: z.enum(pacingModes),
  /** Profile of TRAFFIC, daypart of DAYPARTED; absent = that of the organization. */
  curve: planId.optional(),
} as const;

export const orderSchema = z
  .strictObject({
    ...orderFields,
    budget_micros: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
    zone: zoneName,
    /** Campaigns that have all of it. */
    members: z.strictObject(memberScope),
  })
  .superRefine(checkDates);

/** What files and plans say in the same words. */
export const orderWords = { ...orderFields, zone: zoneName.optional() } as const;

type Dated = { readonly start: string; readonly end: string };

export function checkDates({ start, end }: Dated, context: z.RefinementCtx): void {
  const days = dayOf(end) - dayOf(start) + 1;
  const say = (message: string) => context.addIssue({ code: 'custom', path: ['end'], message });
  if (days < 1) say(`must not lie before its start, ${start}`);
  else if (days > orderDaysMax) say(`makes it ${days} days long, more than ${orderDaysMax}`);
}

/** Days since 1970-01-01 of a date as orders say it; NaN when the calendar has no such day. */
export function dayOf(text: string): number {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return Number.NaN;
  const ms = Date.parse(`${text}T00:00:00Z`);
  // February has no 30th, which some would read as the 2nd of March.
  return Number.isNaN(ms) || dayText(ms / dayMs) !== text ? Number.NaN : ms / dayMs;
}

/** As far as flights may lie. */
function isDate(text: string): boolean {
  const day = dayOf(text);
  return day * dayMs >= Date.UTC(2000, 0, 1) && day * dayMs <= Date.UTC(2100, 0, 1);
}

export function isMember(
  { members }: { readonly members: RuleScope },
  campaignId: string,
  own: Parameters<typeof isForCampaign>[2],
): boolean {
  return isForCampaign(members, campaignId, own);
}

interface OrderScope {
  readonly orders?: readonly string[] | undefined;
  readonly advertisers?: readonly string[] | undefined;
  readonly exclude?:
    | { readonly orders?: readonly string[] | undefined; readonly advertisers?: readonly string[] | undefined }
    | undefined;
}

/** Whether a rule of scope order is for the order: by its id, and by whose it is. */
export function isForOrder(
  rule: OrderScope,
  id: string,
  { advertiser }: { readonly advertiser?: string | undefined },
): boolean {
  const { orders, advertisers, exclude = {} } = rule;
  const isOf = (wanted: readonly string[]) => advertiser !== undefined && fitsAny(wanted, advertiser);
  if (orders !== undefined && !fitsAny(orders, id)) return false;
  if (advertisers !== undefined && !isOf(advertisers)) return false;
  return !(exclude.orders !== undefined && fitsAny(exclude.orders, id)) && !isOf(exclude.advertisers ?? []);
}
