import type { Problem } from '../../control/config/problem.ts';
import { defaultPlanOrg } from '../../model/ids.ts';
import { laneLimits } from '../../model/lane-limits.ts';
import type { PlanDraft } from '../../rules/plan.ts';
import { type Quota, quotasOver, usualQuotas } from '../../rules/quotas.ts';
import type { CheckedFile } from '../checked-file.ts';
import { draftProblems, makeDraft } from '../make-draft.ts';
import { type Section, toSettings } from '../organizations-file.ts';
import type { ReadRule } from '../rule-file.ts';
import { type PipelineRow, type PlanRows, type RuleRow, ruleBytesOfOneMax, rulesOfOneMax } from './plan-rows.ts';
import { ReadTexts } from './read-texts.ts';

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

interface RowsRead {
  /** The default first, then by id. */
  readonly drafts: readonly RowDraft[];
  readonly refused: readonly RefusedOrganization[];
  /** Rules that people edit in the database, those that can be read. */
  readonly rules: readonly ReadRule[];
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
export function draftsOfRows(rows: PlanRows, texts = new ReadTexts()): RowsRead {
  const rules = rows.rules.map((row) => readRuleRow(row, texts));
  const overfull = new Set(rows.overfull);
  const pipelines = new Map(rows.pipelines.map((row) => [row.org_id, row]));
  const shared = readPipeline(defaultPlanOrg, pipelines.get(defaultPlanOrg), texts);
  const drafts: RowDraft[] = [];
  const refused: RefusedOrganization[] = [];
  const others = rows.organizations.map(({ id }) => id).filter((id) => id !== defaultPlanOrg);
  for (const orgId of [defaultPlanOrg, ...others]) {
    const own = orgId === defaultPlanOrg ? shared : readPipeline(orgId, pipelines.get(orgId), texts);
    const ruleSet = own.row?.rule_set ?? 'standard';
    const held = rules.filter(({ row }) => row.rule_set === ruleSet && isHeld(row.org_id, orgId));
    const problems = [
      ...quotaProblems(orgId, overfull),
      ...(own === shared ? [] : shared.checked.problems),
      ...own.checked.problems,
      ...ruleProblems(held),
    ];
    const draft = problems.length === 0 ? draftOf(orgId, shared, own, held, problems) : undefined;
    if (draft === undefined) refused.push({ orgId, problems });
    else drafts.push({ draft, topic: own.row?.source_topic ?? null });
  }
  const edited = rules.filter(({ row, problems }) => row.managed_by === 'database' && problems.length === 0);
  return { drafts, refused, rules: edited.flatMap(({ read }) => read ?? []) };
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
  problems.push(...draftProblems(draft, own.checked.placeOf), ...shareProblems(orgId, shared, own));
  return problems.length === 0 ? draft : undefined;
}

/**
 * Who may edit the row of an organization may be the organization itself: it takes no more of the lane that it shares
 * than everyone has. Files, and the row of `_default`, are the operator's.
 */
function shareProblems(orgId: string, shared: ReadPipeline, { row, checked }: ReadPipeline): Problem[] {
  if (orgId === defaultPlanOrg || row?.managed_by !== 'database') return [];
  const everyone = quotasOver(usualQuotas(laneLimits), shared.checked.value?.quotas);
  const wanted = Object.entries(checked.value?.quotas ?? {}) as [Quota, number][];
  return wanted
    .filter(([name, value]) => value > everyone[name])
    .map(([name, value]) => ({
      ...checked.placeOf(['quotas', name]),
      message: `${orgId}: quotas.${name} is ${value}, more than the ${everyone[name]} of everyone; only files, or the row of ${defaultPlanOrg}, give an organization more`,
    }));
}

function readPipeline(orgId: string, row: PipelineRow | undefined, texts: ReadTexts): ReadPipeline {
  // A text without a word is a section without a word, as it is in the file.
  const checked = texts.settings(`${pipelineRowName(orgId, row)}.settings`, row?.settings ?? '');
  return { row, checked };
}

export function pipelineRowName(orgId: string, row: Pick<PipelineRow, 'id'> | undefined): string {
  return `postgres pipelines(${orgId}, ${row?.id ?? 'none'})`;
}

function readRuleRow(row: RuleRow, texts: ReadTexts): ReadRuleRow {
  const file = ruleRowName(row);
  const { read, problems } = texts.rule(file, row.definition);
  if (read === undefined) return { row, read, problems };
  const wrong: Problem[] = [];
  const say = (message: string) => wrong.push({ file, line: 1, column: 1, message });
  if (read.rule.id !== row.id) say(`id: the definition says "${read.rule.id}", the column id says "${row.id}"`);
  if (read.organizations !== undefined)
    say('organizations: the column org_id says whom a rule holds for; remove the key');
  return { row, read: wrong.length === 0 ? read : undefined, problems: wrong };
}

function ruleRowName({ org_id, id }: { org_id: string; id: string }): string {
  return `postgres rules(${org_id}, ${id}).definition`;
}

/** Who has more rules than are read is not judged by a part of them; what everyone inherits stops everyone. */
function quotaProblems(orgId: string, overfull: ReadonlySet<string>): Problem[] {
  return [...new Set([defaultPlanOrg, orgId])]
    .filter((id) => overfull.has(id))
    .map((id) => ({
      file: `postgres rules(${id})`,
      line: 1,
      column: 1,
      message: `${id} has more than ${rulesOfOneMax} rules, or more than ${ruleBytesOfOneMax} bytes of them; remove some`,
    }));
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
