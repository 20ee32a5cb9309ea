import type { SchemaRegistry } from '../../src/decoders/decoder.ts';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { rowKindNames } from '../../src/events/kinds.ts';
import type { RecordRun } from '../../src/events/record-run.ts';
import { recordRun } from './record-run.ts';

/** A raw record of a test; without a key it has the one that its organization asks for. */
export interface RawRecord {
  readonly value: Uint8Array | null;
  readonly key?: string | null;
}

export function runOf(records: readonly RawRecord[]): RecordRun {
  return recordRun(
    records.map(({ key = 'acme', value }, offset) => ({
      offset,
      logTimeMs: 1_772_323_200_000 + offset,
      key: key === null ? null : Buffer.from(key),
      value,
    })),
  );
}

/** A registry of these schemas; every other id is unknown to it. */
export function registryOf(schemas: Readonly<Record<number, unknown>>): SchemaRegistry {
  return { schema: (id) => Promise.resolve(id in schemas ? { json: schemas[id], references: [] } : null) };
}

/** Decodes as a lane does: learns what is missing, then decodes the run again. */
export async function decodeInto(
  batch: EventBatch,
  records: readonly RawRecord[],
  registry: SchemaRegistry = new EmbeddedRegistry(),
  decoder = createDecoder(registry),
): Promise<EventBatch> {
  const run = runOf(records);
  for (let id = decoder.decode(run, batch); id >= 0; id = decoder.decode(run, batch)) await decoder.learn(id);
  return batch;
}

/** Rows as plain objects: what the rest of the engine sees of each record. */
export async function decodeRows(records: readonly RawRecord[], registry?: SchemaRegistry): Promise<DecodedRow[]> {
  const batch = await decodeInto(new EventBatch(4), records, registry);
  return records.map((_, row) => rowOf(batch, row));
}

export type DecodedRow = ReturnType<typeof rowOf>;

/** Dictionary ids become text, so rows of different batches can be compared. */
export function rowOf(batch: EventBatch, row: number) {
  const { orgs, campaigns, sources, currencies, labels } = batch.dictionaries;
  const reject = batch.rejects.find((each) => each.row === row);
  return {
    kind: rowKindNames[batch.kinds[row]],
    reject: reject === undefined ? null : `${reject.reason}: ${reject.detail}`,
    org: batch.orgs[row] < 0 ? null : orgs.text(batch.orgs[row]),
    campaign: batch.campaigns[row] < 0 ? null : campaigns.text(batch.campaigns[row]),
    source: batch.sources[row] < 0 ? null : sources.text(batch.sources[row]),
    currency: batch.currencies[row] < 0 ? null : currencies.text(batch.currencies[row]),
    eventId: [...batch.eventIds.subarray(4 * row, 4 * row + 4)],
    eventTime: batch.eventTimes[row],
    flags: batch.flags[row],
    basis: batch.basis[row],
    code: batch.code[row],
    count: batch.counts[row] < 0 ? labels.text(~batch.counts[row]) : batch.counts[row],
    // Minus zero is zero: JSON can say it, Avro cannot, and sums do not care.
    amount: batch.amount[row] + 0,
    amount2: batch.amount2[row] + 0,
    t1: batch.t1[row],
    t2: batch.t2[row],
    detail: batch.details.get(row) ?? null,
  };
}
