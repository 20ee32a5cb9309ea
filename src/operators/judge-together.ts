import type { Campaign } from '../lane/campaign.ts';
import type { Completeness } from '../lane/completeness.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { KeptAlert, Organization } from '../lane/organization.ts';
import { OrganizationBooks } from '../lane/organization-books.ts';
import type { LogTimeMs } from '../model/time.ts';
import type { CompiledRule } from '../rules/compile-plan.ts';
import type { RuleValue } from '../rules/condition.ts';
import { advertiserValues, organizationValues } from '../rules/organization-values.ts';
import { isForCampaign } from '../rules/rule-scope.ts';
import { windowOver } from '../rules/window-values.ts';
import type { Scope } from './alert-rows.ts';
import { sourceScope } from './rule-places.ts';

/** Who moves the alerts of rules about campaigns together. */
export interface TogetherJudge {
  /** `known` null = unknown. */
  judgeKept(
    scope: Scope,
    rule: CompiledRule,
    known: readonly RuleValue[] | null,
    alerts: Map<string, KeptAlert>,
    of: string,
  ): void;
  endKept(scope: Scope, ruleId: string, kept: KeptAlert): void;
}

/** A rule, and the campaigns that it judges together. */
interface Judging {
  readonly rule: CompiledRule;
  /** Empty = the organization's. */
  readonly advertiser: string;
  readonly members: readonly Campaign[];
}

interface Timer {
  readonly organization: Organization;
  readonly t: LogTimeMs;
  readonly offset: number;
}

/** Judges what the campaigns of an organization, and of each of its advertisers, come to together (docs/semantics.md §8.8). */
export class JudgeTogether {
  readonly #state: LaneState;

  constructor(state: LaneState) {
    this.#state = state;
  }

  look(organization: Organization, t: LogTimeMs, offset: number, judge: TogetherJudge): void {
    const { organizationRules, advertiserRules } = this.#state.planOf(organization.id);
    const timer = { organization, t, offset };
    this.#leaveOrganization(timer, organizationRules, judge);
    const hasNone = organizationRules.length === 0 && advertiserRules.length === 0;
    if (hasNone && organization.advertiserAlerts === null) return;
    const books = new OrganizationBooks(this.#state, organization, t);
    for (const rule of organizationRules) {
      const members = books.campaigns.filter((each) => this.#isFor(rule, each));
      this.#judge(timer, { rule, advertiser: '', members }, books, organization.sourceAlerts, judge);
    }
    const ofAdvertisers = this.#ofAdvertisers(advertiserRules, books);
    organization.advertiserAlerts ??= new Map();
    this.#leaveAdvertisers(timer, organization.advertiserAlerts, ofAdvertisers, judge);
    for (const each of ofAdvertisers) this.#judge(timer, each, books, organization.advertiserAlerts, judge);
  }

  #isFor({ plan }: CompiledRule, campaign: Campaign): boolean {
    return isForCampaign(plan, campaign.id, this.#state.campaignPlan(campaign));
  }

  /** Advertisers with campaigns that a rule is for, by name; rules in their order. */
  #ofAdvertisers(rules: readonly CompiledRule[], books: OrganizationBooks): Judging[] {
    if (rules.length === 0) return [];
    const all = [...books.byAdvertiser()].sort(([a], [b]) => (a < b ? -1 : 1));
    return rules.flatMap((rule) =>
      all.flatMap(([advertiser, campaigns]): Judging[] => {
        const members = campaigns.filter((each) => this.#isFor(rule, each));
        return members.length === 0 ? [] : [{ rule, advertiser, members }];
      }),
    );
  }

  #judge(
    timer: Timer,
    { rule, advertiser, members }: Judging,
    books: OrganizationBooks,
    alerts: Map<string, KeptAlert>,
    judge: TogetherJudge,
  ): void {
    const completeness = books.completeness(members);
    const at = books.standpoint(completeness);
    const facts = books.facts(members);
    const values = advertiser === '' ? organizationValues(facts) : advertiserValues(advertiser, facts);
    if (rule.asked.length > 0) {
      const windows = books.windows(members, at, facts);
      for (const { index, value } of rule.asked)
        values[index] = value.kind === 'window' ? windowOver(value, windows) : null;
    }
    const stale = rule.plan.stale_members ?? (advertiser === '' ? 'counted' : 'unknown');
    const known = at === null && stale === 'unknown' ? null : values;
    judge.judgeKept(this.#scope(timer, advertiser, completeness), rule, known, alerts, advertiser);
  }

  #scope(
    { organization, t, offset }: Timer,
    advertiser: string,
    { text }: Pick<Completeness, 'text'> = { text: '' },
  ): Scope {
    const scope = sourceScope(this.#state, organization, '', { t, offset, completeness: { text } });
    return advertiser === '' ? scope : { ...scope, advertiser };
  }

  /** Rules that the plan has no more. */
  #leaveOrganization(timer: Timer, rules: readonly CompiledRule[], judge: TogetherJudge): void {
    const { sourceAlerts } = timer.organization;
    for (const key of [...sourceAlerts.keys()].sort()) {
      const [source, ruleId] = key.split('|');
      if (source !== '' || rules.some(({ plan }) => plan.id === ruleId)) continue;
      judge.endKept(this.#scope(timer, ''), ruleId, sourceAlerts.get(key) as KeptAlert);
      sourceAlerts.delete(key);
    }
  }

  /** And advertisers with no campaign any more that a rule is for. */
  #leaveAdvertisers(
    timer: Timer,
    alerts: Map<string, KeptAlert>,
    judged: readonly Judging[],
    judge: TogetherJudge,
  ): void {
    const kept = new Set(judged.map(({ rule, advertiser }) => `${advertiser}|${rule.plan.id}`));
    for (const key of [...alerts.keys()].sort()) {
      if (kept.has(key)) continue;
      const [advertiser, ruleId] = key.split('|');
      judge.endKept(this.#scope(timer, advertiser), ruleId, alerts.get(key) as KeptAlert);
      alerts.delete(key);
    }
  }
}
