import { type Detail, type EventBatch, flag, type Reject, type RejectReason } from '../events/event-batch.ts';
import {
  isByDay,
  isDelivery,
  isMedia,
  isRare,
  isReport,
  isSystem,
  mayRunAhead,
  namesCampaign,
} from '../events/kind-facts.ts';
import { kind } from '../events/kinds.ts';
import { internalErrorDetail, RecordFailures } from '../events/record-failures.ts';
import { saidBy } from '../lane/campaign.ts';
import { hotAt, hotWidth } from '../lane/hot-campaigns.ts';
import type { LaneState } from '../lane/lane-state.ts';
import { campaignSeen } from '../lane/sections/campaign-seen.ts';
import { planKeysSection } from '../lane/sections/plan-keys.ts';
import { dayQuotaSection } from '../lane/sections/quotas.ts';
import { rareIdsSection, totalIdsSection } from '../lane/sections/rare-ids.ts';
import { reachSection } from '../lane/sections/reach.ts';
import type { OwnedSections } from '../lane/sections/section.ts';
import { BrokenInvariant } from '../model/errors.ts';
import { grown } from '../model/grown.ts';
import { partitionOfKey } from '../model/hash.ts';
import { defaultPlanOrg, planKeysOrg } from '../model/ids.ts';
import type { LaneLimits } from '../model/lane-limits.ts';
import { type EventTimeMs, minuteMs } from '../model/time.ts';
import { isSafe } from '../model/whole.ts';
import { PlanProblem, readPlan } from '../rules/compile-plan.ts';
import { PlanGate, type PlansInForce } from '../rules/plan-gate.ts';
import { CheckQuotas } from './check-quotas.ts';
import type { DayBooker } from './day-booker.ts';
import type { DuplicateCheck } from './duplicate-check.ts';
import { FollowZone } from './follow-zone.ts';
import { closedDetail, type LaneOutputs } from './lane-outputs.ts';
import { NameCurrency } from './name-currency.ts';
import type { Operator } from './operator.ts';
import { bookedInstant, kindProblem, latestInstant } from './record-facts.ts';
import type { Segment } from './segment.ts';

const unchecked = 0;
const rightPartition = 1;
const wrongPartition = 2;

/**
 * The checks of docs/semantics.md §2, in their order: identity, partition, plan, future, late,
 * duplicate, test, currency. Rows that pass are marked as counted and know their campaign.
 */
export class CheckRecords implements Operator {
  readonly name = 'check';
  readonly does = 'identity, time, duplicates';
  readonly state: OwnedSections;
  readonly #state: LaneState;
  readonly #limits: LaneLimits;
  /** By number of the kind. */
  readonly #outputs: LaneOutputs;
  readonly #partition: number;
  readonly #partitions: number;
  /** By dictionary id of the organization. */
  #partitionVerdicts = new Uint8Array(1_024);
  readonly #duplicates: DuplicateCheck;
  readonly #quotas: CheckQuotas;
  readonly #gate: PlanGate;
  readonly #plansInForce: PlansInForce;
  readonly #currency: NameCurrency;
  readonly #zone: FollowZone;
  #rejectAt = 0;

