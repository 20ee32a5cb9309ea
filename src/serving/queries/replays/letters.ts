import { createHash } from 'node:crypto';
import * as z from 'zod';
import { EngineError } from '../../../model/errors.ts';
import { dayMs } from '../../../model/time.ts';
import { instantOf, type RawRow } from '../columns.ts';
import { periodOf } from '../fields.ts';
import type { OperationContext } from '../operation.ts';
import { inPeriod, pagedRows } from '../paged-rows.ts';

/** What all that ask for dead letters name them by. */
export const letterAddress = {
  topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/)
    .describe('The topic.'),
  partition: z.int().min(0).max(65_535).describe('The partition.'),
  log_offset: z
    .int()
    .min(0)
    .max(2 ** 48)
    .describe('The offset in it.'),
};

export const letterReason = z.string().regex(/^[a-z_]{1,64}$/);
export const sourceText = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ . : -')
  .optional()
  .describe(
    'Only records whose bytes hold the name of this source, as Avro or JSON writes it; whether they can be read or not.',
  );

/** A dead letter with what the table kept of its bytes. */
export interface Letter {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly logTimeMs: number;
  readonly reason: string;
  readonly detail: string;
  /** At most 64 KiB of it. */
  readonly raw: Uint8Array;
  readonly key: Uint8Array;
  readonly rawLength: number;
  readonly rawSha256: string;
  readonly row: RawRow;
}

const columns = [
  'topic',
  'partition',
  'log_offset',
  'log_time',
  'reason',
  'detail',
  'raw_length',
  'raw_sha256',
  'version',
];
const withBytes = [...columns, 'base64Encode(raw) AS raw_base64', 'base64Encode(key) AS key_base64'];
const daysMax = 31;

/** Letters of the organization at these addresses; what is none is missing. */
export async function lettersAt(
  { tables }: OperationContext,
  addresses: readonly { topic: string; partition: number; log_offset: number }[],
): Promise<Letter[]> {
  const rows = await tables.rows<RawRow>({
    sql: `SELECT ${withBytes.join(', ')} FROM dead_letters FINAL
WHERE org_id = {org:String} AND has({topics:Array(String)}, topic)
  AND has({letters:Array(String)}, concat(topic, '/', toString(partition), '/', toString(log_offset)))
ORDER BY log_time, topic, partition, log_offset LIMIT 1 BY topic, partition, log_offset`,
    parameters: {
      topics: [...new Set(addresses.map(({ topic }) => topic))],
      letters: addresses.map(({ topic, partition, log_offset }) => `${topic}/${partition}/${log_offset}`),
    },
  });
  return rows.map(letterOf);
}

interface LetterChoice {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** Letters of a period by reason and source, the oldest first: as their producers sent them. */
export async function chosenLetters(
  context: OperationContext,
  input: LetterChoice,
): Promise<{ letters: Letter[]; nextCursor: string | null }> {
  const { reason = '', source = '' } = input;
  const { from, to } = periodOf(input, context.ports.now(), daysMax * dayMs);
  const { shown, nextCursor } = await pagedRows(context, {
    list: { name: 'letters_to_replay', args: [input.from, input.to, reason, source] },
    input,
    columns: [...withBytes, 'toUnixTimestamp64Milli(log_time) AS at'],
    table: 'dead_letters FINAL',
    where: [inPeriod('log_time'), "({reason:String} = '' OR reason = {reason:String})", namesSource],
    parameters: { from, to, reason, ...sourceParameters(source) },
    sortedBy: [
      { name: 'at', type: 'Int64', first: -1 },
      { name: 'topic', type: 'String', first: '' },
      { name: 'partition', type: 'UInt16', first: 0 },
      { name: 'log_offset', type: 'UInt64', first: 0 },
    ],
    direction: 'ASC',
  });
  return { letters: shown.map(letterOf), nextCursor };
}

/** A sieve over bytes, not a proof: records that cannot be read name their source all the same. */
export const namesSource =
  "({source_json:String} = '' OR position(raw, {source_json:String}) > 0 OR position(raw, unhex({source_avro:String})) > 0)";

export function sourceParameters(source: string): { source_json: string; source_avro: string } {
  if (source === '') return { source_json: '', source_avro: '' };
  // Avro writes the length of a text first, as a zigzag number of 7 bits a byte.
  const zigzag = 2 * source.length;
  const length = zigzag < 128 ? [zigzag] : [(zigzag & 127) | 128, zigzag >> 7];
  const avro = Buffer.from([...length, ...Buffer.from(source)]).toString('hex');
  return { source_json: `"${source}"`, source_avro: avro };
}

function letterOf(row: RawRow): Letter {
  return {
    ...{ topic: String(row.topic), partition: Number(row.partition), offset: Number(row.log_offset) },
    ...{
      logTimeMs: Date.parse(instantOf(String(row.log_time))),
      reason: String(row.reason),
      detail: String(row.detail),
    },
    raw: Buffer.from(String(row.raw_base64), 'base64'),
    key: Buffer.from(String(row.key_base64), 'base64'),
    ...{ rawLength: Number(row.raw_length), rawSha256: String(row.raw_sha256), row: { ...row, as_of: null } },
  };
}

/** The whole value: of the table, else of the log or of bronze; null where nobody has it any more. */
export async function wholeValue({ ports }: OperationContext, letter: Letter): Promise<Uint8Array | null> {
  if (letter.raw.length === letter.rawLength && sha256(letter.raw) === letter.rawSha256) return letter.raw;
  if (letter.topic !== ports.log.topic) return null;
  const value = (await ports.log.record(letter))?.value ?? null;
  return value !== null && sha256(value) === letter.rawSha256 ? value : null;
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The value with another event id in the same place; throws where the id does not stand in it exactly once. */
export function withEventId(
  value: Uint8Array,
  eventId: string,
  address: string,
): { value: Uint8Array; eventId: string } {
  const renewed = createHash('sha256').update(`${address}/${eventId}`).digest('hex').slice(0, 32);
  const copy = value[0] === 0 ? inAvro(value, eventId, renewed) : inJson(value, renewed);
  if (copy === null)
    throw new EngineError('REQUEST_INVALID', `the event_id of ${address} does not stand in its bytes exactly once`);
  return { value: copy, eventId: renewed };
}

function inAvro(value: Uint8Array, eventId: string, renewed: string): Uint8Array | null {
  const copy = Buffer.from(value);
  const id = Buffer.from(eventId, 'hex');
  const at = copy.indexOf(id);
  if (at < 0 || copy.indexOf(id, at + 1) >= 0) return null;
  Buffer.from(renewed, 'hex').copy(copy, at);
  return copy;
}

function inJson(value: Uint8Array, renewed: string): Uint8Array | null {
  const text = Buffer.from(value).toString('utf8');
  const found = [...text.matchAll(/"event_id"\s*:\s*"[0-9A-Fa-f-]{32,36}"/g)];
  return found.length === 1 ? Buffer.from(text.replace(found[0][0], `"event_id":"${renewed}"`)) : null;
}
