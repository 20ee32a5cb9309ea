import { dayMs, dayOfMonth, floorTo, hourMs, minuteMs, quarterMs } from '../../../model/time.ts';
import { findZone, type Zone } from '../../../model/zones.ts';
import { dayOf, isMember } from '../../../rules/order.ts';
import type { Plan, RulePlan } from '../../../rules/plan.ts';
import { isForCampaign } from '../../../rules/rule-scope.ts';
import { windowValueOf } from '../../../rules/window-values.ts';
import type { PastRecord } from '../../ports.ts';
import { type FlightSpan, recordsOf, type ValueWindow, windowsOfFlight } from './windows.ts';

/** What a rule about campaigns together was computed from: which campaigns, and over which spans of event time. */
export interface Together {
  readonly zone: Zone;
  windowsOf(name: string): ValueWindow[];
  /** Whether a record is of one of the campaigns. */
  counts(record: PastRecord): boolean;
}

interface Moment {
  readonly asOfMs: number;
  readonly atMs: number;
  /** Least of the sources; null = none is named. */
  readonly completeMs: number | null;
}

/** An order of the plan; null = it has none of that id. */
export function orderTogether({ orders = {}, campaigns }: Plan, orderId: string, moment: Moment): Together | null {
  if (!Object.hasOwn(orders, orderId)) return null;
  const order = orders[orderId];
  const zone = findZone(order.zone) as Zone;
  const startMs = zone.dayStart(dayOf(order.start));
  const span: FlightSpan = { startMs, endMs: zone.dayStart(dayOf(order.end) + 1), zone };
  return {
    zone,
    windowsOf: (name) => windowsOfFlight(name, span, moment),
    counts: (record) => {
      const { campaign_id, currency = '' } = record.fields ?? {};
      const id = String(campaign_id);
      const isOne = currency === '' || currency === null || currency === order.currency;
      return isOne && isMember(order, id, Object.hasOwn(campaigns, id) ? campaigns[id] : {});
    },
  };
}

/** The campaigns that a rule of scope advertiser (its id) or organization (empty) is for. */
export function campaignsTogether(
  { campaigns, defaults }: Plan,
  rule: RulePlan,
  advertiser: string,
  moment: Moment,
): Together {
  const zone = findZone(defaults.zone) as Zone;
  return {
    zone,
    windowsOf: (name) => windowsOfCampaigns(name, zone, moment),
    counts: ({ fields }) => {
      const id = String(fields?.campaign_id);
      const own = Object.hasOwn(campaigns, id) ? campaigns[id] : {};
      return isForCampaign(rule, id, own) && (advertiser === '' || own.advertiser === advertiser);
    },
  };
}

/** docs/semantics.md §8.8. What flights come to hangs on each flight's own dates, and names no window. */
function windowsOfCampaigns(name: string, zone: Zone, { atMs, completeMs }: Moment): ValueWindow[] {
  const today = zone.localDay(atMs);
  const days = (first: number, last: number): ValueWindow[] => [
    { fromMs: zone.dayStart(first), toMs: zone.dayStart(last + 1), of: 'spend' },
  ];
  switch (name.slice(2)) {
    case 'spend_today':
      return days(today, today);
    case 'spend_yesterday':
      return days(today - 1, today - 1);
    case 'spend_7d':
      return days(today - 7, today - 1);
    case 'spend_month':
      return days(today - dayOfMonth(today) + 1, today);
    default:
      return completeMs === null ? [] : askedWindows(name, zone, completeMs, atMs);
  }
}

/** Further back than this campaigns are judged by whole days (docs/semantics.md §7.1). */
const finestBackMs = 46 * hourMs;
const minutesBackMs = 170 * minuteMs;

function askedWindows(name: string, zone: Zone, completeMs: number, atMs: number): ValueWindow[] {
  const value = windowValueOf(name);
  if (value?.kind !== 'window') return [];
  const isByDays = floorTo(completeMs, quarterMs) < floorTo(atMs, quarterMs) - finestBackMs;
  const fine = floorTo(completeMs, completeMs > atMs - minutesBackMs ? minuteMs : quarterMs);
  const until = isByDays ? zone.dayStart(zone.localDay(completeMs)) : fine;
  const { window, measure } = value;
  const last = zone.localDay(until) - 1;
  const span = () => {
    if (window.of === 'days') return { fromMs: zone.dayStart(last - window.count + 1), toMs: zone.dayStart(last + 1) };
    if (window.of === 'hours') return { fromMs: floorTo(until - window.count * hourMs, quarterMs), toMs: until };
    return { fromMs: zone.dayStart(zone.localDay(until - 1)), toMs: until };
  };
  const { fromMs, toMs } = span();
  if (toMs <= fromMs || toMs - fromMs > 40 * dayMs) return [];
  return [...new Set(measure.counters.map(recordsOf))].map((of) => ({ fromMs, toMs, of }));
}
