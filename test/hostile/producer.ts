import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import type { KindName } from '../../src/events/kinds.ts';
import { testPlan } from '../operators/random-world.ts';
import { type RawRecord, start, today } from './hostile-lane.ts';

/** Records of a test: fields beside the envelope, in either encoding. */
export type Fields = Readonly<Record<string, unknown>>;

const avroEncoder = makeEventCodec('binary').encoder;
const jsonEncoder = makeEventCodec('jsonl').encoder;
export const most = Number.MAX_SAFE_INTEGER;

let lastId = 0;

/** An envelope with an id of its own. */
export function envelope(fields: Fields = {}): Fields {
  lastId += 1;
  return {
    event_id: lastId.toString(16).padStart(32, '0'),
    org_id: 'evil',
    campaign_id: 'c-1',
    event_time: start,
    source: 'adserver',
    ...fields,
  };
}

export function avro(kind: KindName, fields: Fields = {}): Uint8Array {
  return avroEncoder.encode(kind, envelope(fields));
}

export function json(kind: KindName, fields: Fields = {}): Uint8Array {
  return jsonEncoder.encode(kind, envelope(fields));
}

/** JSON text that no printer of ours would make. */
export function jsonText(kind: KindName, member: string, text: string, fields: Fields = {}): Uint8Array {
  const { [member]: _, ...rest } = envelope(fields);
  return Buffer.from(`${JSON.stringify({ type: kind, ...rest }).slice(0, -1)},${JSON.stringify(member)}:${text}}`);
}

export function record(value: Uint8Array | null, key: string | null = 'evil', logTimeMs = start): RawRecord {
  return { value, key, logTimeMs };
}

/** A click of the organization that does no harm. */
export function goodClick(logTimeMs = start): RawRecord {
  const fields = { org_id: 'acme', campaign_id: 'spring-sale', currency: 'EUR', cost_micros: 1_000_000 };
  return record(avro('click', fields), 'acme', logTimeMs);
}

export const money = { currency: 'EUR' };
export const impression = { ...money, cpm_micros: 1_000_000 };
export const spend = { ...money, period_start: start - 3_600_000, period_end: start };
export const adjustment = { ...money, applies_to: today };
export const auctions = { minute: start, requests: 1, bids: 1, wins: 1 };

/** The plan of the hostile organization: campaign `fed` takes its spend from the feed of `dsp`. */
export function evilPlan(): RawRecord {
  const plan = testPlan(1, 'evil');
  const spend = { from: 'feed', source: 'dsp', cost_basis: 'TOTAL' } as const;
  const campaigns = { ...plan.campaigns, fed: { spend } };
  return record(json('org_plan', { number: 1, hash: 'x', body: JSON.stringify({ ...plan, campaigns }) }));
}
