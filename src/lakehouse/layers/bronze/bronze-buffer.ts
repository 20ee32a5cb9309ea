import { erasedRecord } from '../../../model/erased-record.ts';
import { systemOrg } from '../../../model/ids.ts';
import type { Column } from '../../format/data-file-encoder.ts';
import { fieldById } from '../../format/schema.ts';
import { bronzeField, bronzeLayout, bronzeSchema } from './bronze-schema.ts';
import type { ClosedOrganizations } from './closed-organizations.ts';

const dayMs = 86_400_000;
const microsPerDay = 86_400_000_000n;

/** One decoded run with the columns bronze adds to the raw records. Its arrays are ours from now on. */
export interface BronzeRun {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly bytes: Uint8Array;
  readonly offsets: Float64Array;
  readonly logTimes: Float64Array;
  readonly keyStarts: Int32Array;
  readonly keyEnds: Int32Array;
  readonly valueStarts: Int32Array;
  readonly valueEnds: Int32Array;
  readonly nextOffset: number;
  /** Organization of each row. */
  readonly orgs: readonly string[];
  /** ms; the log time where the event's own cannot be trusted. */
  readonly eventTimes: Float64Array;
  /** -1 = none. */
  readonly schemaIds: Int32Array;
  readonly kinds: readonly (string | null)[];
}

/** One row as a data file holds it. */
export interface BronzeRow {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly eventTimeMicros: bigint;
  readonly logTimeMicros: bigint;
  readonly schemaId: number | null;
  readonly kind: string | null;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

/** Rows of one table partition, that is of one data file. */
class BronzeGroup {
  readonly org: string;
  readonly day: number;
  readonly topics: string[] = [];
  readonly partitions: number[] = [];
  readonly offsets: bigint[] = [];
  readonly eventTimes: bigint[] = [];
  readonly logTimes: bigint[] = [];
  readonly schemaIds: (number | null)[] = [];
  readonly kinds: (string | null)[] = [];
  readonly keys: (Uint8Array | null)[] = [];
  readonly values: (Uint8Array | null)[] = [];

  constructor(org: string, day: number) {
    this.org = org;
    this.day = day;
  }

  row(at: number): BronzeRow {
    return {
      topic: this.topics[at],
      partition: this.partitions[at],
      offset: this.offsets[at],
      eventTimeMicros: this.eventTimes[at],
      logTimeMicros: this.logTimes[at],
      schemaId: this.schemaIds[at],
      kind: this.kinds[at],
      key: this.keys[at],
      value: this.values[at],
    };
  }

  columns(): Column[] {
    const orgs = new Array<string>(this.offsets.length).fill(this.org);
    const column = (id: number, values: Column['values']): Column => ({
      field: fieldById(bronzeSchema, id),
      values,
      hasBounds: !bronzeLayout.unbounded.has(id),
      isRepetitive: bronzeLayout.repetitive.has(id),
    });
    return [
      column(bronzeField.org_id, orgs),
      column(bronzeField.event_time, BigInt64Array.from(this.eventTimes)),
      column(bronzeField.log_time, BigInt64Array.from(this.logTimes)),
      column(bronzeField.topic, this.topics),
      column(bronzeField.partition, this.partitions),
      column(bronzeField.log_offset, BigInt64Array.from(this.offsets)),
      column(bronzeField.key, this.keys),
      column(bronzeField.schema_id, this.schemaIds),
      column(bronzeField.kind, this.kinds),
      column(bronzeField.value, this.values),
    ];
  }
}

/** Records that wait for the next commit, sorted into table partitions as they come. */
export class BronzeBuffer {
  readonly #groups = new Map<string, Map<number, BronzeGroup>>();
  records = 0;
  bytes = 0;

  add(run: BronzeRun): void {
    const { bytes } = run;
    for (let row = 0; row < run.count; row++) {
      const eventTime = run.eventTimes[row];
      const group = this.#group(run.orgs[row], Math.floor(eventTime / dayMs));
      group.topics.push(run.topic);
      group.partitions.push(run.partition);
      group.offsets.push(BigInt(run.offsets[row]));
      group.eventTimes.push(BigInt(Math.round(eventTime * 1_000)));
      group.logTimes.push(BigInt(Math.round(run.logTimes[row] * 1_000)));
      group.schemaIds.push(run.schemaIds[row] < 0 ? null : run.schemaIds[row]);
      group.kinds.push(run.kinds[row]);
      group.keys.push(view(bytes, run.keyStarts[row], run.keyEnds[row]));
      group.values.push(view(bytes, run.valueStarts[row], run.valueEnds[row]));
    }
    this.records += run.count;
    this.bytes += bytes.length;
  }

  /** Takes over a row of an earlier file; the way of few, for it costs an object each. */
  addRow(org: string, row: BronzeRow): void {
    const group = this.#group(org, Number(row.eventTimeMicros / microsPerDay));
    group.topics.push(row.topic);
    group.partitions.push(row.partition);
    group.offsets.push(row.offset);
    group.eventTimes.push(row.eventTimeMicros);
    group.logTimes.push(row.logTimeMicros);
    group.schemaIds.push(row.schemaId);
    group.kinds.push(row.kind);
    group.keys.push(row.key);
    group.values.push(row.value);
  }

  /** Of records of closed organizations only their places stay; what was filed as nobody's goes by its key. */
  blank(closed: ClosedOrganizations): void {
    if (closed.size === 0) return;
    const groups = this.groups().filter(({ org }) => closed.has(org) || org === systemOrg);
    for (const group of groups) {
      this.#groups.get(group.org)?.delete(group.day);
      for (let at = 0; at < group.offsets.length; at++) {
        const row = group.row(at);
        const until = closed.get(group.org === systemOrg ? keyText(row.key) : group.org);
        const isOpen = until === undefined || (until !== null && row.offset >= BigInt(until));
        if (isOpen) this.addRow(group.org, row);
        else this.addRow(systemOrg, erasedRow(row));
      }
    }
  }

  /** By organization and day, so that the same records always make the same files in the same order. */
  groups(): BronzeGroup[] {
    return [...this.#groups.values()]
      .flatMap((days) => [...days.values()])
      .sort((a, b) => (a.org === b.org ? a.day - b.day : a.org < b.org ? -1 : 1));
  }

  clear(): void {
    this.#groups.clear();
    this.records = 0;
    this.bytes = 0;
  }

  #group(org: string, day: number): BronzeGroup {
    let days = this.#groups.get(org);
    if (days === undefined) {
      days = new Map();
      this.#groups.set(org, days);
    }
    let group = days.get(day);
    if (group === undefined) {
      group = new BronzeGroup(org, day);
      days.set(day, group);
    }
    return group;
  }
}

/** What stays of a row whose record was erased. */
export function erasedRow({ topic, partition, offset, logTimeMicros }: ErasedPlace): BronzeRow {
  return {
    ...{ topic, partition, offset, logTimeMicros },
    eventTimeMicros: logTimeMicros,
    schemaId: null,
    kind: 'tick',
    key: null,
    value: erasedRecord,
  };
}

/** What a key says, byte by byte; no key is like no name. */
function keyText(key: Uint8Array | null): string {
  return key === null ? '' : Buffer.from(key).toString('latin1');
}

type ErasedPlace = Pick<BronzeRow, 'topic' | 'partition' | 'offset' | 'logTimeMicros'>;

/** Null where the record has none. */
function view(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  return start < 0 ? null : bytes.subarray(start, end);
}
