import type { Campaign, Flight } from '../lane/campaign.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { Organization } from '../lane/organization.ts';
import type { EventTimeMs, LogTimeMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
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
  readonly asOf: EventTimeMs;
  readonly t: LogTimeMs;
  readonly offset: number;
  readonly completeness: { readonly text: string };
  /** In which its local time is told. */
  readonly zone: Zone;
  /** Null for a source. */
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

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#outputs = outputs;
  }

  writeAlert(scope: Scope, transition: Transition, rule: AlertReceipt): void {
    const fingerprint = digest([scope.orgId, rule.ruleId, scope.campaignId, scope.flightId, scope.source]);
    this.#outputs.isAlertPending = true;
    this.#outputs.alerts.write({
      org_id: scope.orgId,
      alert_id: digest([fingerprint, scope.asOf, scope.t, transition.from, transition.to]),
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
    this.#outputs.evaluations.write({
      org_id: scope.orgId,
      rule_id: rule.plan.id,
      campaign_id: scope.campaignId,
      flight_id: scope.flightId,
      source: scope.source,
      as_of: scope.asOf,
      evaluated_at: scope.t,
      outcome: judgement.outcome,
      state: transition?.to === 'resolved' ? 'resolved' : alert.state,
      level: alert.level,
      values: valuesText(rule, values),
      rule_hash: rule.plan.hash,
      plan_number: this.#state.planOf(scope.orgId).plan.number,
      partition: this.#outputs.partition,
      version: this.#outputs.version(scope.offset),
    });
  }
}
