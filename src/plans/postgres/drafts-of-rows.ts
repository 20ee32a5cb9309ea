import type { Problem } from '../../control/config/problem.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { type CheckedFile, checkFile } from '../checked-file.ts';
import { draftProblems, makeDraft } from '../make-draft.ts';
import { type Section, sectionSchema, toSettings } from '../organizations-file.ts';
import { type ReadRule, readRule } from '../rule-file.ts';
import type { PipelineRow, PlanRows, RuleRow } from './plan-rows.ts';

export interface RowDraft {
  readonly draft: PlanDraft;
  /** Null = the topic that the engine reads. */
  readonly topic: string | null;
}

/** An organization whose rows do not make a plan: the plan in force stays in force. */
export interface RefusedOrganization {
  readonly orgId: string;
  readonly problems: readonly Problem[];
}

export interface RowsRead {
  /** The default first, then by id. */
  readonly drafts: readonly RowDraft[];
  readonly refused: readonly RefusedOrganization[];
}

interface ReadRuleRow {
  readonly row: RuleRow;
  readonly read: ReadRule | undefined;
  readonly problems: readonly Problem[];
}

interface ReadPipeline {
  readonly row: PipelineRow | undefined;
  readonly checked: CheckedFile<Section | null>;
}

/**
 * The plans that rows make, by the same schemas as files; a problem names table, key, column and the
 * place in its text. All or nothing per organization, so one broken row stops nobody else; a broken
 * row of `_default` stops whoever inherits it.
 */
export function draftsOfRows(rows: PlanRows): RowsRead {
  const rules = rows.rules.map(readRuleRow);
  const pipelines = new Map(rows.pipelines.map((row) => [row.org_id, row]));
  const shared = readPipeline(defaultPlanOrg, pipelines.get(defaultPlanOrg));
  const drafts: RowDraft[] = [];
  const refused: RefusedOrganization[] = [];
  const others = rows.organizations.map(({ id }) => id).filter((id) => id !== defaultPlanOrg);
  for (const orgId of [defaultPlanOrg, ...others]) {
    const own = orgId === defaultPlanOrg ? shared : readPipeline(orgId, pipelines.get(orgId));
    const ruleSet = own.row?.rule_set ?? 'standard';
    const held = rules.filter(({ row }) => row.rule_set === ruleSet && isHeld(row.org_id, orgId));
    const problems = [
      ...(own === shared ? [] : shared.checked.problems),
      ...own.checked.problems,
      ...ruleProblems(held),
    ];
    const draft = problems.length === 0 ? draftOf(orgId, shared, own, held, problems) : undefined;
    if (draft === undefined) refused.push({ orgId, problems });
    else drafts.push({ draft, topic: own.row?.source_topic ?? null });
  }
  return { drafts, refused };
}

function isHeld(ruleOrg: string, orgId: string): boolean {
  return ruleOrg === defaultPlanOrg || ruleOrg === orgId;
}

/** Undefined, with its problems added, when the parts are sound but do not make a plan. */
function draftOf(
  orgId: string,
  shared: ReadPipeline,
  own: ReadPipeline,
  held: readonly ReadRuleRow[],
  problems: Problem[],
): PlanDraft | undefined {
  const section = own === shared ? {} : (own.checked.value ?? {});
  const settings = toSettings(orgId, shared.checked.value ?? {}, section);
  const draft = makeDraft(
    settings,
    held.flatMap(({ read }) => read ?? []),
  );
  problems.push(...draftProblems(draft, own.checked.placeOf));
  return problems.length === 0 ? draft : undefined;
}

function readPipeline(orgId: string, row: PipelineRow | undefined): ReadPipeline {
  // A text without a word is a section without a word, as it is in the file.
  const checked = checkFile(`${pipelineRowName(orgId, row)}.settings`, row?.settings ?? '', sectionSchema.nullable());
  return { row, checked };
}

export function pipelineRowName(orgId: string, row: Pick<PipelineRow, 'id'> | undefined): string {
  return `postgres pipelines(${orgId}, ${row?.id ?? 'none'})`;
}

function readRuleRow(row: RuleRow): ReadRuleRow {
  const file = ruleRowName(row);
  const { read, problems } = readRule(file, row.definition);
  if (read === undefined) return { row, read, problems };
  const wrong: Problem[] = [];
  const say = (message: string) => wrong.push({ file, line: 1, column: 1, message });
  if (read.rule.id !== row.id) say(`id: the definition says "${read.rule.id}", the column id says "${row.id}"`);
  if (read.organizations !== undefined)
    say('organizations: the column org_id says whom a rule holds for; remove the key');
  return { row, read: wrong.length === 0 ? read : undefined, problems: wrong };
}

export function ruleRowName({ org_id, id }: { org_id: string; id: string }): string {
  return `postgres rules(${org_id}, ${id}).definition`;
}

function ruleProblems(held: readonly ReadRuleRow[]): Problem[] {
  const problems = held.flatMap((each) => each.problems);
  const shared = new Set(held.filter(({ row }) => row.org_id === defaultPlanOrg).map(({ row }) => row.id));
  for (const { row } of held) {
    if (row.org_id === defaultPlanOrg || !shared.has(row.id)) continue;
    const message = `rule id "${row.id}" is also used by a rule of ${defaultPlanOrg}, which holds for everyone`;
    problems.push({ file: ruleRowName(row), line: 1, column: 1, message });
  }
  return problems;
}
