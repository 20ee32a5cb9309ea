import type { LevelPlan, RulePlan } from '../../src/rules/plan.ts';
import { downgraded, hasPassed, isInHours } from './hours.ts';
import { type MaybeValues, type Outcome, outcomeOf, type Truth, truthOf } from './rule-values.ts';
import { Audience, type Word } from './telling.ts';
import type { Values } from './three-valued.ts';

export type State = 'ok' | 'pending' | 'firing' | 'recovering' | 'no_data' | 'error';
export type Level = 'none' | 'warning' | 'critical';

/** A step of an alert. `to` may be `resolved`, which leaves the alert ok. */
export interface Step {
  readonly from: State;
  readonly to: State | 'resolved';
  readonly level: Level;
  readonly reason: string;
  readonly condition: string;
  readonly activeSince: number | null;
}

export interface Moment {
  readonly t: number;
  /** as_of. */
  readonly x: number;
  /** Of what is judged. */
  readonly zone: string;
  /** A source that nobody heard of is not missed before it would be stale. */
  readonly patienceMs: number;
  /** What the values were at moments since `last` that were left out, oldest first; of a flight. */
  readonly missedSince?: ((last: number) => readonly { readonly x: number; readonly values: Values }[]) | undefined;
}

/** The state of one (organization, rule, campaign, flight, source); §8.4. */
export class Alert {
  readonly hash: string;
  state: State = 'ok';
  level: Level = 'none';
  w: number | null = null;
  c: number | null = null;
  k: number | null = null;
  last: number | null = null;
  u: number | null = null;
  /** t of the last evaluation row of a source rule. */
  rowAt: number | null = null;
  readonly audience = new Audience();
  /** Conditions are told as they were written. */
  #written!: RulePlan;

  constructor(hash: string) {
    this.hash = hash;
  }

  /** Ends the alert because its rule or its flight went away; null when there was nothing to end, nor to tell. */
  end(reason: string): { step: Step; word: Word } | null {
    const word = this.audience.end();
    const from = this.state;
    if (from === 'ok' && !word.isNews) return null;
    const to = from === 'pending' ? 'ok' : 'resolved';
    return { step: { from, to, level: 'none', reason, condition: '', activeSince: null }, word };
  }

  /** What was withheld is told now, where the alert stays what it is. */
  announced(): Step {
    const { state, level } = this;
    const activeSince = level === 'critical' ? this.c : level === 'warning' ? this.w : null;
    return {
      from: state,
      to: state === 'ok' ? 'resolved' : state,
      level,
      reason: 'announced',
      condition: '',
      activeSince,
    };
  }

  judge(rule: RulePlan, outcome: Outcome, values: MaybeValues, moment: Moment): Step | null {
    this.#written = rule;
    if (outcome === 'outside')
      return rule.schedule?.outside === 'drop' ? this.#insufficient('schedule', '', moment) : null;
    const isLess = isLessened(rule, values, moment);
    if (outcome === 'insufficient') return this.#insufficient('guard', rule.guard ?? '', moment);
    if (outcome === 'unknown') return this.#unknown(rule, isLess, moment);
    if (outcome === 'error') return this.#error(rule);
    return this.#known(rule, isLess, values as Values, moment);
  }

