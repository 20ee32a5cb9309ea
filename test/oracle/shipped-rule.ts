import { readFileSync } from 'node:fs';
import { readRule } from '../../src/plans/rule-file.ts';
import type { RulePlan } from '../../src/rules/plan.ts';

/** A rule of `config/rules/`, as `apply` makes it. */
export function shippedRule(id: string): RulePlan {
  const file = `${id}.yaml`;
  const { read } = readRule(file, readFileSync(new URL(`../../config/rules/${file}`, import.meta.url), 'utf8'));
  if (read === undefined) throw new Error(`${file} is no rule`);
  return read.rule;
}
