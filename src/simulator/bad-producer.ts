import { partitionOfKey } from '../model/hash.ts';
import { minuteMs } from '../model/time.ts';
import type { CampaignRun } from './campaign-run.ts';
import { originOf } from './deliver.ts';
import type { ProducedRecord } from './produced-record.ts';
import type { Random } from './random.ts';
import type { Transport } from './transport.ts';
import type { BadProducerKind, Fault, World } from './world.ts';

const oversizedBytes = 2 * 1024 * 1024;
/** No registry of ours ever gave this id. */
const unknownSchemaId = 999_999;

/** One record of a broken producer, at the fault's instant. */
export function badRecord(
  kind: BadProducerKind,
  fault: Fault,
  run: CampaignRun,
  world: World,
  random: Random,
  transport: Transport,
): ProducedRecord {
  const at = fault.from_ms;
  const { org_id } = run.campaign;
  const raw = (value: Uint8Array): ProducedRecord => ({ type: 'raw', value, key: org_id, logTimeMs: at });
  const clickAt = (event_time: number) =>
    transport.envelope(
      { ...originOf(run, run.organization.delivery_source, event_time), sent_at: at },
      { currency: run.campaign.currency, cost_micros: 0, ivt: 'NONE' },
    );
  const click = (event_time: number): ProducedRecord => ({
    type: 'click',
    value: clickAt(event_time),
    key: org_id,
    logTimeMs: at,
  });
  switch (kind) {
    case 'truncated_avro':
      return { type: 'truncated', of: 'click', value: clickAt(at), key: org_id, logTimeMs: at };
    case 'unknown_schema':
      return raw(framed(unknownSchemaId, noise(random, 64)));
    case 'foreign_key':
      return { ...click(at), key: otherOrganization(world, org_id) };
    case 'wrong_partition':
      return { ...click(at), partition: (partitionOf(org_id, world.partitions) + 1) % world.partitions };
    case 'from_the_future':
      return click(at + 30 * minuteMs);
    case 'seconds_not_ms':
      return click(Math.floor(at / 1_000));
    case 'noise':
      return raw(noise(random, 200));
    case 'oversized':
      return raw(framed(1, noise(random, oversizedBytes)));
    case 'float_money':
      return raw(floatMoney(run, at, random));
  }
}

export function partitionOf(key: string, partitions: number): number {
  const bytes = Buffer.from(key, 'utf8');
  return partitionOfKey(bytes, 0, bytes.length, partitions);
}

function otherOrganization(world: World, org_id: string): string {
  return world.organizations.find((organization) => organization.org_id !== org_id)?.org_id ?? `${org_id}-other`;
}

/** Confluent framing: a zero byte, the schema id big-endian, the body. */
function framed(schemaId: number, body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(5 + body.length);
  bytes.writeInt32BE(schemaId, 1);
  bytes.set(body, 5);
  return bytes;
}

/** Random bytes that are neither a frame nor JSON from the first byte on. */
function noise(random: Random, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random.word() & 255;
  bytes[0] = 0xfe;
  return bytes;
}

function floatMoney(run: CampaignRun, at: number, random: Random): Uint8Array {
  const { org_id, campaign_id, currency } = run.campaign;
  const event = {
    type: 'spend',
    event_id: Buffer.from(random.id()).toString('hex'),
    org_id,
    campaign_id,
    event_time: at,
    produced_at: at,
    source: 'spreadsheet',
    amount_micros: 12.34,
    currency,
    basis: 'MEDIA',
    period_start: at - minuteMs,
    period_end: at,
    cumulative: false,
  };
  return Buffer.from(JSON.stringify(event));
}
