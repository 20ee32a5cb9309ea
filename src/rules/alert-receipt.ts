import { hash } from 'node:crypto';
import type { AlertLevel, Transition } from './alert-state.ts';
import { type CompiledLevel, type CompiledRule, summaryNames, type TextParts } from './compile-plan.ts';
import type { RuleValue } from './condition.ts';

/** What an alert says about itself: the condition that decided, the values compared, a sentence, its identity. */

export function decidingCondition(rule: CompiledRule, { reason, decidedBy }: Transition): string {
  if (reason === 'guard') return rule.guard?.text ?? '';
  const level = levelOf(rule, decidedBy);
  if (level === null) return '';
  if (reason === 'condition' || reason === 'escalated') return level.plan.when;
  if (reason === 'cleared' || reason === 'deescalated') return level.plan.clear ?? `!(${level.plan.when})`;
  return '';
}

function levelOf(rule: CompiledRule, level: AlertLevel): CompiledLevel | null {
  if (level === 'none') return null;
  return level === 'critical' ? rule.critical : rule.warning;
}

/** JSON of the values the rule names, keys sorted: what an auditor compares. */
export function valuesText(rule: CompiledRule, values: readonly RuleValue[]): string {
  let text = '';
  for (const { index, key } of rule.variables) {
    // What a rule asks for beyond the values of its scope is not there where nothing is.
    const value = values[index] ?? null;
    // A finite number reads the same as JSON; the others take the long way.
    const isPlain = typeof value === 'number' && Number.isFinite(value);
    text += `${text === '' ? '' : ','}${key}${isPlain ? value : JSON.stringify(value)}`;
  }
  return `{${text}}`;
}

interface NamedScope {
  readonly campaignId: string;
  readonly flightId: string;
}

/** A text with its places filled. */
export function fillText(text: TextParts, scope: NamedScope, values: readonly RuleValue[]): string {
  let filled = '';
  for (const part of text) {
    if (typeof part === 'string') filled += part;
    else if (part === summaryNames.campaign) filled += scope.campaignId;
    else if (part === summaryNames.flight) filled += scope.flightId;
    else filled += spoken(values[part] ?? null);
  }
  return filled;
}

/** JSON of the annotations of a rule, names sorted. */
export function annotationsText(rule: CompiledRule, scope: NamedScope, values: readonly RuleValue[]): string {
  if (rule.annotations.length === 0) return '{}';
  return JSON.stringify(
    Object.fromEntries(rule.annotations.map(([name, text]) => [name, fillText(text, scope, values)])),
  );
}

/** A value as a sentence says it. */
export function spoken(value: RuleValue): string {
  if (value === null) return 'unknown';
  return typeof value === 'number' ? String(Math.round(value * 100) / 100) : String(value);
}

export function digest(parts: readonly (string | number)[]): string {
  return hash('sha256', parts.join('|'), 'hex').slice(0, 32);
}