  constructor(
    state: LaneState,
    outputs: LaneOutputs,
    { duplicates, days }: { duplicates: DuplicateCheck; days: DayBooker },
    lane: { partition: number; partitions: number; planKey: string | null },
  ) {
    this.#state = state;
    this.#limits = state.limits;
    this.#gate = new PlanGate({ partition: lane.partition, root: lane.planKey });
    this.#plansInForce = {
      numberOf: (orgId) => state.plans.get(orgId)?.compiled.plan.number,
      organizations: () => state.plans.keys(),
    };
    this.state = {
      lane: [planKeysSection(this.#gate)],
      organizations: [reachSection, dayQuotaSection],
      campaigns: [campaignSeen],
      grouped: [rareIdsSection(state.ids.rare), totalIdsSection(state.ids.total, state.ids.rare)],
    };
    this.#outputs = outputs;
    this.#duplicates = duplicates;
    this.#quotas = new CheckQuotas(state, duplicates);
    this.#currency = new NameCurrency(state, days);
    this.#zone = new FollowZone(state, days);
    this.#partition = lane.partition;
    this.#partitions = lane.partitions;
  }

  forgetIds(): void {
    this.#partitionVerdicts.fill(unchecked);
    this.#duplicates.forgetIds();
  }

  beginBatch(): void {
    this.#rejectAt = 0;
    this.#duplicates.beginBatch();
  }

  onSegment(segment: Segment): void {
    const { batch, clocks, from } = segment;
    const { timers } = this.#state;
    let row = from;
    for (;;) {
      try {
        for (; row < segment.to; row++) {
          // An organization met for the first time sets its timer: the segment ends before it is due.
          if (row > from && timers.isDue(clocks, row)) segment.to = row;
          else {
            this.#state.clock = clocks[row];
            if (this.#isPlain(segment, batch, row)) this.#countPlain(segment, row);
            else if (this.#changesMuch(segment, batch, row)) this.#alone(segment, batch, row);
            else this.#checkRow(segment, batch, row);
          }
        }
        return;
      } catch (error) {
        this.#stumble(segment, row, error);
        row += 1;
      }
    }
  }

  /** No record may end the process: until it is counted, nothing of it is in the books. */
  #stumble(segment: Segment, row: number, error: unknown): void {
    if (error instanceof BrokenInvariant || segment.counted[row] === 1) throw error;
    tellFailure(segment, row, error);
    this.#outputs.deadLetter(segment, row, 'internal_error', internalErrorDetail);
    this.#rememberRow(segment, row);
  }

  /**
   * Whether the record is what nearly all are: an impression or a click of an organization and a
   * campaign that are known, in time, and with nothing about it that any check looks at twice. Then
   * only the duplicate check is left. Changes nothing.
   */
  #isPlain({ clocks, slots }: Segment, batch: EventBatch, row: number): boolean {
    const recordKind = batch.kinds[row];
    if (recordKind !== kind.impression && recordKind !== kind.click) return false;
    const org = batch.orgs[row];
    const slot = slots[row];
    const isKnown = slot >= 0 && this.#partitionVerdicts[org] === rightPartition && this.#duplicates.knows(org);
    if (!isKnown || batch.keyOrgs[row] !== org || (batch.flags[row] & flag.test) !== 0) return false;
    const clock = clocks[row];
    const at = batch.eventTimes[row];
    const newest = this.#state.hasUntrustedClocks ? batch.logTimes[row] : clock + this.#limits.futureAllowanceMs;
    if (at > newest || at < clock - this.#limits.deliveryLatenessMs) return false;
    const { values } = this.#state.books.hot;
    const hot = slot * hotWidth;
    if (values[hot + hotAt.planEpoch] !== this.#state.planEpoch) return false;
    if (values[hot + hotAt.currencySaidBy] < saidBy.media) return false;
    if (clock - values[hot + hotAt.lastSeen] >= this.#limits.forgetAfterMs) return false;
    const { currencies } = this.#state.books;
    const currency = currencies.numberOf(batch.currencies[row], batch.dictionaries.currencies);
    if (values[hot + hotAt.currency] !== currency) return false;
    return recordKind === kind.click || isSafe(batch.amount2[row] * batch.counts[row]);
  }

  /** What it changes must not be seen by those before it, nor missed by those behind. */
  #alone(segment: Segment, batch: EventBatch, row: number): void {
    if (row > segment.from) {
      segment.to = row;
      return;
    }
    this.#checkRow(segment, batch, row);
    segment.to = row + 1;
  }

  /** A record that may bring a flight back that was over, give its campaign another currency, or be the first of a source. */
  #changesMuch({ clocks }: Segment, batch: EventBatch, row: number): boolean {
    const recordKind = batch.kinds[row];
    if (recordKind === kind.source_heartbeat) return this.#quotas.isUnheard(batch, row);
    if (isMedia[recordKind] === 0 && recordKind !== kind.performance_report) return false;
    const isLate = batch.eventTimes[row] < clocks[row] - this.#limits.deliveryLatenessMs;
    if (isLate && isDelivery[recordKind] === 1) return true;
    const campaign = this.#state.findCampaign(batch.orgs[row], batch.campaigns[row], batch.dictionaries);
    return campaign !== undefined && this.#currency.wouldRename(batch, row, campaign);
  }

  #countPlain(segment: Segment, row: number): void {
    if (this.#duplicates.isSeen(segment, row)) this.#outputs.dropped.duplicate += 1;
    else this.#count(segment, row, segment.slots[row]);
  }

  #checkRow(segment: Segment, batch: EventBatch, row: number): void {
    const recordKind = batch.kinds[row];
    if (recordKind === kind.rejected) this.#rejected(segment, row);
    else if (recordKind === kind.tick) this.#outputs.uncounted.control += 1;
    else if (this.#isIdentified(segment, row)) {
      if (isSystem[recordKind] === 1) this.#plan(segment, row);
      else this.#identified(segment, row);
    }
  }

  /** Fills the duplicate memory from records read back; `clocks` are the lane clock at each row. */
  remember(segment: Segment): void {
    this.#duplicates.beginBatch();
    for (let row = 0; row < segment.batch.count; row++) this.#rememberRow(segment, row);
  }

  /**
   * Also of a record over which we stumbled: a restart finds it in the log, and not what became of it. One whose
   * id is what we stumble over is remembered by nobody.
   */
  #rememberRow(segment: Segment, row: number): void {
    const { batch } = segment;
    if (isDelivery[batch.kinds[row]] === 0) return;
    try {
      // Who was known then is known now.
      const wasTaken = this.#identityProblem(batch, row) === null && this.#quotas.isKnown(batch, row);
      if (wasTaken) this.#duplicates.isSeen(segment, row);
    } catch (error) {
      if (error instanceof BrokenInvariant) throw error;
      tellFailure(segment, row, error);
    }
  }

