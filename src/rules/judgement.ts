import type { Zone } from '../model/zones.ts';
import type { Judgement, Outcome } from './alert-state.ts';
import type { CompiledLevel, CompiledRule } from './compile-plan.ts';
import { type Condition, conditionError, type RuleValue } from './condition.ts';

/** What a rule says of values, in three-valued logic (docs/semantics.md §8.3). Pure. */

/** No level was judged: why is in the outcome. */
function unjudged(outcome: Outcome): Judgement {
  return { outcome, critical: null, warning: null, clearCritical: false, clearWarning: false, isDowngraded: false };
}

const unknownJudgement = unjudged('unknown');
const downgradedUnknown: Judgement = { ...unknownJudgement, isDowngraded: true };
const outsideJudgement = unjudged('outside');
const insufficientJudgement = unjudged('insufficient');
const errorJudgement = unjudged('error');
/** What nearly every judgement finds. */
const quietJudgement: Judgement = {
  outcome: 'false',
  critical: false,
  warning: false,
  clearCritical: false,
  clearWarning: false,
  isDowngraded: false,
};

/** Where and when a rule judges. */
interface JudgedAt {
  /** The moment whose values they are; where they are unknown, that of the timer. */
  readonly at: number;
  readonly zone: Zone;
}

/** The same by its schedule (docs/semantics.md §8.1); `values` null = they are unknown. */
export function judgeAt(
  rule: CompiledRule,
  values: readonly RuleValue[] | null,
  isFiring: boolean,
  { at, zone }: JudgedAt,
): Judgement {
  const { schedule } = rule;
  const isInside = schedule === null || schedule.isInside(at, zone);
  if (isInside) return values === null ? unknownJudgement : judgeLevels(rule, values, isFiring, false);
  if (schedule.outside !== 'downgrade') return outsideJudgement;
  return values === null ? downgradedUnknown : judgeLevels(rule, values, isFiring, true);
}

/**
 * Three-valued results of guard and levels, and the outcome they make (docs/semantics.md §8.3). What is
 * judged of a flight is complete: a value that is not there is *absent* (no cap, no expectation yet), and
 * a level that hangs on it does not hold. Of a source it is *unknown*.
 */
export function judgeLevels(
  rule: CompiledRule,
  values: readonly RuleValue[],
  isFiring: boolean,
  isDowngraded: boolean,
): Judgement {
  const missing = rule.plan.scope === 'source' ? null : false;
  const guard = rule.guard === null ? true : (rule.guard.run(values) ?? missing);
  if (guard !== true) return judgementOfGuard(guard, isDowngraded);
  let critical = rule.critical === null ? false : (rule.critical.when.run(values) ?? missing);
  let warning = rule.warning === null ? false : (rule.warning.when.run(values) ?? missing);
  if (critical === false && warning === false && !isFiring) return quietJudgement;
  if (isDowngraded) {
    warning = eitherOf(critical, warning);
    critical = false;
  }
  return {
    outcome: outcomeOf(critical, warning),
    critical: critical === conditionError ? null : critical,
    warning: warning === conditionError ? null : warning,
    // Only a firing alert asks whether its levels are clear.
    clearCritical: isFiring && isClear(rule.critical, values, critical, missing),
    clearWarning: isFiring && isClear(rule.warning, values, warning, missing),
    isDowngraded,
  };
}

/** True where one is; else failed, else unknown where one is. */
function eitherOf(a: Tri, b: Tri): Tri {
  if (a === true || b === true) return true;
  if (a === conditionError || b === conditionError) return conditionError;
  return a === null || b === null ? null : false;
}

/** The conditions said what is, and not only that it is not known. */
export function isKnown(outcome: Outcome): boolean {
  return outcome === 'critical' || outcome === 'warning' || outcome === 'false' || outcome === 'insufficient';
}

/** Outcomes that leave an alert which is plainly ok as it is, which is what most judgements find. */
export function isNothing(outcome: Outcome): boolean {
  return outcome === 'false' || outcome === 'insufficient' || outcome === 'outside';
}

type Tri = ReturnType<Condition['run']>;

function judgementOfGuard(guard: Exclude<Tri, true>, isDowngraded: boolean): Judgement {
  if (guard === conditionError) return errorJudgement;
  if (guard !== null) return insufficientJudgement;
  return isDowngraded ? downgradedUnknown : unknownJudgement;
}

function outcomeOf(critical: Tri, warning: Tri): Outcome {
  if (critical === true) return 'critical';
  if (warning === true) return 'warning';
  if (critical === conditionError || warning === conditionError) return 'error';
  return critical === null || warning === null ? 'unknown' : 'false';
}

function isClear(level: CompiledLevel | null, values: readonly RuleValue[], when: Tri, missing: Tri): boolean {
  if (level === null) return true;
  if (level.clear === null) return when === false;
  // What an alert was about may be gone for good, such as a cap: nothing is left to clear.
  return (level.clear.run(values) ?? missing === false) === true;
}
