import { systemClock } from '../../control/system-clock.ts';
import { EventObjects } from '../../decoders/event-objects.ts';
import { EmbeddedRegistry } from '../../decoders/event-schemas.ts';
import { BoundedMap } from '../../model/bounded-map.ts';
import { assert, EngineError } from '../../model/errors.ts';
import { idPattern } from '../../model/ids.ts';
import type { Past, PastQuery, PastRecord } from '../../serving/ports.ts';
import { type LakeAsking, openBronzeAsking } from '../lake/query-lake.ts';
import { openRegistry } from '../log/schema-registry.ts';
import type { Config } from '../settings.ts';
import { writtenPlans } from './written-plans.ts';

interface OpenedPast extends Past, Disposable {}

/** The past as bronze has it at this moment, beside an engine that goes on writing. */
export async function openBronzePast(config: Config): Promise<OpenedPast> {
  const { topic } = config.log;
  const written = writtenPlans(config, systemClock);
  const asking = config.bronze.enabled ? await openIfThere(config) : 'bronze is off (bronze.enabled)';
  if (typeof asking === 'string')
    return { ...written, topic, whyNoRecords: asking, records: async () => [], [Symbol.dispose]: () => {} };
  const objects = new EventObjects(openRegistry(config, systemClock) ?? new EmbeddedRegistry());
  // The snapshot of the table is one for as long as it is open, so an answer stays one: plans are asked for again and again.
  const answers = new BoundedMap<string, Promise<PastRecord[]>>(answersKept);
  return {
    ...{ ...written, topic, whyNoRecords: null },
    records: (query) => {
      const key = JSON.stringify(query);
      const found = answers.get(key) ?? readRecords(asking, objects, topic, query);
      answers.set(key, found);
      return found;
    },
    [Symbol.dispose]: () => asking[Symbol.dispose](),
  };
}

const answersKept = 16;

async function openIfThere(config: Config): Promise<LakeAsking | string> {
  try {
    return await openBronzeAsking(config);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'CONFIG_INVALID') return error.message;
    throw error;
  }
}

async function readRecords(
  asking: LakeAsking,
  objects: EventObjects,
  topic: string,
  query: PastQuery,
): Promise<PastRecord[]> {
  const { rows } = asking.ask(recordsSql(topic, query));
  const found: PastRecord[] = [];
  for (const [partition, offset, logTime, eventTime, kind, value] of (rows ?? []) as string[][]) {
    const fields = await objects.decode(kind, Buffer.from(value, 'base64'));
    // The text of an id may stand in another field of the record.
    if (query.campaignId !== undefined && fields?.campaign_id !== query.campaignId) continue;
    found.push({
      ...{ topic, partition: Number(partition), offset: Number(offset), kind, fields },
      ...{ logTimeMs: Number(logTime), eventTimeMs: Number(eventTime) },
    });
  }
  return found;
}

/** Everything in it is a number, or a name that was checked. */
function recordsSql(topic: string, query: PastQuery): string {
  const { orgIds, partition, kinds, campaignId, fromOffset, untilOffset, fromEventMs, fromLogMs, limit } = query;
  const conditions = [
    `topic = ${quoted(topic)}`,
    `partition = ${whole(partition)}`,
    ...(orgIds === undefined ? [] : [`org_id IN (${orgIds.map(quoted).join(', ')})`]),
    ...(kinds === undefined ? [] : [`kind IN (${kinds.map(quoted).join(', ')})`]),
    ...(fromOffset === undefined ? [] : [`log_offset >= ${whole(fromOffset)}`]),
    ...(untilOffset === undefined ? [] : [`log_offset <= ${whole(untilOffset)}`]),
    ...(fromEventMs === undefined ? [] : [`event_time >= fromUnixTimestamp64Milli(${whole(fromEventMs)})`]),
    ...(fromLogMs === undefined ? [] : [`log_time >= fromUnixTimestamp64Milli(${whole(fromLogMs)})`]),
    ...(campaignId === undefined ? [] : [mayName(campaignId)]),
  ];
  return `SELECT partition, log_offset, toUnixTimestamp64Milli(toDateTime64(log_time, 3)), toUnixTimestamp64Milli(toDateTime64(event_time, 3)),
  ifNull(kind, 'unknown'), base64Encode(ifNull(value, ''))
FROM bronze WHERE ${conditions.join(' AND ')} ORDER BY log_offset LIMIT ${whole(limit)}`;
}

/** Whether the raw bytes hold the name, as Avro writes it (its length first) or as JSON does: a sieve, not a proof. */
function mayName(campaignId: string): string {
  assert(idPattern.test(campaignId), 'the name of a campaign is asked for');
  const zigzag = 2 * campaignId.length;
  const length = zigzag < 128 ? [zigzag] : [(zigzag & 127) | 128, zigzag >> 7];
  const avro = Buffer.from([...length, ...Buffer.from(campaignId)]).toString('hex');
  return `(position(value, unhex('${avro}')) > 0 OR position(value, '"${campaignId}"') > 0)`;
}

function quoted(name: string): string {
  assert(/^[A-Za-z0-9_.:-]{1,249}$/.test(name), 'a name is asked for');
  return `'${name}'`;
}

function whole(value: number): string {
  assert(Number.isSafeInteger(value), 'a whole number is asked for');
  return String(value);
}
