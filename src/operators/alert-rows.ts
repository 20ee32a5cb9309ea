import type { Campaign, Flight } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { Organization } from '../lane/organization.ts';
import type { EventTimeMs, LogTimeMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import type { RowInHand, ruleEvaluations } from '../rows/tables.ts';
import { digest, valuesText } from '../rules/alert-receipt.ts';
import type { AlertState, Judgement, Transition } from '../rules/alert-state.ts';
import type { CompiledRule } from '../rules/compile-plan.ts';
import type { RuleValue } from '../rules/condition.ts';
import type { Told } from '../rules/telling.ts';
import type { LaneOutputs } from './lane-outputs.ts';

/** What a row says about where a rule was judged. */
export interface Scope {
  readonly orgId: string;
  readonly campaignId: string;
  readonly flightId: string;
  readonly source: string;
  /** Order that it is about; empty for all else. */
  readonly groupId: string;
  /** Advertiser that it is about; absent for all else. */
  readonly advertiser?: string;
  readonly asOf: EventTimeMs;
  readonly t: LogTimeMs;
  readonly offset: number;
  readonly completeness: { readonly text: string };
  /** In which its local time is told. */
  readonly zone: Zone;
  /** How long it may be unknown at least (`Moment`); of a source. */
  readonly patienceMs?: number;
  /** Null for a source, and for what campaigns come to together. */
  readonly campaign: Campaign | null;
  /** Null but for a flight. */
  readonly flight: Flight | null;
  readonly organization: Organization;
}

export interface Judged {
  readonly judgement: Judgement;
  readonly values: readonly RuleValue[];
}

interface AlertReceipt {
  readonly ruleId: string;
  readonly hash: string;
  readonly mode: string;
  readonly condition: string;
  readonly values: string;
  readonly summary: string;
  readonly labels: string;
  readonly annotations: string;
  readonly told: Told;
}

/** Writes what was judged and what became of alerts: rows with their receipts. */
export class AlertRows {
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  readonly #evaluation: RowInHand<typeof ruleEvaluations> = {
    org_id: '',
    rule_id: '',
    campaign_id: '',
    flight_id: '',
    source: '',
    as_of: 0,
    evaluated_at: 0,
    outcome: '',
    state: '',
    level: '',
    values: '',
    rule_hash: '',
    group_id: '',
    advertiser: '',
    plan_number: 0,
    partition: 0,
    version: 0,
  };

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  writeAlert(scope: Scope, transition: Transition, rule: AlertReceipt): void {
    const place = [scope.orgId, rule.ruleId, scope.campaignId, scope.flightId, scope.source];
    if (scope.groupId !== '') place.push(scope.groupId);
    if (scope.advertiser !== undefined) place.push('', scope.advertiser);
    const fingerprint = digest(place);
    const identity = [fingerprint, scope.asOf, scope.t, transition.from, transition.to];
    // An edited rule may fire and end at the very instant at which its alert ended.
    if (transition.reason === 'rule_updated') identity.push(transition.reason);
    this.#outputs.isAlertPending = true;
    this.#outputs.alerts.write({
      org_id: scope.orgId,
      alert_id: digest(identity),
      fingerprint,
      rule_id: rule.ruleId,
      campaign_id: scope.campaignId,
      flight_id: scope.flightId,
      source: scope.source,
      mode: rule.mode,
      from_state: transition.from,
      to_state: transition.to,
      level: transition.level,
      reason: transition.reason,
      as_of: scope.asOf,
      evaluated_at: scope.t,
      active_since: transition.activeSince,
      condition: rule.condition,
      values: rule.values,
      completeness: scope.completeness.text,
      summary: rule.summary,
      labels: rule.labels,
      annotations: rule.annotations,
      notified: rule.told.isNews ? 1 : 0,
      told: rule.told.told,
      withheld: rule.told.withheld,
      rule_hash: rule.hash,
      group_id: scope.groupId,
      advertiser: scope.advertiser ?? '',
      plan_number: this.#state.planOf(scope.orgId).plan.number,
      log_offset: scope.offset,
      partition: this.#outputs.partition,
      version: this.#outputs.version(scope.offset),
    });
  }

  writeEvaluation(
    scope: Scope,
    rule: CompiledRule,
    alert: AlertState,
    { judgement, values }: Judged,
    transition: Transition | null,
  ): void {
    const row = this.#evaluation;
    row.org_id = scope.orgId;
    row.rule_id = rule.plan.id;
    row.campaign_id = scope.campaignId;
    row.flight_id = scope.flightId;
    row.source = scope.source;
    row.as_of = scope.asOf;
    row.evaluated_at = scope.t;
    row.outcome = judgement.outcome;
    row.state = transition?.to === 'resolved' ? 'resolved' : alert.state;
    row.level = alert.level;
    row.values = valuesText(rule, values);
    row.rule_hash = rule.plan.hash;
    row.group_id = scope.groupId;
    row.advertiser = scope.advertiser ?? '';
    row.plan_number = this.#state.planOf(scope.orgId).plan.number;
    row.partition = this.#outputs.partition;
    row.version = this.#outputs.version(scope.offset);
    this.#outputs.evaluations.write(row);
  }
}
