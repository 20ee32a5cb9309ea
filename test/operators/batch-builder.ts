import type { Detail, EventBatch } from '../../src/events/event-batch.ts';
import { kind, type RowKindName } from '../../src/events/kinds.ts';
import type { EventTimeMs, LogTimeMs } from '../../src/model/time.ts';
import type { RawRecords } from '../../src/operators/segment.ts';
import { endOfReport } from '../oracle/reports.ts';

/** A record as a test writes it; columns as in `EventBatch`, everything optional. */
export interface TestRecord {
  kind: RowKindName;
  offset: number;
  logTime: number;
  org?: string;
  key?: string | null;
  campaign?: string;
  source?: string;
  currency?: string;
  eventTime?: number;
  eventId?: number;
  flags?: number;
  basis?: number;
  code?: number;
  count?: number;
  /** Type of a conversion. */
  label?: string;
  amount?: number;
  amount2?: number;
  t1?: number;
  t2?: number;
  detail?: Detail;
}

/** Fills a batch from records, as a decoder would. */
export function fillBatch(batch: EventBatch, records: readonly TestRecord[], partition = 0): RawRecords {
  batch.reset(records.length);
  batch.topic = 'ads.events.v1';
  batch.partition = partition;
  for (const [row, record] of records.entries()) fillRow(batch, row, record);
  batch.nextOffset = (records.at(-1)?.offset ?? -1) + 1;
  return rawKeys(records);
}

/** `t2` of a test record is where the period ends; it was taken at event_time, or at the end. */
function spendDetail({ t1 = 0, t2 = 0, eventTime, logTime }: TestRecord): Detail {
  const order = eventTime ?? logTime;
  return { kind: 'spend', to: endOfReport(t1, t2, order, null), order };
}

/** Raw bytes with keys only; values are empty. */
function rawKeys(records: readonly TestRecord[]): RawRecords {
  const keys = records.map((record) => (record.key === undefined ? record.org : record.key) ?? null);
  const bytes = Buffer.from(keys.join(''));
  const [keyStarts, keyEnds] = [new Int32Array(keys.length), new Int32Array(keys.length)];
  let at = 0;
  for (const [row, key] of keys.entries()) {
    keyStarts[row] = key === null ? -1 : at;
    at += key?.length ?? 0;
    keyEnds[row] = at;
  }
  const empty = new Int32Array(records.length);
  return { bytes, keyStarts, keyEnds, valueStarts: empty, valueEnds: empty };
}

function fillRow(batch: EventBatch, row: number, record: TestRecord): void {
  const { dictionaries } = batch;
  const id = (dictionary: { internText(text: string): number }, text?: string | null) =>
    text === undefined || text === null ? -1 : dictionary.internText(text);
  batch.kinds[row] = kind[record.kind];
  batch.flags[row] = record.flags ?? 0;
  batch.basis[row] = record.basis ?? 0;
  batch.code[row] = record.code ?? 0;
  batch.orgs[row] = id(dictionaries.orgs, record.org);
  batch.keyOrgs[row] = id(dictionaries.orgs, record.key === undefined ? record.org : record.key);
  batch.campaigns[row] = id(dictionaries.campaigns, record.campaign);
  batch.sources[row] = id(dictionaries.sources, record.source ?? 'adserver');
  batch.currencies[row] = id(dictionaries.currencies, record.currency ?? 'USD');
  batch.counts[row] = record.count ?? (record.kind === 'conversion' ? 0 : 1);
  if (record.label !== undefined) batch.counts[row] = ~dictionaries.labels.internText(record.label);
  batch.schemaIds[row] = -1;
  batch.eventIds.set([record.eventId ?? record.offset, 0, 0, 7], 4 * row);
  batch.offsets[row] = record.offset;
  batch.logTimes[row] = record.logTime as LogTimeMs;
  batch.eventTimes[row] = (record.eventTime ?? record.logTime) as EventTimeMs;
  batch.amount[row] = record.amount ?? 0;
  batch.amount2[row] = record.amount2 ?? 0;
  batch.t1[row] = record.t1 ?? 0;
  batch.t2[row] = record.t2 ?? 0;
  const detail = record.kind === 'spend' ? spendDetail(record) : record.detail;
  if (detail !== undefined) batch.details.set(row, detail);
  if (record.kind === 'spend') batch.t2[row] = Number.NaN;
}
