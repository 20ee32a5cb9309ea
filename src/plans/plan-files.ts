import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, type Problem } from '../control/config/problem.ts';
import { fileTrouble } from '../model/file-trouble.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import { nearest } from '../model/nearest.ts';
import { readTextFile } from '../model/read-text.ts';
import { inhibitionProblems } from '../rules/inhibition.ts';
import type { PlanDraft } from '../rules/plan.ts';
import { checkFile } from './checked-file.ts';
import { draftProblems, makeDraft } from './make-draft.ts';
import { listOrganizations, organizationsFileSchema } from './organizations-file.ts';
import { type ReadRule, readRule } from './rule-file.ts';

export interface PlanFiles {
  /** One draft an organization, the default first. */
  readonly drafts: readonly PlanDraft[];
  readonly rules: readonly ReadRule[];
  /** Text of the organizations file. */
  readonly organizationsText: string;
}

/**
 * Reads organizations and rules and makes one plan draft an organization. Throws a ConfigError that
 * lists every problem of every file with its place; nothing is half applied. Without `rules` drafts have none.
 */
export function readPlanFiles(paths: { organizations: string; rules: string | null }): PlanFiles {
  const problems: Problem[] = [];
  const rules = paths.rules === null ? [] : readRules(paths.rules, problems);
  const text = readText(paths.organizations, problems);
  if (text === undefined) throw new ConfigError(problems);
  const checked = checkFile(paths.organizations, text, organizationsFileSchema);
  problems.push(...checked.problems);
  if (checked.value === undefined) throw new ConfigError(problems);
  const known = new Set(Object.keys(checked.value.organizations ?? {}));
  problems.push(...unknownOrganizations(rules, known), ...inhibitionTroubles(rules));
  const drafts = listOrganizations(checked.value).map((settings) =>
    makeDraft(settings, rulesFor(settings.org_id, rules)),
  );
  for (const draft of drafts) {
    const root = draft.org_id === defaultPlanOrg ? ['defaults'] : ['organizations', draft.org_id];
    problems.push(...draftProblems(draft, (path) => checked.placeOf([...root, ...path])));
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return { drafts, rules, organizationsText: text };
}

/** Rule tests lie beside the rules, or in a directory `tests` among them (docs/testing-rules.md). */
export const testFilePattern = /\.test\.ya?ml$/;

/** The rules of a directory, one a file; adds what is wrong to `problems`. */
export function readRules(directory: string, problems: Problem[]): ReadRule[] {
  const rules: ReadRule[] = [];
  for (const name of listYaml(directory, problems)) {
    const file = join(directory, name);
    const text = readText(file, problems);
    if (text === undefined) continue;
    const { read, problems: found } = readRule(file, text);
    problems.push(...found);
    const twin = rules.find((other) => other.rule.id === read?.rule.id);
    if (twin !== undefined) {
      problems.push({ file, line: 1, column: 1, message: `rule id "${twin.rule.id}" is also used in ${twin.file}` });
    }
    if (read !== undefined) rules.push(read);
  }
  return rules;
}

function listYaml(directory: string, problems: Problem[]): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.ya?ml$/.test(name) && !testFilePattern.test(name))
      .sort();
  } catch (cause) {
    problems.push({ file: directory, line: 1, column: 1, message: fileTrouble(cause, directory) });
    return [];
  }
}

function readText(file: string, problems: Problem[]): string | undefined {
  try {
    return readTextFile(file);
  } catch (cause) {
    problems.push({ file, line: 1, column: 1, message: fileTrouble(cause, file) });
    return undefined;
  }
}

function rulesFor(orgId: string, rules: readonly ReadRule[]): ReadRule[] {
  return rules.filter(({ organizations }) => organizations === undefined || organizations.includes(orgId));
}

/** Rules that silence nobody, or each other. */
function inhibitionTroubles(rules: readonly ReadRule[]): Problem[] {
  const known = rules.map(({ rule }) => rule.id);
  const unknown = rules.flatMap(({ rule: { inhibited_by = [] }, placeOf }) =>
    inhibited_by.flatMap((id, index) => {
      if (known.includes(id)) return [];
      const near = nearest(id, known);
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      return [{ ...placeOf(['inhibited_by', index]), message: `no rule "${id}"${hint}` }];
    }),
  );
  const wrong = inhibitionProblems(rules.map(({ rule }) => rule)).flatMap(({ rule, index, message }) => {
    const read = rules.find((each) => each.rule.id === rule);
    return read === undefined ? [] : [{ ...read.placeOf(['inhibited_by', index]), message }];
  });
  return [...unknown, ...wrong];
}

function unknownOrganizations(rules: readonly ReadRule[], known: ReadonlySet<string>): Problem[] {
  return rules.flatMap(({ organizations = [], organizationPlaces }) =>
    organizations.flatMap((orgId, index) => {
      if (orgId === defaultPlanOrg || known.has(orgId)) return [];
      const near = nearest(orgId, known);
      const hint = near === undefined ? '' : `; did you mean "${near}"?`;
      return [
        { ...organizationPlaces[index], message: `organization "${orgId}" is not in the organizations file${hint}` },
      ];
    }),
  );
}
