import type { PlanDraft, RulePlan } from '../rules/plan.ts';
import { differingFields, type FieldDifference } from './field-differences.ts';

/** What became another in a plan: its settings, or one rule. */
export interface PlanChange {
  readonly kind: 'settings' | 'rule';
  /** Id of the rule; empty for settings. */
  readonly id: string;
  readonly what: 'added' | 'removed' | 'changed';
  readonly fields: readonly FieldDifference[];
}

/** From one plan to another, settings first, then rules by id. Null before = there was none. */
export function planChanges(before: PlanDraft | null, after: PlanDraft): PlanChange[] {
  const settings = before === null ? [] : differingFields(settingsOf(before), settingsOf(after));
  const changes: PlanChange[] =
    settings.length === 0 ? [] : [{ kind: 'settings', id: '', what: 'changed', fields: settings }];
  const [old, young] = [rulesOf(before), rulesOf(after)];
  for (const id of [...new Set([...old.keys(), ...young.keys()])].sort()) {
    const [left, right] = [old.get(id), young.get(id)];
    const fields = left === undefined || right === undefined ? [] : differingFields(left, right);
    if (left === undefined) changes.push({ kind: 'rule', id, what: 'added', fields });
    else if (right === undefined) changes.push({ kind: 'rule', id, what: 'removed', fields });
    else if (fields.length > 0) changes.push({ kind: 'rule', id, what: 'changed', fields });
  }
  return changes;
}

function settingsOf({ rules: _rules, format: _format, org_id: _org, ...settings }: PlanDraft): object {
  return settings;
}

/** The hash says nothing that the other fields do not. */
function rulesOf(plan: PlanDraft | null): Map<string, Omit<RulePlan, 'hash'>> {
  return new Map((plan?.rules ?? []).map(({ hash: _, ...rule }) => [rule.id, rule]));
}
