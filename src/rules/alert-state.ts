import type { Zone } from '../model/zones.ts';
import type { RulePlan } from './plan.ts';
import type { Telling } from './telling.ts';

/** The alert machine of docs/semantics.md §8.4, pure: one state, one judgement, at most one transition. */
export type AlertStateName = 'ok' | 'pending' | 'firing' | 'recovering' | 'no_data' | 'error';
export type AlertLevel = 'none' | 'warning' | 'critical';
export type Outcome = 'critical' | 'warning' | 'false' | 'insufficient' | 'outside' | 'unknown' | 'error';
type TransitionReason =
  | 'condition'
  | 'escalated'
  | 'deescalated'
  | 'cleared'
  | 'guard'
  | 'schedule'
  | 'no_data'
  | 'error'
  | 'announced'
  | 'scope_ended'
  | 'rule_updated'
  | 'rule_deleted';

export interface AlertState {
  state: AlertStateName;
  level: AlertLevel;
  /** Since when warning, critical, clear hold (event time of as_of). */
  warningSince: number | null;
  criticalSince: number | null;
  clearSince: number | null;
  /** as_of of the last known outcome. */
  lastKnown: number | null;
  /** Timer instant since which the outcome is unknown. */
  unknownSince: number | null;
  ruleHash: string;
  /** Null = people were told what it is. */
  telling: Telling | null;
}

export interface Transition {
  readonly from: AlertStateName;
  readonly to: AlertStateName | 'resolved';
  readonly level: AlertLevel;
  readonly reason: TransitionReason;
  /** The level whose condition (or clear condition) decided. */
  readonly decidedBy: AlertLevel;
  readonly activeSince: number | null;
}

/** Three-valued results of one evaluation of a rule. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly critical: boolean | null;
  readonly warning: boolean | null;
  readonly clearCritical: boolean;
  readonly clearWarning: boolean;
  /** Outside its hours: what is critical counts as warning. */
  readonly isDowngraded: boolean;
}

export function freshAlert(ruleHash: string): AlertState {
  return {
    state: 'ok',
    level: 'none',
    warningSince: null,
    criticalSince: null,
    clearSince: null,
    lastKnown: null,
    unknownSince: null,
    ruleHash,
    telling: null,
  };
}

/** True when forgetting the state changes nothing. */
export function isPlainlyOk(alert: AlertState): boolean {
  return (
    alert.state === 'ok' &&
    alert.warningSince === null &&
    alert.criticalSince === null &&
    alert.unknownSince === null &&
    alert.telling === null
  );
}

/** The hours of a rule that holds outside of them: time there counts for nothing. */
interface CountedHours {
  insideMs(from: number, to: number, enough: number, zone: Zone): number;
}

interface Moment {
  /** as_of. */
  readonly x: number;
  /** Timer instant. */
  readonly t: number;
  /** Null = all time counts. */
  readonly hours: CountedHours | null;
  /** Of what is judged. */
  readonly zone: Zone;
  /** Nobody is told before it was unknown for so long, whatever the rule says: a source is not missed before it would be stale. */
  readonly patienceMs: number;
}

/** What was withheld is told now: the alert stays where it is. */
export function announce(alert: AlertState): Transition {
  const { state, level } = alert;
  const to = state === 'ok' ? 'resolved' : state;
  return { from: state, to, level, reason: 'announced', decidedBy: 'none', activeSince: sinceOf(alert, level) };
}

function hasLasted({ hours, zone }: Moment, from: number, to: number, enough: number): boolean {
  return (hours === null ? to - from : hours.insideMs(from, to, enough, zone)) >= enough;
}

/** Applies one judgement to `alert` in place; returns the transition, if any. */
export function stepAlert(alert: AlertState, rule: RulePlan, judgement: Judgement, moment: Moment): Transition | null {
  switch (judgement.outcome) {
    case 'insufficient':
      return stepInsufficient(alert, moment, 'guard');
    case 'outside':
      return rule.schedule?.outside === 'drop' ? stepInsufficient(alert, moment, 'schedule') : null;
    case 'unknown':
      return stepUnknown(alert, rule, judgement.isDowngraded, moment);
    case 'error':
      return stepError(alert, rule);
    default:
      return stepKnown(alert, rule, judgement, moment);
  }
}

