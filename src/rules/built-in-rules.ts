import type { RulePlan } from './plan.ts';

/**
 * What a plan is judged by that has rules of flights and none of scope `campaign`: it was written before there were
 * any, and money that no flight covers should not go unseen for that. Ships as `config/rules/unplanned-spend.yaml` too
 * (a test compares them); who wants it otherwise writes a rule of that scope, such as this one in mode `shadow`.
 */
export const builtInRules: readonly Omit<RulePlan, 'hash'>[] = [
  {
    id: 'unplanned-spend',
    name: 'Money is spent that nobody planned',
    scope: 'campaign',
    mode: 'notify',
    guard: null,
    warning: { when: 'u.recent >= 1.0 && u.recent_pct > 5.0', clear: 'u.recent_pct <= 2.0', for_ms: 3_600_000 },
    critical: { when: 'u.recent >= 1.0 && u.recent_pct > 50.0', clear: 'u.recent_pct <= 40.0', for_ms: 3_600_000 },
    keep_firing_for_ms: 0,
    no_data: null,
    on_error: 'keep_last',
    summary:
      '{{c.campaign_id}} spent {{u.recent}} that nobody planned ({{u.status}}): {{u.recent_pct}} % of the last two days',
    match: {},
  },
];
