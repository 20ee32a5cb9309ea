import type { RulePlan } from '../../src/rules/plan.ts';
import { offsetAt } from './civil-time.ts';
import { day, floorTo, minute } from './whole-numbers.ts';

/** Hours of a rule, looked at minute by minute (docs/semantics.md §8.1). */

type Hours = NonNullable<RulePlan['schedule']>;

/** Whether what lies just before the instant is in the rule's hours. */
export function isInHours({ schedule }: RulePlan, zone: string, instant: number): boolean {
  return schedule === undefined || isActive(schedule, zone, instant - 1);
}

/** Whether [from, to) has `enough` ms that count: all, or for a rule that holds outside of its hours those inside. */
export function hasPassed({ schedule }: RulePlan, zone: string, from: number, to: number, enough: number): boolean {
  if (schedule?.outside !== 'hold') return to - from >= enough;
  let counted = 0;
  for (let at = from; at < to && counted < enough; ) {
    const next = Math.min(to, floorTo(at, minute) + minute);
    if (isActive(schedule, zone, at)) counted += next - at;
    at = next;
  }
  return counted >= enough;
}

/** The same rule outside of its hours, where it has no critical level and the warning is what either was. */
export function downgraded(rule: RulePlan): RulePlan {
  const { warning, critical } = rule;
  if (warning === null || critical === null) throw new Error(`rule ${rule.id} has both levels`);
  return {
    ...rule,
    warning: { ...warning, when: `(${critical.when}) || (${warning.when})` },
    critical: { ...critical, when: 'false' },
  };
}

function isActive({ active, zone: own }: Hours, zone: string, at: number): boolean {
  const local = at + offsetAt(own ?? zone, at);
  const date = Math.floor(local / day);
  const weekday = ((((date + 3) % 7) + 7) % 7) + 1;
  const minuteOfDay = Math.floor((local - date * day) / minute);
  return active.some(({ days, from, to }) => days.includes(weekday) && from <= minuteOfDay && minuteOfDay < to);
}