/** Ends an alert whose rule or scope is gone; the caller forgets the state. */
export function endAlert(alert: AlertState, reason: TransitionReason): Transition | null {
  if (alert.state === 'ok') return null;
  return move(alert, alert.state === 'pending' ? 'ok' : 'resolved', 'none', reason, 'none');
}

function stepKnown(alert: AlertState, rule: RulePlan, judgement: Judgement, moment: Moment): Transition | null {
  advanceSince(alert, rule, judgement, moment.x);
  const mature = matureLevel(alert, rule, judgement, moment);
  switch (alert.state) {
    case 'pending':
      return stepPending(alert, mature);
    case 'firing':
      return stepFiring(alert, rule, judgement, mature, moment.x);
    case 'recovering':
      return stepRecovering(alert, rule, judgement, moment);
    default:
      return stepQuiet(alert, mature);
  }
}

function advanceSince(alert: AlertState, rule: RulePlan, judgement: Judgement, x: number): void {
  alert.lastKnown = x;
  alert.unknownSince = null;
  const { critical, warning } = judgement;
  if (rule.critical !== null) {
    if (critical === true) alert.criticalSince ??= x;
    else if (critical === false) alert.criticalSince = null;
  }
  if (rule.warning !== null) {
    if (warning === true || critical === true) alert.warningSince ??= x;
    else if (warning === false) alert.warningSince = null;
  }
}

/** Whether it matters to `for` what held between the last known outcome and now. */
export function hasClock(alert: AlertState): boolean {
  return alert.lastKnown !== null && (alert.warningSince !== null || alert.criticalSince !== null);
}

/**
 * Judges a moment between the last known outcome and the present one, which only now turned out: where a level did not
 * hold there, its clock starts anew. Nobody is told of what is over.
 */
export function passAlert(alert: AlertState, rule: RulePlan, judgement: Judgement, x: number): void {
  const { outcome } = judgement;
  if (outcome === 'error' || outcome === 'unknown') return;
  if (outcome === 'insufficient' || outcome === 'outside') {
    if (outcome === 'outside' && rule.schedule?.outside === 'hold') return;
    alert.warningSince = null;
    alert.criticalSince = null;
  } else advanceSince(alert, rule, judgement, x);
}

function matureLevel(alert: AlertState, rule: RulePlan, judgement: Judgement, at: Moment): AlertLevel {
  const { x } = at;
  const isCritical = judgement.critical === true;
  const { critical, warning } = rule;
  if (critical !== null && isCritical && hasLasted(at, alert.criticalSince ?? x, x, critical.for_ms)) return 'critical';
  const isWarning = judgement.warning === true || isCritical;
  if (warning !== null && isWarning && hasLasted(at, alert.warningSince ?? x, x, warning.for_ms)) return 'warning';
  return 'none';
}

function heldLevel(alert: AlertState): AlertLevel {
  if (alert.criticalSince !== null) return 'critical';
  return alert.warningSince !== null ? 'warning' : 'none';
}

function stepQuiet(alert: AlertState, mature: AlertLevel): Transition | null {
  if (mature !== 'none') return move(alert, 'firing', mature, 'condition', mature);
  const held = heldLevel(alert);
  if (held !== 'none') return move(alert, 'pending', held, 'condition', held);
  return alert.state === 'ok' ? null : move(alert, 'ok', 'none', 'condition', 'none');
}

function stepPending(alert: AlertState, mature: AlertLevel): Transition | null {
  if (mature !== 'none') return move(alert, 'firing', mature, 'condition', mature);
  const held = heldLevel(alert);
  if (held === 'none') return move(alert, 'ok', 'none', 'condition', 'none');
  alert.level = held;
  return null;
}