  #rejected(segment: Segment, row: number): void {
    const { rejects } = segment.batch;
    while (rejects[this.#rejectAt].row < row) this.#rejectAt += 1;
    const reject: Reject = rejects[this.#rejectAt];
    this.#outputs.deadLetter(segment, row, reject.reason, reject.detail, reject.schemaId);
  }

  #isIdentified(segment: Segment, row: number): boolean {
    const problem = this.#identityProblem(segment.batch, row);
    if (problem === null) return true;
    this.#outputs.deadLetter(segment, row, problem, identityDetail(problem, segment.batch, row, this.#partition));
    return false;
  }

  #identityProblem(batch: EventBatch, row: number): RejectReason | null {
    const org = batch.orgs[row];
    if (org >= this.#partitionVerdicts.length) this.#growOrganizations(org);
    if (batch.kinds[row] === kind.org_plan && this.#isForEveryone(batch.dictionaries.orgs.text(org))) {
      return batch.keyOrgs[row] === -1 ? null : 'key_mismatch';
    }
    if (batch.keyOrgs[row] !== org) return 'key_mismatch';
    let verdict = this.#partitionVerdicts[org];
    if (verdict === unchecked) {
      verdict = this.#checkPartition(batch.dictionaries.orgs.text(org));
      this.#partitionVerdicts[org] = verdict;
    }
    if (verdict === rightPartition || (verdict === wrongPartition && closesDoor(batch, row))) return null;
    return verdict === wrongPartition ? 'wrong_partition' : 'bad_id';
  }

  /** Plans that go into every lane have no key: a key names one partition. */
  #isForEveryone(org: string): boolean {
    return org === defaultPlanOrg || (org === planKeysOrg && this.#gate.hasRoot);
  }

  #checkPartition(org: string): number {
    if (org.startsWith('_')) return 3;
    const bytes = Buffer.from(org);
    const isRight = partitionOfKey(bytes, 0, bytes.length, this.#partitions) === this.#partition;
    return isRight ? rightPartition : wrongPartition;
  }

  #identified(segment: Segment, row: number): void {
    const { batch, clocks } = segment;
    const recordKind = batch.kinds[row];
    const clock = clocks[row];
    const noRoom = this.#quotas.organization(batch, row);
    if (noRoom !== null) return this.#overQuota(segment, row, noRoom);
    if (this.#state.isClosed(batch.dictionaries.orgs.text(batch.orgs[row]))) return this.#closed(segment, row);
    // Whatever becomes of the record, its organization is known from now on, and its timer is set.
    this.#duplicates.orgSlot(batch, row);
    const isSeen = isDelivery[recordKind] === 1 && this.#duplicates.isSeen(segment, row);
    if (mayRunAhead[recordKind] === 1 && this.#state.isUntrusted(batch, row)) this.#setClockRight(batch, row);
    if (latestInstant(batch, row) > clock + this.#limits.futureAllowanceMs) return this.#future(segment, row);
    if (namesCampaign[recordKind] === 0) return this.#heartbeat(segment, row);
    if (this.#isFutureDay(segment, row)) return this.#future(segment, row);
    const bookedAt = this.#bookedAt(batch, row);
    const oldest = this.#oldest(batch, row, clock);
    if (bookedAt < oldest) return this.#outputs.lateEvent(batch, row, bookedAt, oldest - bookedAt);
    const over = isRare[recordKind] === 1 ? this.#quotas.rareRecord(batch, row, clock) : null;
    if (over !== null) return this.#overQuota(segment, row, over);
    if (isSeen || (isRare[recordKind] === 1 && this.#duplicates.isRareDuplicate(batch, row, clock))) {
      this.#outputs.dropped.duplicate += 1;
      return;
    }
    if ((batch.flags[row] & flag.test) !== 0) {
      this.#outputs.dropped.test += 1;
      return;
    }
    this.#known(segment, row);
  }

  #closed(segment: Segment, row: number): void {
    this.#outputs.deadLetter(segment, row, 'organization_closed', closedDetail);
  }

  #heartbeat(segment: Segment, row: number): void {
    const over = this.#quotas.source(segment.batch, row);
    if (over === null) this.#count(segment, row, -1);
    else this.#overQuota(segment, row, over);
  }

  #overQuota(segment: Segment, row: number, detail: string): void {
    this.#outputs.deadLetter(segment, row, 'quota', detail);
  }

  /** The record is valid: find its campaign and check what depends on it. */
  #known(segment: Segment, row: number): void {
    const { batch } = segment;
    const slot = this.#slot(segment, row);
    if (slot < 0) return;
    const campaign = this.#state.campaigns[slot];
    if (campaign.zone === null && batch.kinds[row] !== kind.flight_changed) {
      this.#zone.ofPlan(campaign, batch.offsets[row]);
    }
    const wrong = this.#currency.hear(batch, row, campaign);
    if (wrong >= 0) return this.#otherCurrency(segment, row, wrong, campaign.currency);
    const problem = kindProblem(batch, row);
    if (problem !== null) return this.#outputs.deadLetter(segment, row, problem.reason, problem.detail);
    this.#count(segment, row, slot);
  }

  /** Before this instant the record would be late. */
  #oldest(batch: EventBatch, row: number, clock: number): number {
    const oldest = clock - this.#state.latenessOf(batch, row);
    if (isReport[batch.kinds[row]] === 0) return oldest;
    return Math.max(oldest, this.#state.organizationOf(batch.orgs[row], batch.dictionaries).reportsSince);
  }

  /** A clock that runs ahead is not believed: what it says happened no later than it was logged. A period begins when it does. */
  #setClockRight(batch: EventBatch, row: number): void {
    const at = batch.logTimes[row];
    const { eventTimes, t1, t2 } = batch;
    const recordKind = batch.kinds[row];
    const isTold1 = recordKind === kind.conversion || recordKind === kind.source_heartbeat;
    const isTold2 = recordKind === kind.conversion || isReport[recordKind] === 1;
    if (!(eventTimes[row] > at || (isTold1 && t1[row] > at) || (isTold2 && t2[row] > at))) return;
    this.#outputs.clocksSetRight += 1;
    batch.flags[row] |= flag.setRight;
    eventTimes[row] = Math.min(eventTimes[row], at) as EventTimeMs;
    if (isTold1) t1[row] = Math.min(t1[row], at);
    if (isTold2 && t2[row] > at) t2[row] = at;
    if (isReport[recordKind] === 1) endBy(batch, row, at);
  }

