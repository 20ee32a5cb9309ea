import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRule } from '../../../src/plans/rule-file.ts';
import type { RulePlan } from '../../../src/rules/plan.ts';

const folder = join(import.meta.dirname, '..', '..', '..', 'config', 'rules');

/** The rules of `config/rules/`, as `apply` makes them. */
export function shippedRules(): RulePlan[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const { read, problems } = readRule(file, readFileSync(join(folder, file), 'utf8'));
      if (read === undefined) throw new Error(`${file}: ${problems[0].message}`);
      return read.rule;
    });
}
