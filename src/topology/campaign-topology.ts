import type { EventBatch, LaneDictionaries } from '../events/event-batch.ts';
import { LaneCodec } from '../lane/lane-codec.ts';
import { LaneState } from '../lane/lane-state.ts';
import { LetterAllowance } from '../lane/letter-allowance.ts';
import { letterAllowanceSection } from '../lane/sections/quotas.ts';
import { verifyLane } from '../lane/verify-lane.ts';
import { type LaneLimits, laneLimits } from '../model/lane-limits.ts';
import { limits as processLimits } from '../model/limits.ts';
import { floorTo, type LogTimeMs, minuteMs } from '../model/time.ts';
import { CheckRecords } from '../operators/check-records.ts';
import { DayBooker } from '../operators/day-booker.ts';
import { DuplicateCheck } from '../operators/duplicate-check.ts';
import { FollowFlights } from '../operators/follow-flights.ts';
import { FollowGoals } from '../operators/follow-goals.ts';
import { JudgeRules } from '../operators/judge-rules.ts';
import { LaneOutputs } from '../operators/lane-outputs.ts';
import { LookAhead } from '../operators/look-ahead.ts';
import { MeasureDays } from '../operators/measure-days.ts';
import type { Operator } from '../operators/operator.ts';
import { PaceFlights } from '../operators/pace-flights.ts';
import { extendSegment, type RawRecords, Segment } from '../operators/segment.ts';
import type { RowWriter } from '../rows/row-binary.ts';
import { inPresentShape } from '../rows/shapes.ts';
import type { LaneHarvest, LaneProgram, LaneProgramFactory, RecordTally, StreamRows } from '../runtime/lane-program.ts';
import type { LaneSnapshot } from '../state/state-store.ts';
import { Topology } from './topology.ts';

/** About what a dirty campaign adds to the delta; decides only when to commit early. */
const dirtyCampaignBytes = 200;

/** Lanes of a thread take turns: what one batch needs is fresh in its caches for the next. */
const segment = new Segment();

/** The topology of one lane: docs/semantics.md §1.3, record by record, as loops over segments. */
export class CampaignLane implements LaneProgram {
  readonly #state: LaneState;
  readonly #outputs: LaneOutputs;
  /** How all of its memory is written and read. */
  readonly codec: LaneCodec;
  readonly #lookAhead: LookAhead;
  /** The map: what runs, in this order. */
  readonly topology: Topology<Operator>;
  readonly #operators: readonly Operator[];
  /** By rank of their timers. */
  readonly #timerOwners: Operator[] = [];
  #topic = '';
  #dictionaries: LaneDictionaries | null = null;
  #tailClock = Number.NEGATIVE_INFINITY as LogTimeMs;
  /** Records that reached the tables' books. */
  #applied = 0;

