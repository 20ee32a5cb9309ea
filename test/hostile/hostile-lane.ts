import { expect } from 'vitest';
import type { SchemaRegistry } from '../../src/decoders/decoder.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import type { RawRecords } from '../../src/operators/segment.ts';
import type { Row } from '../../src/rows/tables.ts';
import { recordRun } from '../decoders/record-run.ts';
import { type Drive, driveLane, type FinalTables, whole } from '../operators/run-lane.ts';

/** What a hostile, or a good, producer appends. */
export interface RawRecord {
  readonly value: Uint8Array | null;
  readonly key: string | null;
  readonly logTimeMs: number;
}

/** Midday, so that a record of the hours around it lies on the same day. */
export const start = Date.UTC(2026, 2, 2, 12);
export const today = Date.UTC(2026, 2, 2) / 86_400_000;

/** Bytes of the lane's way from raw records to rows: decoder, checks, operators, commit. */
export async function runRecords(
  records: readonly RawRecord[],
  drive: Drive = whole,
  registry: SchemaRegistry = new EmbeddedRegistry(),
): Promise<FinalTables> {
  const decoder = createDecoder(registry);
  const numbered = records.map((record, offset) => ({
    ...record,
    offset,
    key: record.key === null ? null : Buffer.from(record.key),
  }));
  const runOf = (run: readonly (typeof numbered)[number][]) => recordRun(run);
  await learnAll(decoder, runOf(numbered));
  return driveLane(numbered, drive, (batch: EventBatch, run): RawRecords => {
    const raw = runOf(run);
    expect(decoder.decode(raw, batch), 'all schemas are known').toBe(-1);
    return raw;
  });
}

async function learnAll(decoder: ReturnType<typeof createDecoder>, run: ReturnType<typeof recordRun>): Promise<void> {
  const batch = new EventBatch(64);
  for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) await decoder.learn(id);
}

export interface Letter {
  readonly offset: number;
  readonly reason: string;
  readonly detail: string;
}

export function lettersOf(tables: FinalTables): Letter[] {
  return [...tables.dead_letters.values()]
    .map((row) => ({ offset: Number(row.log_offset), reason: String(row.reason), detail: String(row.detail) }))
    .sort((a, b) => a.offset - b.offset);
}

/** The rows of one organization, in all tables but those of refused records. */
export function rowsOf(tables: FinalTables, org: string): Record<string, Row[]> {
  const names = Object.keys(tables).filter((name) => name !== 'dead_letters');
  return Object.fromEntries(
    names.map((name) => [name, [...tables[name].values()].filter((row) => row.org_id === org)]),
  );
}
