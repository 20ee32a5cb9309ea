import { defaultPlanOrg } from '../model/ids.ts';
import type { CompiledPlan } from '../rules/compile-plan.ts';
import { usualDefaults } from '../rules/plan.ts';

/** Plan 0: what holds before any plan was written (docs/semantics.md §3). */
export const planZero: CompiledPlan = {
  plan: {
    format: 1,
    org_id: defaultPlanOrg,
    number: 0,
    defaults: usualDefaults,
    sources: {},
    profiles: {},
    rules: [],
    campaigns: {},
  },
  flightRules: [],
  endedRules: [],
  campaignRules: [],
  orderRules: [],
  advertiserRules: [],
  organizationRules: [],
  sourceRules: [],
  namingRules: [],
  neededSources: new Set(),
};