  #otherCurrency(segment: Segment, row: number, currency: number, known: string): void {
    const { currencies } = this.#state.books;
    const detail = `currency is ${currencies.text(currency)}, the campaign's is ${known}`;
    this.#outputs.deadLetter(segment, row, 'currency_mismatch', detail);
  }

  #count(segment: Segment, row: number, slot: number): void {
    segment.counted[row] = 1;
    segment.slots[row] = slot;
    if (slot < 0) return;
    const { values } = this.#state.books.hot;
    const hot = slot * hotWidth;
    values[hot + hotAt.lastSeen] = segment.clocks[row];
    // Some records change nothing else; a restore must know of them all the same.
    if (values[hot + hotAt.isDirty] === 0) this.#state.touch(this.#state.campaigns[slot]);
  }

  /** The slot of the record's campaign; -1 when the lane has no room for another. */
  #slot(segment: Segment, row: number): number {
    const { batch } = segment;
    // Known ahead for nearly all rows; not for a campaign that an earlier row of the batch made.
    let slot = segment.slots[row];
    if (slot < 0) slot = this.#findOrMake(segment, batch, row);
    if (slot < 0) return slot;
    const idleMs = this.#state.clock - this.#state.books.hot.values[slot * hotWidth + hotAt.lastSeen];
    if (idleMs >= this.#limits.forgetAfterMs) this.#state.forgetIfIdle(this.#state.campaigns[slot]);
    return slot;
  }

  #findOrMake(segment: Segment, batch: EventBatch, row: number): number {
    const { dictionaries } = batch;
    const found = this.#state.findCampaign(batch.orgs[row], batch.campaigns[row], dictionaries);
    if (found !== undefined) return found.slot;
    const over = this.#quotas.campaign(batch, row);
    if (over !== null) {
      this.#overQuota(segment, row, over);
      return -1;
    }
    if (this.#state.campaigns.length < this.#limits.campaignsPerLaneMax) {
      return this.#state.createCampaign(batch.orgs[row], batch.campaigns[row], dictionaries).slot;
    }
    const detail = `the lane already holds ${this.#limits.campaignsPerLaneMax} campaigns`;
    this.#outputs.deadLetter(segment, row, 'too_many_campaigns', detail);
    return -1;
  }

  #plan(segment: Segment, row: number): void {
    const { batch } = segment;
    const detail = batch.details.get(row) as Detail & { kind: 'org_plan' };
    const { org_id: orgId, body } = detail;
    const isOfAll = orgId === defaultPlanOrg || orgId === planKeysOrg;
    const noRoom = isOfAll ? null : this.#quotas.plannedOrganization(batch, row);
    if (noRoom !== null) return this.#overQuota(segment, row, noRoom);
    const needsPlan = !isOfAll && this.#quotas.isUninvited(batch, row);
    const verdict = this.#gate.take({ ...detail, offset: batch.offsets[row] }, this.#plansInForce);
    if (verdict.kind === 'in_force') {
      this.#state.putPlan(orgId, verdict.compiled, body, batch.offsets[row]);
      if (this.#state.isClosed(orgId)) {
        // It has another slot now, and so will its campaigns, should they come back.
        this.#duplicates.forgetIds();
        segment.slots.fill(-1, row + 1, batch.count);
      }
    }
    // Known too, but only now: its timer goes by the plan that has just come into force.
    if (!isOfAll && (verdict.kind === 'in_force' || !needsPlan)) this.#duplicates.orgSlot(batch, row);
    if (verdict.kind === 'refused') this.#outputs.deadLetter(segment, row, verdict.reason, verdict.detail);
    else if (verdict.kind === 'stale') this.#outputs.dropped.stale_plan += 1;
    else this.#outputs.uncounted.control += 1;
  }

  #future(segment: Segment, row: number): void {
    const ahead = Math.round(latestInstant(segment.batch, row) - segment.clocks[row]);
    const detail = `an instant of the record lies ${ahead} ms ahead of the lane clock; at most ${this.#limits.futureAllowanceMs} are allowed`;
    this.#outputs.deadLetter(segment, row, 'from_the_future', detail);
  }

  /** The first instant of a day decides. */
  #isFutureDay({ batch, clocks }: Segment, row: number): boolean {
    if (isByDay[batch.kinds[row]] === 0) return false;
    return this.#bookedAt(batch, row) > clocks[row] + this.#limits.futureAllowanceMs;
  }

  #bookedAt(batch: EventBatch, row: number): number {
    if (isByDay[batch.kinds[row]] === 0) return bookedInstant(batch, row);
    return this.#zoneOf(batch, row).dayStart(batch.t1[row]);
  }

  #zoneOf(batch: EventBatch, row: number) {
    const campaign = this.#state.findCampaign(batch.orgs[row], batch.campaigns[row], batch.dictionaries);
    if (campaign !== undefined) return this.#state.zoneOf(campaign);
    return this.#state.defaultZone(batch.dictionaries.orgs.text(batch.orgs[row]));
  }

  #growOrganizations(id: number): void {
    this.#partitionVerdicts = grown(this.#partitionVerdicts, Math.max(id + 1, this.#partitionVerdicts.length * 2));
  }
}

