import type { Decoder } from '../../decoders/decoder.ts';
import type { EventObjects } from '../../decoders/event-objects.ts';
import { EventBatch, flag } from '../../events/event-batch.ts';
import { isDelivery, isRare, isSystem } from '../../events/kind-facts.ts';
import { kind, rowKindNames } from '../../events/kinds.ts';
import { runOfRecords } from '../../events/run-of-records.ts';
import type { ReadValue } from '../../serving/ports.ts';

interface Reading {
  readonly decoder: Decoder;
  readonly objects: EventObjects;
  readonly topic: string;
  readonly nowMs: number;
}

/** What a lane's decoder makes of values at this moment, one after another. */
export async function readValues(
  values: readonly { readonly key: Uint8Array | null; readonly value: Uint8Array | null }[],
  { decoder, objects, topic, nowMs }: Reading,
): Promise<ReadValue[]> {
  // Names that outside input makes up live no longer than this call.
  const batch = new EventBatch(values.length);
  const records = values.map(({ key, value }, offset) => ({ offset, logTime: nowMs, key, value }));
  const run = runOfRecords(topic, 0, records);
  for (let schema = decoder.decode(run, batch); schema >= 0; ) {
    await decoder.learn(schema);
    schema = decoder.decode(run, batch);
  }
  const read: ReadValue[] = [];
  for (let row = 0; row < values.length; row++) read.push(await readRow(batch, row, values[row].value, objects));
  return read;
}

async function readRow(
  batch: EventBatch,
  row: number,
  value: Uint8Array | null,
  objects: EventObjects,
): Promise<ReadValue> {
  const number = batch.kinds[row];
  if (number === kind.rejected) {
    const { reason, detail } = batch.rejects.find((reject) => reject.row === row)!;
    return { ...nothing, problem: { reason, detail } };
  }
  const name = rowKindNames[number];
  const fields = value === null ? null : await objects.decode(name, value);
  const eventId = typeof fields?.event_id === 'string' ? fields.event_id : null;
  return {
    ...{ problem: null, kind: name, isSystem: isSystem[number] === 1, eventId, fields },
    orgId: batch.orgs[row] < 0 ? null : batch.dictionaries.orgs.text(batch.orgs[row]),
    idMemory: idMemoryOf(batch, row),
    // Columns of kinds without a time of their own are zero.
    eventTimeMs: batch.eventTimes[row] > 0 ? batch.eventTimes[row] : null,
  };
}

function idMemoryOf({ kinds, flags }: EventBatch, row: number): ReadValue['idMemory'] {
  if (isDelivery[kinds[row]] === 1) return 'delivery';
  if (isRare[kinds[row]] !== 1) return 'none';
  return kinds[row] === kind.performance_report || (flags[row] & flag.cumulative) !== 0 ? 'total' : 'rare';
}

const nothing: ReadValue = {
  ...{ problem: null, orgId: null, kind: null, isSystem: false, idMemory: 'none' },
  ...{ eventId: null, eventTimeMs: null, fields: null },
};