function stepFiring(
  alert: AlertState,
  rule: RulePlan,
  judgement: Judgement,
  mature: AlertLevel,
  x: number,
): Transition | null {
  const level = alert.level;
  if (level === 'critical' && judgement.isDowngraded) return move(alert, 'firing', 'warning', 'schedule', 'none');
  if (level === 'warning' && mature === 'critical') return move(alert, 'firing', 'critical', 'escalated', 'critical');
  const isHolding = level === 'critical' ? judgement.critical === true : judgement.warning === true;
  const isClear = level === 'critical' ? judgement.clearCritical : judgement.clearWarning;
  if (isHolding || !isClear) return null;
  if (level === 'critical' && rule.warning !== null && (judgement.warning === true || !judgement.clearWarning)) {
    return move(alert, 'firing', 'warning', 'deescalated', 'critical');
  }
  if (rule.keep_firing_for_ms === 0) return move(alert, 'resolved', 'none', 'cleared', level);
  const transition = move(alert, 'recovering', level, 'cleared', level);
  alert.clearSince = x;
  return transition;
}

function stepRecovering(alert: AlertState, rule: RulePlan, judgement: Judgement, at: Moment): Transition | null {
  if (judgement.critical === true) return move(alert, 'firing', 'critical', 'condition', 'critical');
  if (judgement.warning === true) return move(alert, 'firing', 'warning', 'condition', 'warning');
  if (!hasLasted(at, alert.clearSince ?? at.x, at.x, rule.keep_firing_for_ms)) return null;
  return move(alert, 'resolved', 'none', 'cleared', alert.level);
}

function stepInsufficient(alert: AlertState, { x }: Moment, why: 'guard' | 'schedule'): Transition | null {
  const { state } = alert;
  alert.lastKnown = x;
  alert.unknownSince = null;
  forgetSince(alert);
  if (state === 'ok') return null;
  const isOpen = state === 'firing' || state === 'recovering';
  return move(alert, isOpen ? 'resolved' : 'ok', 'none', why, 'none');
}

function stepUnknown(alert: AlertState, rule: RulePlan, isDowngraded: boolean, at: Moment): Transition | null {
  alert.unknownSince ??= at.t;
  const policy = rule.no_data;
  if (policy === null) return null;
  if (!hasLasted(at, alert.unknownSince, at.t, Math.max(policy.after_ms, at.patienceMs))) return null;
  if (policy.then === 'no_data') {
    if (alert.state === 'no_data') return null;
    forgetSince(alert);
    return move(alert, 'no_data', 'none', 'no_data', 'none');
  }
  if (policy.then === 'ok') {
    if (alert.state === 'pending') return move(alert, 'ok', 'none', 'no_data', 'none');
    if (alert.state !== 'firing' && alert.state !== 'recovering') return null;
    return move(alert, 'resolved', 'none', 'no_data', 'none');
  }
  if (alert.state === 'firing') return null;
  const level = rule.critical === null || isDowngraded ? 'warning' : 'critical';
  return move(alert, 'firing', level, 'no_data', 'none');
}

function stepError(alert: AlertState, rule: RulePlan): Transition | null {
  if (rule.on_error === 'keep_last' || alert.state === 'error') return null;
  forgetSince(alert);
  return move(alert, 'error', 'none', 'error', 'none');
}

function forgetSince(alert: AlertState): void {
  alert.warningSince = null;
  alert.criticalSince = null;
  alert.clearSince = null;
}

function sinceOf(alert: AlertState, level: AlertLevel): number | null {
  if (level === 'critical') return alert.criticalSince;
  return level === 'warning' ? alert.warningSince : null;
}

function move(
  alert: AlertState,
  to: AlertStateName | 'resolved',
  level: AlertLevel,
  reason: TransitionReason,
  decidedBy: AlertLevel,
): Transition {
  const from = alert.state;
  alert.state = to === 'resolved' ? 'ok' : to;
  alert.level = level;
  if (to !== 'recovering') alert.clearSince = null;
  return { from, to, level, reason, decidedBy, activeSince: sinceOf(alert, level) };
}
