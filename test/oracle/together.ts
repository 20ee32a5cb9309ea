import type { RulePlan } from '../../src/rules/plan.ts';
import type { Campaign } from './campaign.ts';
import { localDay, startOfDay } from './civil-time.ts';
import type { TimerContext } from './evaluate.ts';
import { type Completeness, completenessOf } from './pacing.ts';
import { campaignView, requiredSources } from './plans.ts';
import type { Known } from './three-valued.ts';
import { floorDivide, floorTo, hour, quarter } from './whole-numbers.ts';
import { columnOf, delivery, isWindow, namesNamed, pattern, ratios, unitOf } from './windows.ts';

/** Windows over campaigns together, and how far these are complete (docs/semantics.md §8.8). */

/** Of the sources of those that `runs`; of all, where none does. */
export function completeTogether(
  context: TimerContext,
  members: readonly Campaign[],
  runs: (campaign: Campaign) => boolean,
): Completeness {
  const { plan, t, clock, frontierOf, bounds } = context;
  const running = members.filter(runs);
  const asked = running.length > 0 ? running : members;
  const sources = [...new Set(asked.flatMap(({ id }) => requiredSources(plan, id)))].sort();
  return completenessOf(plan, sources, t, clock, frontierOf, plan.defaults.zone, bounds);
}

/** Names of windows that rules about campaigns together may ask for. */
export function windowsNamed(rule: RulePlan): string[] {
  return namesNamed(rule).filter((name) => name.startsWith('m.') && isWindow(name) && !name.endsWith('_flight'));
}

export function windowsTogether(
  { plan }: TimerContext,
  members: readonly Campaign[],
  { asOf: a, daily, stale }: Completeness,
  rule: RulePlan,
): Record<string, Known | null> {
  const { zone } = plan.defaults;
  const expectsDelivery = members.some(({ id }) => {
    const { delivery_source, spend } = campaignView(plan, id);
    return delivery_source !== null || spend.from === 'impressions';
  });
  const currencies = new Set(members.map(({ currency }) => currency).filter((each) => each !== ''));
  const ofDays = (campaign: Campaign, counter: string, first: number, last: number) => {
    let sum = 0n;
    for (let date = first; date <= last; date++) {
      const row = campaign.isGone(date) ? undefined : campaign.days.get(date);
      if (row !== undefined) sum += columnOf(row, counter);
    }
    return counter === 'spend' || counter === 'adjustments' ? floorDivide(sum, 1_000n) : sum;
  };
  const fine = (campaign: Campaign, counter: string, from: number) =>
    counter === 'spend' ? floorDivide(campaign.spend.sum(from, a), 1_000n) : campaign.impressions.sum(from, a);
  const ofOne = (campaign: Campaign, counter: string, window: string): bigint => {
    const count = Number.parseInt(window, 10);
    const lastDay = localDay(zone, a) - 1;
    if (window.endsWith('d')) return ofDays(campaign, counter, lastDay - count + 1, lastDay);
    if (window.endsWith('h')) return fine(campaign, counter, floorTo(a - count * hour, quarter));
    const today = localDay(zone, a - 1);
    return daily ? ofDays(campaign, counter, today, today) : fine(campaign, counter, startOfDay(zone, today));
  };
  const sumOf = (counter: string, window: string): bigint | null => {
    if (stale || (window.endsWith('h') && daily)) return null;
    if (/^(spend|adjustments|revenue)/.test(counter) && currencies.size > 1) return null;
    const sum = members.reduce((all, each) => all + ofOne(each, counter, window), 0n);
    return delivery.has(counter) && !expectsDelivery && sum === 0n ? null : sum;
  };
  const measure = (name: string, window: string): bigint | null => {
    if (!(name in ratios)) return sumOf(name, window);
    const [of, by, factor] = ratios[name];
    const [part, ...whole] = [of, ...by].map((counter) => sumOf(counter, window));
    if (part === null || whole.includes(null)) return null;
    const divisor = (whole as bigint[]).reduce((all, each) => all + each, 0n);
    return divisor <= 0n ? null : floorDivide(part * factor, divisor);
  };
  return Object.fromEntries(
    windowsNamed(rule).map((name) => {
      const [, , what, window] = pattern.exec(name) as RegExpExecArray;
      const value = measure(what, window);
      return [name, value === null ? null : Number(value) / unitOf(what)];
    }),
  );
}
