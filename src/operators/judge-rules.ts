import { type Campaign, type Flight, type FlightDates, part } from '../lane/campaign.ts';
import { frontierOf } from '../lane/completeness.ts';
import type { LaneState } from '../lane/lane-state.ts';
import type { KeptAlert, Organization } from '../lane/organization.ts';
import { sourceOf } from '../lane/plan-view.ts';
import { advertiserAlerts } from '../lane/sections/advertisers.ts';
import { flightAlerts, sourceAlerts } from '../lane/sections/alerts.ts';
import { ordersSection } from '../lane/sections/orders.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { organizationTimer } from '../lane/timers.ts';
import { assert } from '../model/errors.ts';
import { type EventTimeMs, hourMs, type LogTimeMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import { goalWords } from '../pacing/goal.ts';
import type { FlightBooks, PacingValues } from '../pacing/pacing.ts';
import { annotationsText, decidingCondition, fillText, spoken, valuesText } from '../rules/alert-receipt.ts';
import {
  type AlertState,
  announce,
  endAlert,
  freshAlert,
  hasClock,
  isPlainlyOk,
  passAlert,
  stepAlert,
  type Transition,
} from '../rules/alert-state.ts';
import { wordOf } from '../rules/asked-values.ts';
import { type CompiledRule, canonicalJson } from '../rules/compile-plan.ts';
import { type RuleValue, variableNames } from '../rules/condition.ts';
import { isKnown, isNothing, judgeAt } from '../rules/judgement.ts';
import { isForOrder } from '../rules/order.ts';
import { type CampaignFacts, campaignValues, sourceValues, unknownFlight } from '../rules/rule-values.ts';
import { meaningOf, type Told, tell, tellEnd } from '../rules/telling.ts';
import { AlertRows, type Judged, type Scope } from './alert-rows.ts';
import { alertsNearby, isFiring } from './alerts-nearby.ts';
import { JudgeTogether, type TogetherJudge } from './judge-together.ts';
import type { LaneOutputs } from './lane-outputs.ts';
import type { Operator } from './operator.ts';
import { type OrderJudge, PaceOrders } from './pace-orders.ts';
import { ReadFlight } from './read-flight.ts';
import {
  type CampaignMoment,
  campaignScope,
  isInUse,
  type OrderMoment,
  orderScope,
  sourceScope,
} from './rule-places.ts';

export interface FlightScope {
  readonly campaign: Campaign;
  readonly flight: Flight;
  readonly asOf: EventTimeMs;
  readonly t: LogTimeMs;
  readonly offset: number;
  readonly completeness: { readonly text: string };
  /** Of the flight at as_of; null = it is stale, or a moment that was left out. */
  readonly books: FlightBooks | null;
  /** Nothing is known but totals: the last word on a flight. */
  readonly isLastWord: boolean;
  /** A longer step than this between known outcomes left moments out, ms. */
  readonly gapMax: number;
  /** About how far apart moments are, ms. */
  readonly grain: number;
  readonly moments: Moments;
}

/** Who knows what a flight was like where nobody judged it. */
export interface Moments {
  /** The moments between `since` and as_of that were left out, as they turned out; oldest first. */
  missedSince(at: FlightScope, since: number): readonly PacedMoment[];
}

export interface PacedMoment {
  readonly asOf: EventTimeMs;
  readonly values: PacingValues;
}

type EndReason = 'scope_ended' | 'rule_updated' | 'rule_deleted';

/** The alert to judge, and whether its forerunner under an older rule just ended. */
interface Current {
  readonly alert: AlertState;
  readonly wasEnded: boolean;
}

/** Judges rules and moves their alerts (docs/semantics.md §8); every transition carries its receipt. */
export class JudgeRules implements Operator, OrderJudge, TogetherJudge {
  readonly name = 'rules';
  readonly does = 'conditions to alerts, with receipts';
  readonly timer = organizationTimer;
  readonly state: OwnedSections = {
    organizations: [sourceAlerts, ordersSection, advertiserAlerts],
    campaigns: [flightAlerts],
  };
  readonly #state: LaneState;
  readonly #rows: AlertRows;
  readonly #read: ReadFlight;

  readonly #orders: PaceOrders;
  readonly #together: JudgeTogether;

  constructor(state: LaneState, outputs: LaneOutputs) {
    this.#state = state;
    this.#orders = new PaceOrders(state, outputs);
    this.#together = new JudgeTogether(state);
    this.#rows = new AlertRows(state, outputs);
    this.#read = new ReadFlight(state);
  }

  /** `values` null = the flight is stale: every rule is unknown. */
  judgeFlight(at: FlightScope, values: PacingValues | null, isPersisted: boolean): void {
    const scope = this.#flightScope(at);
    const { rules, endedRules } = this.#state.planView(at.campaign);
    const { alerts } = at.flight;
    if (alerts.size > 0) {
      // A flight that runs again, because its end moved.
      this.#dropRules(scope, alerts, 'scope_ended', (id) => endedRules.some((rule) => rule.plan.id === id));
      this.#dropRules(scope, alerts, 'rule_deleted', (id) => !rules.some((rule) => rule.plan.id === id));
    }
    if (rules.length === 0) return;
    this.#judgeAll(at, scope, rules, values === null ? null : this.#read.values(at, values), isPersisted);
  }

  /** `known` null = unknown. */
  #judgeAll(
    at: FlightScope,
    scope: Scope,
    rules: readonly CompiledRule[],
    known: readonly RuleValue[] | null,
    isPersisted: boolean,
  ): void {
    const named = known ?? unknownFlight;
    const standing = { at: known === null ? at.t : at.asOf, zone: scope.zone };
    const { alerts } = at.flight;
    for (const rule of rules) {
      const before = alerts.size === 0 ? undefined : alerts.get(rule.plan.id);
      const judgement = judgeAt(rule, known, before?.state === 'firing', standing);
      if (before === undefined && !isPersisted && isNothing(judgement.outcome)) continue;
      const { alert, wasEnded } = this.#currentAlert(scope, before, rule);
      const judged = { judgement, values: named };
      if (known !== null && judgement.outcome !== 'outside') this.#passMissed(at, rule, alert, scope.zone);
      const transition = this.#step(scope, rule, alert, judged);
      if (isPlainlyOk(alert)) alerts.delete(rule.plan.id);
      else alerts.set(rule.plan.id, alert);
      if (isPersisted || wasEnded || transition !== null)
        this.#rows.writeEvaluation(scope, rule, alert, judged, transition);
    }
  }

  /** A feed that was late and then came: what it left out is judged in passing. */
  #passMissed(at: FlightScope, rule: CompiledRule, alert: AlertState, zone: Zone): void {
    const last = alert.lastKnown;
    if (last === null || at.asOf - last <= at.gapMax || !hasClock(alert)) return;
    for (const { asOf, values } of at.moments.missedSince(at, last)) {
      const named = this.#read.values({ ...at, asOf, books: null }, values);
      passAlert(alert, rule.plan, judgeAt(rule, named, false, { at: asOf, zone }), asOf);
    }
  }

  /**
   * The flight is over: alerts of its running end and say what became of it; rules about ended flights are judged, until
   * the last evaluation (`isLast`) ends them too.
   */
  judgeEnded(at: FlightScope, values: PacingValues, isPersisted: boolean, isLast: boolean): void {
    const scope = this.#flightScope(at);
    const { endedRules } = this.#state.planView(at.campaign);
    const { alerts } = at.flight;
    if (alerts.size === 0 && endedRules.length === 0) return;
    const named = this.#read.values(at, values, this.#read.askedByAlerts(at));
    this.#dropRules(scope, alerts, 'scope_ended', (id) => !endedRules.some((rule) => rule.plan.id === id), named);
    this.#judgeAll(at, scope, endedRules, named, isPersisted);
    if (isLast) this.#dropRules(scope, alerts, 'scope_ended', () => true, named);
  }

  /** Judges rules about money that no flight covers; `isNews` = a row of it was written. */
  judgeCampaign(
    at: CampaignMoment,
    alerts: Map<string, AlertState>,
    factsOf: () => CampaignFacts,
    isNews: boolean,
  ): void {
    const { campaignRules } = this.#state.planView(at.campaign);
    const scope = campaignScope(this.#state, at);
    if (alerts.size > 0) this.#state.touchParts(at.campaign, part.unplanned);
    this.#dropRules(scope, alerts, 'rule_deleted', (id) => !campaignRules.some((rule) => rule.plan.id === id));
    if (campaignRules.length === 0) return;
    const values = campaignValues(factsOf());
    const own = this.#state.campaignPlan(at.campaign);
    for (const { index, value } of this.#state.planView(at.campaign).askedOfCampaign)
      if (value.kind === 'word' || value.kind === 'label') values[index] = wordOf(value, at.campaign.id, '', own);
    if (this.#judgeList(scope, alerts, campaignRules, values, isNews))
      this.#state.touchParts(at.campaign, part.unplanned);
  }

  /** Judges what is not a flight by a list of values, null = unknown; true when alerts may be others than before. */
  #judgeList(
    scope: Scope,
    alerts: Map<string, AlertState>,
    rules: readonly CompiledRule[],
    known: readonly RuleValue[] | null,
    isNews: boolean,
  ): boolean {
    let isTouched = false;
    const standing = { at: known === null ? scope.t : scope.asOf, zone: scope.zone };
    for (const rule of rules) {
      const before = alerts.get(rule.plan.id);
      const judgement = judgeAt(rule, known, before?.state === 'firing', standing);
      if (before === undefined && !isNews && isNothing(judgement.outcome)) continue;
      const { alert, wasEnded } = this.#currentAlert(scope, before, rule);
      const judged = { judgement, values: known ?? nothingKnown };
      const transition = this.#step(scope, rule, alert, judged);
      if (isPlainlyOk(alert)) alerts.delete(rule.plan.id);
      else alerts.set(rule.plan.id, alert);
      isTouched = true;
      if (isNews || wasEnded || transition !== null) this.#rows.writeEvaluation(scope, rule, alert, judged, transition);
    }
    return isTouched;
  }

  /** Nobody looks at the campaign any more. */
  endCampaign(at: CampaignMoment, alerts: Map<string, AlertState>): void {
    this.#dropRules(campaignScope(this.#state, at), alerts, 'scope_ended', () => true);
  }

  /** Judges the source rules of an organization at its timer instant. */
  onTimer(slot: number, t: LogTimeMs, offset: number): void {
    const organization = this.#state.organizations[slot];
    assert(organization.timerAt === t, 'the timer that runs is the one that its organization waits for');
    const compiled = this.#state.planOf(organization.id);
    const { plan, sourceRules } = compiled;
    this.#dropAbsentSources(organization, t, offset);
    for (const name of Object.keys(plan.sources).sort()) {
      if (!isInUse(compiled, organization, name)) continue;
      const source = sourceOf(plan, name);
      const frontier = frontierOf(source, organization.frontiers.get(name), t);
      const values = sourceValues(name, frontier === null ? null : t - frontier, source);
      const completeness = { text: `${name}=${frontier ?? 'none'}` };
      const scope = sourceScope(this.#state, organization, name, { t, offset, completeness });
      for (const rule of sourceRules) this.judgeKept(scope, rule, values, organization.sourceAlerts, name);
    }
    if (plan.orders !== undefined || (organization.orders?.size ?? 0) > 0)
      this.#orders.look(organization, t, offset, this);
    this.#together.look(organization, t, offset, this);
    this.#state.rearmOrganization(organization, t);
  }

  rearm(): void {
    for (const organization of this.#state.organizations) {
      if (organization.timerAt !== null) this.#state.pushOrganizationTimer(organization);
    }
  }

  /** `known` null = unknown; `of` = what stands before the rule in the keys of the alerts. */
  judgeKept(
    scope: Scope,
    rule: CompiledRule,
    known: readonly RuleValue[] | null,
    alerts: Map<string, KeptAlert>,
    of: string,
  ): void {
    const key = `${of}|${rule.plan.id}`;
    const entry = alerts.get(key) ?? { alert: null, evaluatedAt: null };
    alerts.set(key, entry);
    const { alert, wasEnded } = this.#currentAlert(scope, entry.alert ?? undefined, rule);
    const standing = { at: scope.asOf, zone: scope.zone };
    const judgement = judgeAt(rule, known, alert.state === 'firing', standing);
    const judged = { judgement, values: known ?? nothingKnown };
    const transition = this.#step(scope, rule, alert, judged);
    entry.alert = isPlainlyOk(alert) ? null : alert;
    const isQuiet = transition === null && !wasEnded;
    if (isQuiet && entry.evaluatedAt !== null && scope.t - entry.evaluatedAt < hourMs) return;
    this.#rows.writeEvaluation(scope, rule, alert, judged, transition);
    entry.evaluatedAt = scope.t;
  }

  /** What the alert was about is there no more. */
  endKept(scope: Scope, ruleId: string, { alert }: KeptAlert): void {
    if (alert !== null) this.#end(scope, ruleId, alert, 'rule_deleted');
  }

  /** `known` null = the order is stale: every rule is unknown. */
  judgeOrder(at: OrderMoment, known: readonly RuleValue[] | null, isPersisted: boolean): void {
    const scope = orderScope(at);
    const { order } = at;
    const { alerts } = at.pace;
    const { orderRules } = this.#state.planOf(at.organization.id);
    const rules = orderRules.filter(({ plan }) => isForOrder(plan, at.id, order));
    this.#dropRules(scope, alerts, 'rule_deleted', (id) => !rules.some((rule) => rule.plan.id === id));
    this.#judgeList(scope, alerts, rules, known, isPersisted);
  }

  /** The order is over, or the plan has it no more. */
  endOrder(at: OrderMoment, reason: 'scope_ended' | 'rule_deleted'): void {
    this.#dropRules(orderScope(at), at.pace.alerts, reason, () => true);
  }

  #dropAbsentSources(organization: Organization, t: LogTimeMs, offset: number): void {
    const compiled = this.#state.planOf(organization.id);
    const { plan, sourceRules } = compiled;
    for (const key of [...organization.sourceAlerts.keys()].sort()) {
      const [source, ruleId] = key.split('|');
      if (source === '') continue;
      if (isInUse(compiled, organization, source) && sourceRules.some((rule) => rule.plan.id === ruleId)) continue;
      const kept = organization.sourceAlerts.get(key) as KeptAlert;
      const frontier = frontierOf(sourceOf(plan, source), organization.frontiers.get(source), t);
      const completeness = { text: `${source}=${frontier ?? 'none'}` };
      const scope = sourceScope(this.#state, organization, source, { t, offset, completeness });
      this.endKept(scope, ruleId, kept);
      organization.sourceAlerts.delete(key);
    }
  }

  /** Ends the alerts of the rules that `isOver` names; `named` = the values that they end with, where a flight ended. */
  #dropRules(
    scope: Scope,
    alerts: Map<string, AlertState>,
    reason: EndReason,
    isOver: (id: string) => boolean,
    named?: readonly RuleValue[],
  ): void {
    const over: string[] = [];
    for (const id of alerts.keys()) if (isOver(id)) over.push(id);
    for (const id of over.sort()) {
      this.#end(scope, id, alerts.get(id) as AlertState, reason, named);
      alerts.delete(id);
    }
  }

  /** The alert as it stands; a rule that was edited ends it and starts afresh. */
  #currentAlert(scope: Scope, alert: AlertState | undefined, rule: CompiledRule): Current {
    if (alert !== undefined && alert.ruleHash === rule.plan.hash) return { alert, wasEnded: false };
    const wasEnded = alert !== undefined && this.#end(scope, rule.plan.id, alert, 'rule_updated');
    return { alert: freshAlert(rule.plan.hash), wasEnded };
  }

  #step(scope: Scope, rule: CompiledRule, alert: AlertState, judged: Judged): Transition | null {
    const { outcome } = judged.judgement;
    const hours = rule.schedule?.outside === 'hold' ? rule.schedule : null;
    const moment = { x: scope.asOf, t: scope.t, hours, zone: scope.zone, patienceMs: scope.patienceMs ?? 0 };
    const before = meaningOf(alert);
    const moved = stepAlert(alert, rule.plan, judged.judgement, moment);
    if (moved === null && ((rule.isToldPlainly && alert.telling === null) || (outcome === 'outside' && hours !== null)))
      return null;
    const told = tell(alert, rule.plan, {
      t: scope.t,
      zone: scope.zone,
      isInhibited: this.#isInhibited(scope, rule),
      before,
      isCounted: isKnown(outcome),
    });
    const transition = moved ?? (told.isNews ? announce(alert) : null);
    if (transition !== null) this.#writeTransition(scope, rule, transition, judged, told);
    return transition;
  }

  /** Whether a rule that says it better fires nearby: of the same flight, campaign or source, or of a source that is waited for. */
  #isInhibited(scope: Scope, rule: CompiledRule): boolean {
    return rule.inhibitors.some((inhibitor) => alertsNearby(scope, inhibitor, this.#state).some(isFiring));
  }

  /** Ends an alert; true when that was a transition, or people were told of something that is over. */
  #end(scope: Scope, ruleId: string, alert: AlertState, reason: EndReason, named?: readonly RuleValue[]): boolean {
    const { ruleHash } = alert;
    const told = tellEnd(alert, meaningOf(alert));
    const transition = endAlert(alert, reason) ?? (told.isNews ? { ...announce(alert), reason } : null);
    if (transition === null) return false;
    const { plan, flightRules, endedRules } = this.#state.planOf(scope.orgId);
    const written = plan.rules.find((rule) => rule.id === ruleId);
    const rule = [...flightRules, ...endedRules].find((each) => each.plan.id === ruleId);
    const values = named === undefined || rule === undefined ? '{}' : valuesText(rule, named);
    const summary = `Rule ${ruleId}: ${reason}${named === undefined ? '' : verdict(named, scope.flight)}`;
    this.#rows.writeAlert(scope, transition, {
      ...{ ruleId, hash: ruleHash, mode: written?.mode ?? 'notify', condition: '', values, summary, told },
      ...{ labels: canonicalJson(written?.labels ?? {}), annotations: '{}' },
    });
    return true;
  }

  #writeTransition(scope: Scope, rule: CompiledRule, transition: Transition, { values }: Judged, told: Told): void {
    this.#rows.writeAlert(scope, transition, {
      ruleId: rule.plan.id,
      hash: rule.plan.hash,
      mode: rule.plan.mode,
      condition: decidingCondition(rule, transition),
      values: valuesText(rule, values),
      summary: fillText(rule.summary, scope, values),
      labels: rule.labelsText,
      annotations: annotationsText(rule, scope, values),
      told,
    });
  }

  #flightScope({ campaign, flight, asOf, t, offset, completeness }: FlightScope): Scope {
    // One object an evaluation, written out: a spread would make another.
    return {
      orgId: campaign.orgId,
      campaignId: campaign.id,
      flightId: flight.id,
      source: '',
      groupId: '',
      asOf,
      t,
      offset,
      completeness,
      zone: (flight.dates as FlightDates).zone,
      campaign,
      flight,
      organization: this.#state.organizations[campaign.orgSlot],
    };
  }
}

const nothingKnown: readonly RuleValue[] = [];
const statusAt = variableNames('flight').indexOf('p.status');
const deliveryAt = variableNames('flight').indexOf('p.delivery_pct');

/** What became of a flight. */
function verdict(named: readonly RuleValue[], flight: Flight | null): string {
  const reached = flight?.goal ? `${goalWords(flight.goal.unit)} delivered` : 'budget spent';
  return `, ${spoken(named[statusAt])} with ${spoken(named[deliveryAt])} % of the ${reached}`;
}
