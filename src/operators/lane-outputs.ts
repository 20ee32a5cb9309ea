import { hash } from 'node:crypto';
import type { EventBatch, RejectReason } from '../events/event-batch.ts';
import { hasMoney } from '../events/kind-facts.ts';
import { rowKindNames } from '../events/kinds.ts';
import type { LetterAllowance } from '../lane/letter-allowance.ts';
import { publishFact } from '../model/facts.ts';
import { organizationOfKey } from '../model/ids.ts';
import { laneName, versionOf } from '../model/lane.ts';
import { limits } from '../model/limits.ts';
import { orderSnapshots } from '../rows/order-snapshots.ts';
import { RowWriter } from '../rows/row-binary.ts';
import {
  alertEvents,
  campaignMetricsDaily,
  conversionsDaily,
  deadLetters,
  lateEvents,
  otherRevenue,
  pacingSnapshots,
  ruleEvaluations,
  type Table,
  unplannedSpend,
} from '../rows/tables.ts';
import { OrganizationCounts } from './organization-counts.ts';
import type { RawRecords, Segment } from './segment.ts';

const keyBytesMax = 1_024;

/** What every letter of a closed organization says, whatever else is wrong with the record. */
export const closedDetail = 'the organization was erased; its records are refused until it is opened anew';

/** The record of a row, why it is refused, and of whose share it takes. */
interface Letter {
  readonly row: number;
  readonly reason: RejectReason;
  readonly detail: string;
  /** Undefined = that of its row. */
  readonly schemaId: number | undefined;
  readonly orgId: string;
  readonly owner: string;
}

/** The rows a lane has made since its last commit, already in their sink's bytes. */
export class LaneOutputs {
  /** Of every table, in the order in which operators asked for them. */
  readonly writers: RowWriter[] = [];
  readonly days = this.rowsOf(campaignMetricsDaily);
  readonly snapshots = this.rowsOf(pacingSnapshots);
  readonly evaluations = this.rowsOf(ruleEvaluations);
  readonly alerts = this.rowsOf(alertEvents);
  readonly letters = this.rowsOf(deadLetters);
  readonly late = this.rowsOf(lateEvents);
  readonly unplanned = this.rowsOf(unplannedSpend);
  readonly otherRevenue = this.rowsOf(otherRevenue);
  readonly conversions = this.rowsOf(conversionsDaily);
  readonly orders = this.rowsOf(orderSnapshots);
  readonly partition: number;
  readonly generation: number;
  readonly counts = new OrganizationCounts();
  /** An alert opened or closed: people wait for it, so the commit should not. */
  isAlertPending = false;
  readonly #allowance: LetterAllowance;
  readonly #isClosed: (orgId: string) => boolean;
  /** Of the segment under way, in no order. */
  readonly #pending: Letter[] = [];
  /** Records so far that no table counts, by what became of them; `control` are ticks and plans. */
  readonly uncounted = { dead: 0, late: 0, control: 0 };
  /** Records dropped so far, by why. */
  readonly dropped = { duplicate: 0, test: 0, stale_plan: 0, stale_ledger: 0 };
  /** Dead letters since they were last told, by reason. */
  readonly #buried = new Map<RejectReason, { records: number; readonly offset: number; readonly detail: string }>();
  /** Events of untrusted clocks that counted at the log's time since they were last told. */
  clocksSetRight = 0;
  #versionOffset = -1;
  #version = 0n;

  /** `isClosed`: of whose letters no bytes are kept. */
  constructor(
    lane: { readonly partition: number; readonly generation: number },
    allowance: LetterAllowance,
    isClosed: (orgId: string) => boolean,
  ) {
    this.partition = lane.partition;
    this.generation = lane.generation;
    this.#allowance = allowance;
    this.#isClosed = isClosed;
  }

  /** Of rows that the record of `offset` made or changed; rules make several at one. */
  version(offset: number): bigint {
    if (offset !== this.#versionOffset) {
      this.#versionOffset = offset;
      this.#version = versionOf(this.generation, offset);
    }
    return this.#version;
  }

  /** The writer of a table's rows; what it holds leaves with the next commit. */
  rowsOf<T extends Table>(table: T): RowWriter<T> {
    const writer = new RowWriter(table);
    this.writers.push(writer);
    return writer;
  }

  get byteLength(): number {
    return this.writers.reduce((sum, writer) => sum + writer.byteLength, 0);
  }

