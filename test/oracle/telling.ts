import type { RulePlan } from '../../src/rules/plan.ts';
import { localDay } from './civil-time.ts';

/** What people are told of an alert, from the whole of its history (docs/semantics.md §8.6). */

type Meaning = '' | 'warning' | 'critical' | 'no_data' | 'error';

export interface Word {
  readonly told: Meaning;
  readonly isNews: boolean;
  readonly withheld: string;
}

export interface Hearing {
  readonly t: number;
  readonly zone: string;
  readonly isInhibited: boolean;
  /** critical, warning, false or insufficient. */
  readonly isKnown: boolean;
}

export function meaningOf({ state, level }: { readonly state: string; readonly level: string }): Meaning {
  if (state === 'firing' || state === 'recovering') return level as 'warning' | 'critical';
  return state === 'no_data' || state === 'error' ? state : '';
}

export class Audience {
  #told: Meaning = '';
  #news: { readonly t: number; readonly day: number; readonly meaning: Meaning }[] = [];
  #changed: boolean[] = [];
  #isFlapping = false;

  hear(rule: RulePlan, before: Meaning, after: Meaning, { t, zone, isInhibited, isKnown }: Hearing): Word {
    const { notify, inhibited_by } = rule;
    if (rule.mode === 'shadow') {
      this.#forget();
      return this.#say('', after === '' ? '' : 'shadow');
    }
    if (notify === undefined && inhibited_by === undefined) {
      this.#forget();
      return this.#say(after, '');
    }
    const wasFlapping = this.#isFlapping;
    this.#watch(notify?.flapping ?? null, before !== after, isKnown);
    const why = this.#why(rule, after, wasFlapping, t, zone, isInhibited);
    const word = this.#say(why === '' ? after : this.#told, after === this.#told ? '' : why);
    if (word.isNews && after !== '') this.#news.push({ t, day: localDay(zone, t), meaning: after });
    if (this.#isSettled(rule, after, t, zone)) this.#forget();
    return word;
  }

  /** It is over for good. */
  end(): Word {
    return this.#say('', '');
  }

  #say(told: Meaning, withheld: string): Word {
    const isNews = told !== this.#told;
    this.#told = told;
    return { told, isNews, withheld };
  }

  #why(
    { notify, inhibited_by }: RulePlan,
    after: Meaning,
    wasFlapping: boolean,
    t: number,
    zone: string,
    isInhibited: boolean,
  ): string {
    if (wasFlapping && this.#isFlapping) return 'flapping';
    if (after === '') return '';
    if (isInhibited && inhibited_by !== undefined) return 'inhibited';
    if (notify === undefined) return '';
    const last = this.#news.at(-1);
    const isWorse = after === 'critical' && last?.meaning !== 'critical';
    if (last !== undefined && !isWorse && t < last.t + notify.cool_down_ms) return 'cool_down';
    const before = this.#news.findLastIndex(({ day }) => day !== localDay(zone, t));
    const today = this.#news.length - 1 - before;
    return notify.max_per_day !== null && today >= notify.max_per_day ? 'day_limit' : '';
  }

  #watch(limits: { readonly above: number; readonly below: number } | null, isChange: boolean, isKnown: boolean): void {
    if (limits === null) {
      this.#changed = [];
      this.#isFlapping = false;
    } else if (isKnown) {
      this.#changed = [...this.#changed, isChange].slice(-21);
      const newestFirst = this.#changed.toReversed();
      // In hundredths of what all 21 weigh together.
      const share = newestFirst.reduce((sum, each, age) => sum + (each ? 120 - 2 * age : 0), 0) / 21;
      if (share > limits.above) this.#isFlapping = true;
      if (share < limits.below) this.#isFlapping = false;
    }
  }

  #isSettled({ notify }: RulePlan, after: Meaning, t: number, zone: string): boolean {
    if (after !== '' || this.#told !== '' || this.#isFlapping || this.#changed.includes(true)) return false;
    const last = this.#news.at(-1);
    if (last === undefined || notify === undefined) return true;
    const isOfToday = notify.max_per_day !== null && last.day === localDay(zone, t);
    return t >= last.t + notify.cool_down_ms && !isOfToday;
  }

  #forget(): void {
    this.#news = [];
    this.#changed = [];
    this.#isFlapping = false;
  }
}