function tellFailure({ batch }: Segment, row: number, error: unknown): void {
  const failures = new RecordFailures('check', batch);
  failures.note(row, error);
  failures.publish();
}

/** A plan that closes its organization goes into every lane: a producer with another partitioner sends to any. */
/** A report that was asked for at an instant speaks of no time after it. */
function endBy({ details, t1 }: EventBatch, row: number, at: number): void {
  const detail = details.get(row) as Detail & { kind: 'spend' | 'performance_report' };
  const to = Math.max(t1[row], Math.min(detail.to, Math.ceil(at / minuteMs) * minuteMs));
  details.set(row, { ...detail, to });
}

function closesDoor({ kinds, details }: EventBatch, row: number): boolean {
  if (kinds[row] !== kind.org_plan) return false;
  try {
    return readPlan((details.get(row) as Detail & { kind: 'org_plan' }).body).plan.closed === true;
  } catch (cause) {
    if (cause instanceof PlanProblem) return false;
    throw cause;
  }
}

function identityDetail(problem: RejectReason, batch: EventBatch, row: number, partition: number): string {
  const org = batch.dictionaries.orgs.text(batch.orgs[row]);
  if (problem === 'wrong_partition') return `murmur2 of key "${org}" is not partition ${partition}`;
  if (problem === 'bad_id') return `organization "${org}" is reserved`;
  return `the record key is not the organization "${org}"`;
}
