import { isMap, parseDocument } from 'yaml';
import { formatProblem } from '../../control/config/problem.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import { canonicalJson } from '../../rules/compile-plan.ts';
import { checkFile } from '../checked-file.ts';
import { sectionSchema } from '../organizations-file.ts';
import type { PlanFiles } from '../plan-files.ts';
import { readRule } from '../rule-file.ts';
import { pipelineRowName } from './drafts-of-rows.ts';
import type { ManagedBy, PipelineRow, PlanRows, RuleRow } from './plan-rows.ts';

/** One thing that a file or a row defines: the settings of an organization, or a rule of it. */
export interface PlanItem {
  readonly kind: 'settings' | 'rule';
  readonly orgId: string;
  /** Rule id; empty for settings. */
  readonly id: string;
  /** YAML or JSON as written, without the key `organizations` of a rule. */
  readonly text: string;
  /** What it says, defaults filled in; undefined = it cannot be read. */
  readonly value: unknown;
  /** Why it cannot be read. */
  readonly problem: string | null;
  /** Whose row it is; null = it comes from a file. */
  readonly managedBy: ManagedBy | null;
  /** The file it comes from, else table and key of the row. */
  readonly origin: string;
}

export function keyOfItem({ kind, orgId, id }: Pick<PlanItem, 'kind' | 'orgId' | 'id'>): string {
  return `${kind} ${orgId} ${id}`;
}

export function isSameContent(a: PlanItem, b: PlanItem): boolean {
  return a.problem === null && b.problem === null && canonicalJson(a.value) === canonicalJson(b.value);
}

/** What files define, rule by organization; `_default` stands for a rule that holds for everyone. */
export function itemsOfFiles({ organizationsText, rules }: PlanFiles, organizationsFile: string): PlanItem[] {
  const document = parseDocument(organizationsText, { version: '1.2' });
  const listed = document.get('organizations');
  const own = isMap(listed) ? listed.items.map(({ key, value }) => [String(key), value] as const) : [];
  const sections = [[defaultPlanOrg, document.get('defaults')] as const, ...own].map(([orgId, node]) =>
    settingsItem(orgId, textOfNode(node), null, organizationsFile),
  );
  const held = rules.flatMap((rule) =>
    (rule.organizations ?? [defaultPlanOrg]).map((orgId): PlanItem => {
      const { organizations, ...value } = rule.written;
      const text = withoutOrganizations(rule.text);
      return { kind: 'rule', orgId, id: rule.rule.id, text, value, problem: null, managedBy: null, origin: rule.file };
    }),
  );
  return [...sections, ...held];
}

/** What rows define. `_default` without a pipeline says nothing, so it is no item. */
export function itemsOfRows(rows: PlanRows): PlanItem[] {
  const pipelines = new Map(rows.pipelines.map((row) => [row.org_id, row]));
  const settings = rows.organizations
    .filter(({ id }) => id !== defaultPlanOrg || pipelines.has(id))
    .map(({ id, managed_by }) => settingsOfRow(id, managed_by, pipelines.get(id)));
  return [...settings, ...rows.rules.map(ruleOfRow)];
}

function settingsOfRow(orgId: string, managedBy: ManagedBy, row: PipelineRow | undefined): PlanItem {
  const origin = `${pipelineRowName(orgId, row)}.settings`;
  return settingsItem(orgId, row?.settings ?? '', row?.managed_by ?? managedBy, origin);
}

function settingsItem(orgId: string, text: string, managedBy: ManagedBy | null, origin: string): PlanItem {
  const { value, problems } = checkFile(origin, text, sectionSchema.nullable());
  const problem = problems.length === 0 ? null : problems.map(formatProblem).join('\n');
  return { kind: 'settings', orgId, id: '', text, value: value ?? {}, problem, managedBy, origin };
}

function ruleOfRow(row: RuleRow): PlanItem {
  const origin = `postgres rules(${row.org_id}, ${row.id}).definition`;
  const { read, problems } = readRule(origin, row.definition);
  const problem = problems.length === 0 ? null : problems.map(formatProblem).join('\n');
  // A rule set cannot be said in a file, so a row of another set never equals one.
  const column = row.rule_set === 'standard' ? {} : { rule_set: row.rule_set };
  return {
    kind: 'rule',
    orgId: row.org_id,
    id: row.id,
    text: row.definition,
    value: read === undefined ? undefined : { ...read.written, ...column },
    problem,
    managedBy: row.managed_by,
    origin,
  };
}

/** A part of a document as a text of its own, comments included. */
function textOfNode(node: unknown): string {
  if (!isMap(node)) return '';
  const part = parseDocument('');
  part.contents = node.clone() as never;
  return part.toString({ lineWidth: 0 });
}

function withoutOrganizations(text: string): string {
  const document = parseDocument(text, { version: '1.2' });
  if (!document.has('organizations')) return text;
  document.delete('organizations');
  return document.toString({ lineWidth: 0 });
}