  /** The record of a row becomes a dead letter, which is written with its segment. */
  deadLetter(segment: Segment, row: number, reason: RejectReason, detail: string, schemaId?: number): void {
    this.uncounted.dead += 1;
    segment.counted[row] = 0;
    const { raw } = segment;
    const orgId = organizationOfKey(bytesOf(raw, raw.keyStarts[row], raw.keyEnds[row]));
    // Who is known may change before the segment ends.
    const letter = { row, reason, detail, schemaId, orgId, owner: this.#allowance.ownerOf(orgId) };
    this.#pending.push(
      this.#isClosed(orgId) ? { ...letter, reason: 'organization_closed', detail: closedDetail } : letter,
    );
  }

  /** Writes the letters of a segment in the order of its rows, whichever operators found them. */
  endSegment(segment: Segment): void {
    if (this.#pending.length === 0) return;
    this.#pending.sort((a, b) => a.row - b.row);
    for (const letter of this.#pending) {
      const isKept = this.#allowance.take(letter.owner, segment.clocks[letter.row]);
      this.counts.addLetter(letter.owner);
      this.#write(segment, isKept ? letter : this.#overQuota(letter), isKept);
    }
    this.#pending.length = 0;
  }

  #overQuota(letter: Letter): Letter {
    const { reason, detail, owner } = letter;
    const beyond = `beyond ${this.#allowance.perHourOf(owner)} dead letters of ${owner} in an hour, bytes are in bronze alone`;
    return { ...letter, reason: 'quota', detail: `${reason}: ${detail}; ${beyond}` };
  }

  #write({ batch, raw }: Segment, { row, reason, detail, schemaId, orgId }: Letter, isWhole: boolean): void {
    this.#noteLetter(reason, batch.offsets[row], detail);
    const value = bytesOf(raw, raw.valueStarts[row], raw.valueEnds[row]);
    const key = bytesOf(raw, raw.keyStarts[row], raw.keyEnds[row]);
    const isKept = isWhole && !this.#isClosed(orgId);
    this.letters.write({
      org_id: orgId,
      topic: batch.topic,
      partition: this.partition,
      log_offset: batch.offsets[row],
      log_time: batch.logTimes[row],
      reason,
      detail,
      schema_id: schemaId ?? batch.schemaIds[row],
      key: key.subarray(0, keyBytesMax),
      raw: value.subarray(0, isKept ? limits.deadLetterBytesMax : 0),
      raw_length: value.length,
      raw_sha256: hash('sha256', value, 'hex'),
      version: this.version(batch.offsets[row]),
    });
  }

  /** Tells whoever listens of the dead letters since the last call. */
  /** Whoever declares a source untrusted sees how often its clocks were ahead. */
  tellClocks(topic: string): void {
    if (this.clocksSetRight === 0) return;
    const { partition } = this;
    publishFact('records.clock_set_right', {
      lane: laneName({ topic, partition }),
      partition,
      records: this.clocksSetRight,
    });
    this.clocksSetRight = 0;
  }

  tellDeadLetters(topic: string): void {
    if (this.#buried.size === 0) return;
    const { partition } = this;
    const letters = [...this.#buried].map(([reason, noted]) => ({ reason, ...noted }));
    publishFact('records.buried', { lane: laneName({ topic, partition }), partition, letters });
    this.#buried.clear();
  }

  #noteLetter(reason: RejectReason, offset: number, detail: string): void {
    const noted = this.#buried.get(reason);
    if (noted === undefined) this.#buried.set(reason, { records: 1, offset, detail });
    else noted.records += 1;
  }

  lateEvent(batch: EventBatch, row: number, bookedAt: number, lateByMs: number): void {
    this.uncounted.late += 1;
    this.late.write({
      org_id: batch.dictionaries.orgs.text(batch.orgs[row]),
      campaign_id: batch.dictionaries.campaigns.text(batch.campaigns[row]),
      partition: this.partition,
      log_offset: batch.offsets[row],
      log_time: batch.logTimes[row],
      kind: rowKindNames[batch.kinds[row]],
      event_id: eventIdText(batch, row),
      booked_at: bookedAt,
      late_by_ms: lateByMs,
      amount_micros: hasMoney[batch.kinds[row]] === 1 ? batch.amount[row] : 0,
      version: this.version(batch.offsets[row]),
    });
  }
}

function bytesOf(raw: RawRecords, start: number, end: number): Uint8Array {
  return start < 0 ? new Uint8Array(0) : raw.bytes.subarray(start, end);
}

function eventIdText(batch: EventBatch, row: number): string {
  const bytes = Buffer.alloc(16);
  for (let word = 0; word < 4; word++) bytes.writeInt32LE(batch.eventIds[4 * row + word], 4 * word);
  return bytes.toString('hex');
}