  /** `planKey`: public key that the stream's plans begin with; absent = they need no signature. */
  constructor(
    lane: { partition: number; partitions: number; generation: number; planKey?: string | null },
    limits: LaneLimits = laneLimits,
  ) {
    const state = new LaneState(limits);
    this.#state = state;
    const isKnown = (orgId: string) => state.findOrganization(orgId) !== undefined;
    const letters = new LetterAllowance((orgId) => state.quotas.of(orgId).dead_letters_per_hour, isKnown);
    const outputs = new LaneOutputs(lane, letters, (orgId) => state.isClosed(orgId));
    const duplicates = new DuplicateCheck(state);
    const rules = new JudgeRules(state, outputs);
    const days = new DayBooker(state);
    this.#outputs = outputs;
    this.#lookAhead = new LookAhead(state, duplicates);
    // THE MAP of this product: what happens to a campaign event, left to right.
    this.topology = Topology.of<Operator>('campaigns')
      .source('events', 'one lane a partition')
      .step('decode', 'bytes to columns')
      .operator(new CheckRecords(state, outputs, { duplicates, days }, { planKey: null, ...lane }))
      .operator(new MeasureDays(state, outputs, days))
      .operator(new FollowFlights(state, outputs, days))
      .operator(new FollowGoals(state))
      .operator(new PaceFlights(state, outputs, rules))
      .operator(rules)
      .step('commit', 'delta, offset, outbox: one atomic step');
    this.#operators = this.topology.operators;
    for (const operator of this.#operators) this.#take(operator);
    state.sections.add({ lane: [letterAllowanceSection(letters)] });
    this.codec = new LaneCodec(state);
  }

  get clockMs(): number {
    return this.#state.clock;
  }
  get isAlertPending(): boolean {
    return this.#outputs.isAlertPending;
  }
  get dirtyBytes(): number {
    let bytes = this.#state.dirtyCampaigns.length * dirtyCampaignBytes + this.#outputs.byteLength;
    for (const operator of this.#operators) bytes += operator.dirtyBytes ?? 0;
    return bytes;
  }

  /** Those of its own campaigns, twice, so that they never are what fills the dictionaries. */
  get namesKeptMax(): number {
    return processLimits.namesKeptMax + 2 * (this.#state.campaigns.length + this.#state.organizations.length);
  }

  get tally(): RecordTally {
    const { uncounted, dropped } = this.#outputs;
    const { duplicate, test, stale_plan, stale_ledger } = dropped;
    return { applied: this.#applied, ...uncounted, dropped: duplicate + test + stale_plan + stale_ledger };
  }

  /** One loop, and all others in functions of their own: V8 compiles nested ones in the middle, and may throw that away each batch. */
  apply(batch: EventBatch, raw: RawRecords): void {
    this.#beginBatch(batch, raw);
    for (let row = 0; row < batch.count; row = segment.to) {
      this.#beginSegment(batch, row);
      this.#applySegment();
    }
    this.#applied += countedIn(segment, batch.count);
    this.#outputs.counts.add(batch);
    this.#topic = batch.topic;
    this.#outputs.tellDeadLetters(batch.topic);
    this.#outputs.tellClocks(batch.topic);
  }

  #beginBatch(batch: EventBatch, raw: RawRecords): void {
    this.#know(batch.dictionaries);
    segment.begin(batch, raw);
    for (const operator of this.#operators) operator.beginBatch?.();
    this.#lookAhead.beginBatch();
  }

  #beginSegment(batch: EventBatch, row: number): void {
    const { marks } = this.#state;
    this.#advanceClock(batch, row);
    marks.advance(this.#state.clock, batch.offsets[row], this.#state.longestWindow.ms);
    this.#runTimers(batch.offsets[row]);
    const end = this.#lookAhead.reach(segment, row);
    const { clock, timers } = this.#state;
    const nextMark = marks.nextAt(this.#state.longestWindow.ms);
    // Delivery may set a timer, which is then due in another minute.
    const nextMinute = floorTo(clock, minuteMs) + minuteMs;
    extendSegment(segment, row, end, clock, Math.min(timers.nextAt, nextMark, nextMinute));
  }

  #applySegment(): void {
    for (const operator of this.#operators) operator.onSegment?.(segment);
    this.#outputs.endSegment(segment);
  }

  tailStart(): number {
    return this.#state.marks.tail?.offset ?? 0;
  }

  remember(batch: EventBatch): void {
    if (this.#tailClock === Number.NEGATIVE_INFINITY)
      this.#tailClock = this.#state.marks.tail?.clock ?? this.#tailClock;
    this.#know(batch.dictionaries);
    segment.begin(batch, noRawRecords);
    for (let row = 0; row < batch.count; row++) {
      this.#tailClock = Math.max(this.#tailClock, batch.logTimes[row]) as LogTimeMs;
      segment.clocks[row] = this.#tailClock;
    }
    for (const operator of this.#operators) operator.remember?.(segment);
  }

  /** The clock has been at the record since it was refused. */
  rememberRefused(batch: EventBatch): void {
    this.#know(batch.dictionaries);
    segment.begin(batch, noRawRecords);
    segment.clocks.fill(this.#state.clock, 0, batch.count);
    for (const operator of this.#operators) operator.remember?.(segment);
  }

  harvest(seq: number): LaneHarvest {
    this.#outputs.counts.tell(this.#topic, this.#outputs.partition);
    const delta = this.codec.writeDelta(seq);
    if (this.#state.takeForgotten()) this.codec.hurry(seq);
    for (const operator of this.#operators) operator.harvest?.();
    this.codec.settle();
    const bases = this.codec.writeBases(seq, delta.length);
    const outputs = this.#outputs.writers.filter((writer) => writer.rows > 0).map(takeRows);
    this.#outputs.isAlertPending = false;
    return { delta, bases, oldestDeltaSeq: this.codec.oldestDeltaSeq(seq), outputs };
  }

  /** A commit that leaves nothing in the store that an older one wrote. */
  harvestWhole(seq: number): LaneHarvest {
    this.#state.takeForgotten();
    this.codec.hurry(seq, Number.POSITIVE_INFINITY);
    return this.harvest(seq);
  }

  /** How many campaigns of an organization it knows. */
  campaignsOf(orgId: string): number {
    return this.#state.campaigns.filter((campaign) => campaign.orgId === orgId).length;
  }

  distrustBases(): void {
    this.codec.distrustBases();
  }

  restore(snapshot: LaneSnapshot): void {
    this.codec.restore(snapshot);
    this.#state.timers.clear();
    for (const operator of this.#operators) operator.rearm?.();
  }

  /** Asserts that all that it keeps at hand is what the slow look-up finds; `batch` = the last one applied. */
  verify(batch: EventBatch | null): void {
    verifyLane(this.#state, batch?.dictionaries ?? null);
    for (const operator of this.#operators) operator.verify?.();
  }

  /** What is known by ids of other dictionaries is forgotten. */
  #know(dictionaries: LaneDictionaries): void {
    if (dictionaries === this.#dictionaries) return;
    this.#outputs.counts.tell(this.#topic, this.#outputs.partition);
    this.#dictionaries = dictionaries;
    this.#state.forgetIds();
    for (const operator of this.#operators) operator.forgetIds?.();
  }

  /** What the operator remembers is saved from now on, and its timers run. */
  #take(operator: Operator): void {
    if (operator.state !== undefined) this.#state.sections.add(operator.state);
    if (operator.timer === undefined) return;
    this.#state.timers.declare(operator.timer);
    this.#timerOwners[operator.timer.rank] = operator;
  }

  inPresentShape(stored: StreamRows): StreamRows {
    return inPresentShape(stored);
  }

  #advanceClock(batch: EventBatch, row: number): void {
    if (batch.logTimes[row] > this.#state.clock) this.#state.clock = batch.logTimes[row];
  }

  #runTimers(offset: number): void {
    const { timers, clock, limits } = this.#state;
    for (let ran = 0; ran < limits.timersPerRecordMax && timers.nextAt <= clock; ran++) {
      const { rank, slot, at } = timers.pop();
      this.#timerOwners[rank].onTimer?.(slot, at as LogTimeMs, offset);
    }
  }
}

function countedIn({ counted }: Segment, rows: number): number {
  let count = 0;
  for (let row = 0; row < rows; row++) count += counted[row];
  return count;
}

const noRawRecords: RawRecords = {
  bytes: new Uint8Array(0),
  keyStarts: new Int32Array(0),
  keyEnds: new Int32Array(0),
  valueStarts: new Int32Array(0),
  valueEnds: new Int32Array(0),
};

function takeRows(writer: RowWriter): StreamRows {
  const { name, shape } = writer.table;
  return { stream: name, shape, ...writer.take() };
}

export const createCampaignLane: LaneProgramFactory = (lane) => new CampaignLane(lane);
