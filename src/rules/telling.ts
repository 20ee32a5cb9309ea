import type { Zone } from '../model/zones.ts';
import type { AlertLevel, AlertState } from './alert-state.ts';
import type { RulePlan } from './plan.ts';

/**
 * What people are told of an alert (docs/semantics.md §8.6), which is not always what it is: its rule may bound how
 * often they are told, another alert may say it better, and one that comes and goes is said once. Pure.
 */

/** What an alert means to people; '' = nobody needs to act. */
export type Meaning = '' | 'warning' | 'critical' | 'no_data' | 'error';
/** Why people are not told what an alert means now; '' = they are, or know it. */
type Withheld = '' | 'shadow' | 'flapping' | 'inhibited' | 'cool_down' | 'day_limit';

/** Kept of alerts whose rule bounds what people are told; of all others they are told what is. */
export interface Telling {
  told: Meaning;
  /** Timer instant and meaning of the last news that was no end. */
  lastAt: number | null;
  last: Meaning;
  /** The day of `lastAt`, and how much news it had. */
  day: number;
  count: number;
  /** Judgements that changed the meaning, of the last 21, as bits; the newest is the lowest. */
  changes: number;
  isFlapping: boolean;
}

interface TellingMoment {
  /** Timer instant. */
  readonly t: number;
  readonly zone: Zone;
  readonly isInhibited: boolean;
  /** What the alert meant before this judgement. */
  readonly before: Meaning;
  /** The judgement says something of flapping: its outcome is known. */
  readonly isCounted: boolean;
}

export interface Told {
  readonly told: Meaning;
  /** Something else is told than before. */
  readonly isNews: boolean;
  readonly withheld: Withheld;
}

export function meaningOf({ state, level }: { readonly state: string; readonly level: AlertLevel }): Meaning {
  if (state === 'no_data' || state === 'error') return state;
  if (state !== 'firing' && state !== 'recovering') return '';
  return level === 'critical' ? 'critical' : 'warning';
}

/** Whether people are told all that its alerts mean, at once: nothing need be kept for it. */
export function isToldPlainly(rule: RulePlan): boolean {
  return rule.mode === 'notify' && !boundsTelling(rule);
}

function boundsTelling({ notify, inhibited_by }: RulePlan): boolean {
  return notify !== undefined || inhibited_by !== undefined;
}

/** What is told after a judgement of an alert; keeps in it what later ones depend on. */
export function tell(alert: AlertState, rule: RulePlan, moment: TellingMoment): Told {
  const meaning = meaningOf(alert);
  const { before } = moment;
  if (rule.mode === 'shadow') {
    const believed = alert.telling?.told ?? before;
    alert.telling = meaning === '' ? null : freshTelling('');
    return { told: '', isNews: believed !== '', withheld: meaning === '' ? '' : 'shadow' };
  }
  if (alert.telling === null && !boundsTelling(rule))
    return { told: meaning, isNews: meaning !== before, withheld: '' };
  alert.telling ??= freshTelling(before);
  const { telling } = alert;
  const wasFlapping = telling.isFlapping;
  countChange(telling, rule, meaning !== before, moment.isCounted);
  const withheld = meaning === telling.told ? '' : whyNot(telling, rule, meaning, wasFlapping, moment);
  const isNews = meaning !== telling.told && withheld === '';
  if (isNews) noteNews(telling, meaning, moment);
  const { told } = telling;
  if (isSpent(telling, rule, meaning, moment)) alert.telling = null;
  return { told, isNews, withheld };
}

/** What people are told when an alert ends for good: whatever they believe of it, it is over. */
export function tellEnd({ telling }: AlertState, before: Meaning): Told {
  return { told: '', isNews: (telling?.told ?? before) !== '', withheld: '' };
}

function freshTelling(told: Meaning): Telling {
  return { told, lastAt: null, last: '', day: 0, count: 0, changes: 0, isFlapping: false };
}

function whyNot(
  telling: Telling,
  { notify, inhibited_by }: RulePlan,
  meaning: Meaning,
  wasFlapping: boolean,
  { t, zone, isInhibited }: TellingMoment,
): Withheld {
  // What begins to flap is told once more; then nothing is until it settles.
  if (telling.isFlapping && wasFlapping) return 'flapping';
  if (meaning === '') return '';
  if (inhibited_by !== undefined && isInhibited) return 'inhibited';
  if (notify === undefined || telling.lastAt === null) return '';
  const isWorse = meaning === 'critical' && telling.last !== 'critical';
  if (!isWorse && t - telling.lastAt < notify.cool_down_ms) return 'cool_down';
  const isFull = notify.max_per_day !== null && zone.localDay(t) === telling.day && telling.count >= notify.max_per_day;
  return isFull ? 'day_limit' : '';
}

function noteNews(telling: Telling, meaning: Meaning, { t, zone }: TellingMoment): void {
  telling.told = meaning;
  if (meaning === '') return;
  const day = zone.localDay(t);
  telling.count = telling.lastAt !== null && telling.day === day ? telling.count + 1 : 1;
  telling.day = day;
  telling.lastAt = t;
  telling.last = meaning;
}

const flapBits = 21;
/** The newest judgement weighs 1.2 and the oldest 0.8, as in Nagios; in hundredths. */
const oldestWeight = 80;

function countChange(telling: Telling, { notify }: RulePlan, isChange: boolean, isCounted: boolean): void {
  const flapping = notify?.flapping ?? null;
  if (flapping === null) {
    telling.changes = 0;
    telling.isFlapping = false;
    return;
  }
  if (!isCounted) return;
  telling.changes = ((telling.changes << 1) | (isChange ? 1 : 0)) & ((1 << flapBits) - 1);
  let weight = 0;
  for (let age = 0; age < flapBits; age++)
    if ((telling.changes & (1 << age)) !== 0) weight += oldestWeight + 2 * (flapBits - 1 - age);
  // All of them weigh 2 100: a percent is 21.
  if (weight > flapBits * flapping.above) telling.isFlapping = true;
  else if (weight < flapBits * flapping.below) telling.isFlapping = false;
}

/** Nothing that comes depends on it any more. */
function isSpent(telling: Telling, rule: RulePlan, meaning: Meaning, { t, zone }: TellingMoment): boolean {
  const { told, lastAt, changes, isFlapping, day } = telling;
  if (!boundsTelling(rule)) return told === meaning;
  if (meaning !== '' || told !== '' || changes !== 0 || isFlapping) return false;
  const { notify } = rule;
  if (lastAt === null || notify === undefined) return true;
  return t - lastAt >= notify.cool_down_ms && (notify.max_per_day === null || zone.localDay(t) !== day);
}
