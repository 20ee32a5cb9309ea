import type { PipelineRow, PlanRows, RuleRow } from '../../../src/plans/postgres/plan-rows.ts';

export function pipelineRow(org_id: string, settings: string, other: Partial<PipelineRow> = {}): PipelineRow {
  return {
    org_id,
    id: 'main',
    source_topic: null,
    rule_set: 'standard',
    settings,
    managed_by: 'database',
    ...other,
  };
}

export function ruleRow(org_id: string, id: string, definition: string, other: Partial<RuleRow> = {}): RuleRow {
  return { org_id, id, rule_set: 'standard', definition, managed_by: 'database', ...other };
}

export function planRows(rows: Partial<PlanRows>, organizations: readonly string[] = []): PlanRows {
  const all = ['_default', ...organizations].map((id) => ({ id, managed_by: 'database' as const }));
  return { revision: 1n, organizations: all, pipelines: [], rules: [], overfull: [], ...rows };
}

/** A small rule, with one condition that can be made wrong. */
export function ruleText(id: string, when = 'p.osi_pct < 90.0'): string {
  return `# Why it exists.\nid: ${id}\nname: A rule\nwarning:\n  when: '${when}'\n  for: 1h\n`;
}