  #known(written: RulePlan, isLess: boolean, values: Values, { x, zone, missedSince }: Moment): Step | null {
    if (this.last !== null && (this.w !== null || this.c !== null))
      for (const missed of missedSince?.(this.last) ?? []) this.#pass(written, missed.values, missed.x, zone);
    const rule = isLess ? downgraded(written) : written;
    const isC = holds(rule, rule.critical?.when, values);
    const isW = holds(rule, rule.warning?.when, values);
    this.#remember(rule, isC, isW, x);
    const mature = this.#mature(rule, isC, isW, x, zone);
    if (this.state === 'firing' && this.level === 'critical' && isLess)
      return this.#go('firing', 'warning', 'schedule', '');
    if (this.state === 'firing') return this.#whileFiring(rule, values, isC, isW, mature, x);
    if (this.state === 'recovering') return this.#whileRecovering(rule, isC, isW, x, zone);
    const held: Level = this.c !== null ? 'critical' : this.w !== null ? 'warning' : 'none';
    if (mature !== 'none') return this.#go('firing', mature, 'condition', whenOf(this.#written, mature));
    if (this.state === 'pending') {
      if (held === 'none') return this.#go('ok', 'none', 'condition', '');
      this.level = held;
      return null;
    }
    if (held !== 'none') return this.#go('pending', held, 'condition', whenOf(this.#written, held));
    return this.state === 'ok' ? null : this.#go('ok', 'none', 'condition', '');
  }

  /** A moment that only now turned out: it moves since when levels hold, and nobody is told. */
  #pass(written: RulePlan, values: Values, x: number, zone: string): void {
    const outcome = outcomeAt(written, values, x, zone);
    const rule = isLessened(written, values, { x, t: x, zone, patienceMs: 0 }) ? downgraded(written) : written;
    if (outcome === 'outside' && rule.schedule?.outside === 'hold') return;
    if (outcome === 'insufficient' || outcome === 'outside') {
      this.w = null;
      this.c = null;
    } else if (outcome !== 'unknown' && outcome !== 'error')
      this.#remember(rule, holds(rule, rule.critical?.when, values), holds(rule, rule.warning?.when, values), x);
  }

  #remember(rule: RulePlan, isC: Truth, isW: Truth, x: number): void {
    this.last = x;
    this.u = null;
    if (isC === true) this.c ??= x;
    if (isC === false) this.c = null;
    if (rule.warning === null) return;
    if (isW === true || isC === true) this.w ??= x;
    else if (isW === false) this.w = null;
  }

  #mature(rule: RulePlan, isC: Truth, isW: Truth, x: number, zone: string): Level {
    const lasted = (since: number | null, ms: number) => hasPassed(rule, zone, since as number, x, ms);
    if (rule.critical !== null && isC === true && lasted(this.c, rule.critical.for_ms)) return 'critical';
    const holds = isW === true || isC === true;
    if (rule.warning !== null && holds && lasted(this.w, rule.warning.for_ms)) return 'warning';
    return 'none';
  }

  #whileFiring(rule: RulePlan, values: Values, isC: Truth, isW: Truth, mature: Level, x: number): Step | null {
    const critical = this.level === 'critical';
    if (!critical && mature === 'critical')
      return this.#go('firing', 'critical', 'escalated', whenOf(this.#written, 'critical'));
    const level = (critical ? rule.critical : rule.warning) as LevelPlan;
    if ((critical ? isC : isW) === true || !isClear(rule, level, values)) return null;
    const condition = clearText((critical ? this.#written.critical : this.#written.warning) as LevelPlan);
    if (critical && rule.warning !== null && (isW === true || !isClear(rule, rule.warning, values)))
      return this.#go('firing', 'warning', 'deescalated', condition);
    if (rule.keep_firing_for_ms === 0) return this.#go('resolved', 'none', 'cleared', condition);
    this.k = x;
    return this.#go('recovering', this.level, 'cleared', condition);
  }

  #whileRecovering(rule: RulePlan, isC: Truth, isW: Truth, x: number, zone: string): Step | null {
    if (isC === true) return this.#go('firing', 'critical', 'condition', whenOf(this.#written, 'critical'));
    if (isW === true) return this.#go('firing', 'warning', 'condition', whenOf(this.#written, 'warning'));
    if (!hasPassed(rule, zone, this.k as number, x, rule.keep_firing_for_ms)) return null;
    const { critical, warning } = this.#written;
    const level = (this.level === 'critical' ? critical : warning) as LevelPlan;
    return this.#go('resolved', 'none', 'cleared', clearText(level));
  }

  #insufficient(reason: string, condition: string, { x }: Moment): Step | null {
    this.last = x;
    this.u = null;
    this.w = null;
    this.c = null;
    if (this.state === 'ok') return null;
    const isOpen = this.state === 'firing' || this.state === 'recovering';
    return this.#go(isOpen ? 'resolved' : 'ok', 'none', reason, condition);
  }

  #unknown(rule: RulePlan, isLess: boolean, { t, zone, patienceMs }: Moment): Step | null {
    this.u ??= t;
    if (rule.no_data === null) return null;
    if (!hasPassed(rule, zone, this.u, t, Math.max(rule.no_data.after_ms, patienceMs))) return null;
    const then = rule.no_data.then;
    if (then === 'no_data' && this.state !== 'no_data') {
      this.#unset();
      return this.#go('no_data', 'none', 'no_data', '');
    }
    if (then === 'ok' && (this.state === 'firing' || this.state === 'recovering'))
      return this.#go('resolved', 'none', 'no_data', '');
    if (then === 'ok' && this.state === 'pending') return this.#go('ok', 'none', 'no_data', '');
    if (then === 'firing' && this.state !== 'firing')
      return this.#go('firing', rule.critical === null || isLess ? 'warning' : 'critical', 'no_data', '');
    return null;
  }

  #error(rule: RulePlan): Step | null {
    if (rule.on_error !== 'error' || this.state === 'error') return null;
    this.#unset();
    return this.#go('error', 'none', 'error', '');
  }

  #unset(): void {
    this.w = null;
    this.c = null;
    this.k = null;
  }

  #go(to: State | 'resolved', level: Level, reason: string, condition: string): Step {
    const from = this.state;
    this.state = to === 'resolved' ? 'ok' : to;
    this.level = level;
    const activeSince = level === 'critical' ? this.c : level === 'warning' ? this.w : null;
    return { from, to, level, reason, condition, activeSince };
  }
}

/** What the rule says at a moment, its hours considered; where nobody knows the values, that of the timer. */
export function outcomeAt(rule: RulePlan, values: MaybeValues, at: number, zone: string): Outcome {
  if (isInHours(rule, zone, at)) return outcomeOf(rule, values);
  return rule.schedule?.outside === 'downgrade' ? outcomeOf(downgraded(rule), values) : 'outside';
}

function isLessened(rule: RulePlan, values: MaybeValues, { x, t, zone }: Moment): boolean {
  return rule.schedule?.outside === 'downgrade' && !isInHours(rule, zone, values === null ? t : x);
}

/** As §8.3: of a flight, what has no value does not hold. */
function holds(rule: RulePlan, condition: string | undefined, values: Values): Truth {
  return truthOf(condition, values) ?? (rule.scope === 'source' ? null : false);
}

/** Nothing is left to clear where a clear condition of a flight has no value. */
function isClear(rule: RulePlan, level: LevelPlan, values: Values): boolean {
  if (level.clear === null) return holds(rule, level.when, values) === false;
  return (truthOf(level.clear, values) ?? rule.scope !== 'source') === true;
}

function clearText(level: LevelPlan): string {
  return level.clear ?? `!(${level.when})`;
}

function whenOf(rule: RulePlan, level: Level): string {
  if (level === 'none') return '';
  return ((level === 'critical' ? rule.critical : rule.warning) as LevelPlan).when;
}
