import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import type { Caller } from '../caller.ts';
import type { WriteContext } from '../ports.ts';
import { answerOf, plainAnswer } from './answers.ts';
import { instant, instantOf, type RawRow, versionOf, versionText } from './columns.ts';
import { id } from './fields.ts';
import { operation } from './operation.ts';

const rule = z
  .strictObject({
    rule_id: id.describe('The rule.'),
    text: z.string().describe('As it was written: YAML or JSON, with its comments.'),
    is_own: z.boolean().describe("False = everyone's, which an organization cannot change."),
    kept_in: z.enum(['files', 'database']).meta({ title: 'RuleKeeper' }).describe('Where it is changed.'),
    version: z.string().describe('Changes with each edit.'),
  })
  .meta({ title: 'Rule' });

const rulesMax = 2_048;

export const listRules = operation({
  doc: 'The rules of the organization as they are written now, by their ids; what the newest plan says is in force.',
  input: z.strictObject({}),
  output: z.array(rule).max(rulesMax),
  scope: 'organization',
  permission: 'rules.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }) {
    const rules = await ports.rules.rulesOf(tables.orgId);
    return plainAnswer(rules.map(ruleJson).toSorted((a, b) => (a.rule_id < b.rule_id ? -1 : 1)));
  },
});

export const getRule = operation({
  doc: 'One rule as it is written now.',
  input: z.strictObject({ rule_id: id.describe('The rule.') }),
  output: rule,
  scope: 'organization',
  permission: 'rules.read',
  isWrite: false,
  isOfTables: false,
  cost: 1,
  async run({ ports, tables }, { rule_id }) {
    const found = (await ports.rules.rulesOf(tables.orgId)).find(({ ruleId }) => ruleId === rule_id);
    if (found === undefined) throw new EngineError('NOT_FOUND', `no rule ${rule_id} holds here`);
    return plainAnswer(ruleJson(found));
  },
});

export const getPlan = operation({
  doc: 'The plan in force: the one under which the newest snapshot of the organization was judged. Every row names its plan in `plan_number`.',
  input: z.strictObject({}),
  output: z
    .strictObject({
      number: z.number().int().describe('Number of the plan.'),
      evaluated_at: instant.describe('Log time of that snapshot.'),
      version: versionText.describe('Highest version of the rows.'),
    })
    .meta({ title: 'Plan' }),
  scope: 'organization',
  permission: 'rules.read',
  isWrite: false,
  isOfTables: true,
  cost: 1,
  async run({ tables }) {
    const rows = await tables.rows<RawRow>({
      sql: `SELECT plan_number, evaluated_at, as_of, version FROM pacing_latest FINAL
WHERE org_id = {org:String} ORDER BY version DESC LIMIT 1`,
      parameters: {},
    });
    const [row] = rows;
    if (row === undefined) throw new EngineError('NOT_FOUND', 'no flight was judged by a plan yet');
    const data = {
      number: Number(row.plan_number),
      evaluated_at: instantOf(String(row.evaluated_at)),
      version: versionOf(String(row.version)),
    };
    return answerOf(data, rows);
  },
});

const versionSeen = z
  .string()
  .max(64)
  .describe('`version` of the rule as its writer saw it; in REST it stands in If-Match.');

export const putRule = operation({
  doc: "Writes a rule of the organization's own, checked as `paceline check` does; the engine makes a numbered plan of it. Writing what is there already changes nothing, so a call may be repeated.",
  input: z.strictObject({
    rule_id: id.describe('The rule.'),
    text: z.string().min(1).max(65_536).describe('YAML or JSON, as a file of config/rules/ without `organizations`.'),
    expected_version: versionSeen.nullable().describe('Null = there is none yet; in REST that is If-None-Match: *.'),
  }),
  output: rule,
  scope: 'organization',
  permission: 'rules.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { rule_id, text, expected_version }) {
    const by = writerOf(caller);
    const written = await ports.rules.writeRule(tables.orgId, { id: rule_id, text }, expected_version, by);
    return plainAnswer(ruleJson(written));
  },
});

export const deleteRule = operation({
  doc: "Removes a rule of the organization's own; alerts of it are resolved by the next plan.",
  input: z.strictObject({ rule_id: id.describe('The rule.'), expected_version: versionSeen }),
  output: z.null(),
  scope: 'organization',
  permission: 'rules.write',
  isWrite: true,
  isOfTables: false,
  cost: 10,
  async run({ caller, ports, tables }, { rule_id, expected_version }) {
    await ports.rules.deleteRule(tables.orgId, rule_id, expected_version, writerOf(caller));
    return plainAnswer(null);
  },
});

/** Who writes, as the audit log names it. */
export function writerOf({ actor, requestId }: Caller): WriteContext {
  // Whoever is at this machine has no id, and is named by login and command.
  return { actor: actor.kind === 'local' ? actor.id : `${actor.kind}:${actor.id}`, requestId };
}

function ruleJson(found: { ruleId: string; text: string; isOwn: boolean; isFile: boolean; version: string }) {
  const { ruleId, text, isOwn, isFile, version } = found;
  return { rule_id: ruleId, text, is_own: isOwn, kept_in: isFile ? 'files' : 'database', version } as const;
}
