import { defaultPlanOrg } from '../../model/ids.ts';
import { Database } from '../../plans/postgres/database.ts';
import { type HeldRule, RuleEdits } from '../../plans/postgres/rule-edits.ts';
import type { RuleStore, RuleText } from '../../serving/ports.ts';
import type { Config } from '../settings.ts';
import { FileRules } from './file-rules.ts';

/** Where this configuration keeps rules: in PostgreSQL, which people edit, else in files. */
export function openRules({
  postgres,
  plans,
}: Pick<Config, 'plans' | 'postgres'>): RuleStore & { close(): Promise<void> } {
  if (postgres.url === null) return Object.assign(new FileRules(plans), { close: () => Promise.resolve() });
  const database = new Database(postgres, { connectionsMax: 4 });
  const edits = new RuleEdits(database);
  return {
    rulesOf: async (orgId) => (await edits.list(orgId)).map((rule) => textOf(rule)),
    writeRule: async (orgId, rule, expected, by) => textOf(await edits.write(orgId, rule, expected, by)),
    deleteRule: (orgId, ruleId, expected, by) => edits.remove(orgId, ruleId, expected, by),
    close: () => database.close(),
  };
}

function textOf({ orgId, id, definition, managedBy, version }: HeldRule): RuleText {
  return { ruleId: id, text: definition, isOwn: orgId !== defaultPlanOrg, isFile: managedBy === 'files', version };
}
