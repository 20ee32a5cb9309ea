import { eventKinds, kinds } from '../events/kinds.ts';
import { goldNamespace } from '../lakehouse/jobs/write-gold.ts';
import { silverNamespace } from '../lakehouse/jobs/write-silver.ts';
import { silverTables } from '../lakehouse/layers/silver/silver-kinds.ts';
import { idPattern } from '../model/ids.ts';
import { tables } from '../rows/tables.ts';
import type { Config } from './settings.ts';

interface NameProblem {
  /** The setting, dotted. */
  readonly name: string;
  readonly message: string;
}

/**
 * Names in the settings of tiers that nothing bears: a slip there would keep what should go, or delete what should be
 * kept, and nobody would hear of it.
 */
export function tierNameProblems({ tiers }: Pick<Config, 'tiers'>): NameProblem[] {
  const hot = tables.map(({ name }) => name);
  const silver = silverTables(eventKinds.map((kind) => ({ kind, lateness: kinds[kind].lateness, fields: [] })));
  const lake = [
    ...silver.map(({ name }) => `${silverNamespace}.${name}`),
    ...hot.map((name) => `${goldNamespace}.${name}`),
  ];
  const isOrganization = (name: string): boolean => idPattern.test(name) && !name.startsWith('_');
  const looksLikeTable = (name: string): boolean => /^(silver|gold)\./.test(name) || hot.includes(name);
  const problems: NameProblem[] = [];
  for (const name of Object.keys(tiers.hot_days_of))
    if (!hot.includes(name))
      problems.push({ name: 'tiers.hot_days_of', message: `${name} is no table; the tables are ${hot.join(', ')}` });
  for (const name of Object.keys(tiers.lake_days_of)) {
    if (lake.includes(name) || (isOrganization(name) && !looksLikeTable(name))) continue;
    const message = `${name} is neither an organization nor a table of the lake, which are ${lake.join(', ')}`;
    problems.push({ name: 'tiers.lake_days_of', message });
  }
  for (const name of tiers.legal_hold)
    if (!isOrganization(name))
      problems.push({ name: 'tiers.legal_hold', message: `"${name}" is no name of an organization` });
  return problems;
}
