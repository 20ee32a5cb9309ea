import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { dayMs } from '../../model/time.ts';
import { deadLetters, lateEvents } from '../../rows/tables.ts';
import { answerOf } from './answers.ts';
import { instant, instantOf, type RawRow, rowJson, rowShape } from './columns.ts';
import { paging, period, periodOf } from './fields.ts';
import { operation } from './operation.ts';
import { inPeriod, newestFirst, pagedRows } from './paged-rows.ts';
import { letterAddress, letterReason, namesSource, sourceParameters, sourceText } from './replays/letters.ts';

const daysMax = 31;
const columns = [
  'topic',
  'partition',
  'log_offset',
  'log_time',
  'reason',
  'detail',
  'schema_id',
  'raw_length',
  'raw_sha256',
  'version',
] as const;

export const countDeadLetters = operation({
  doc: 'Records of a period that could not be used, by topic and reason, the most frequent first, each with its newest record as an example.',
  input: z.strictObject({ ...period }),
  output: z
    .array(
      z
        .strictObject({
          topic: z.string().describe('The topic.'),
          reason: z.string().describe('docs/events.md explains each.'),
          records: z.number().int().describe('How many records.'),
          newest: instant.describe('Log time of the newest.'),
          example: z
            .strictObject({
              partition: z.number().int().describe('The partition.'),
              log_offset: z.number().int().describe('The offset in it.'),
            })
            .describe('Its address.'),
        })
        .meta({ title: 'DeadLetterReason' }),
    )
    .max(1_000),
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: true,
  cost: 3,
  async run(context, input) {
    const { from, to } = periodOf(input, context.ports.now(), daysMax * dayMs);
    const table = await context.tables.since('dead_letters', from);
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT topic, reason, count() AS records, max(d.log_time) AS newest, max(d.version) AS version,
  argMax((d.partition, d.log_offset), (d.log_time, d.log_offset)) AS example
FROM ${table.sql} WHERE org_id = {org:String} AND ${inPeriod('log_time')}
GROUP BY topic, reason ORDER BY records DESC, topic, reason LIMIT 1000`,
      parameters: { from, to },
    });
    const data = rows.map((row) => {
      const [partition, log_offset] = row.example as [unknown, unknown];
      return {
        topic: String(row.topic),
        reason: String(row.reason),
        records: Number(row.records),
        newest: instantOf(String(row.newest)),
        example: { partition: Number(partition), log_offset: Number(log_offset) },
      };
    });
    const seen = rows.map(({ version, newest }) => ({ version, log_time: newest, as_of: null }));
    return answerOf(data, seen, null, table.reach);
  },
});

const letter = z.strictObject(rowShape(deadLetters, columns)).meta({ title: 'DeadLetter' });

function letterJson(row: RawRow) {
  return rowJson(deadLetters, columns, row);
}

export const listDeadLetters = operation({
  doc: 'Records of a period that could not be used, the newest first, with their address and the reason; their bytes come with one record at a time.',
  input: z.strictObject({
    ...period,
    ...paging,
    reason: letterReason.optional().describe('Only records refused for this reason; docs/events.md explains each.'),
    source: sourceText,
  }),
  output: z.array(letter),
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { reason: wanted = '', source = '' } = input;
    const { from, to } = periodOf(input, context.ports.now(), daysMax * dayMs);
    const table = await context.tables.since('dead_letters', from);
    const { column, key } = newestFirst('log_time', to);
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'dead_letters', args: [input.from, input.to, wanted, source] },
      input,
      columns: [...columns, column],
      table: table.sql,
      where: [inPeriod('log_time'), "({reason:String} = '' OR reason = {reason:String})", namesSource],
      parameters: { from, to, reason: wanted, ...sourceParameters(source) },
      sortedBy: [
        key,
        { name: 'topic', type: 'String', first: '' },
        { name: 'partition', type: 'UInt16', first: 0 },
        { name: 'log_offset', type: 'UInt64', first: 0 },
      ],
      direction: 'DESC',
    });
    return answerOf(shown.map(letterJson), shown.map(withoutAsOf), nextCursor, table.reach);
  },
});

/** Dead letters belong to no period of event time. */
function withoutAsOf(row: RawRow): RawRow {
  return { ...row, as_of: null };
}

const raw = z
  .strictObject({
    ...letter.shape,
    key_base64: z.string().describe('Raw key bytes, at most 1 KiB.'),
    raw_base64: z
      .string()
      .describe('Raw value bytes, at most 64 KiB; `raw_length` and `raw_sha256` are of the whole value.'),
  })
  .meta({ title: 'DeadLetterRecord' });

export const getDeadLetter = operation({
  doc: 'One record that could not be used, by its address, with its raw bytes.',
  input: z.strictObject({ ...letterAddress }),
  output: raw,
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, { topic: ofTopic, partition, log_offset }) {
    const rows = await context.tables.rows<RawRow>({
      sql: `SELECT ${columns.join(', ')}, base64Encode(key) AS key_base64, base64Encode(raw) AS raw_base64
FROM dead_letters FINAL
WHERE org_id = {org:String} AND topic = {topic:String} AND partition = {partition:UInt16} AND log_offset = {offset:UInt64} LIMIT 1`,
      parameters: { topic: ofTopic, partition, offset: log_offset },
    });
    const [row] = rows;
    if (row === undefined)
      throw new EngineError('NOT_FOUND', `no dead letter at ${ofTopic}, partition ${partition}, offset ${log_offset}`);
    const bytes = { key_base64: String(row.key_base64), raw_base64: String(row.raw_base64) };
    return answerOf({ ...letterJson(row), ...bytes }, rows.map(withoutAsOf));
  },
});

const lateColumns = [
  'campaign_id',
  'partition',
  'log_offset',
  'log_time',
  'kind',
  'event_id',
  'booked_at',
  'late_by_ms',
  'amount_micros',
  'version',
] as const;
const late = z.strictObject(rowShape(lateEvents, lateColumns)).meta({ title: 'LateEvent' });

export const listLateEvents = operation({
  doc: 'Valid events of a period of the log that came later than their kind may, the newest first: counted here, and in no other table.',
  input: z.strictObject({ ...period, ...paging }),
  output: z.array(late),
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: true,
  cost: 2,
  async run(context, input) {
    const { from, to } = periodOf(input, context.ports.now(), daysMax * dayMs);
    const table = await context.tables.since('late_events', from);
    const { column, key } = newestFirst('log_time', to);
    const { shown, nextCursor } = await pagedRows(context, {
      list: { name: 'late_events', args: [input.from, input.to] },
      input,
      columns: [...lateColumns, column],
      table: table.sql,
      where: [inPeriod('log_time')],
      parameters: { from, to },
      sortedBy: [
        key,
        { name: 'partition', type: 'UInt16', first: 0 },
        { name: 'log_offset', type: 'UInt64', first: 0 },
        { name: 'campaign_id', type: 'String', first: '' },
      ],
      direction: 'DESC',
    });
    const data = shown.map((row) => rowJson(lateEvents, lateColumns, row));
    return answerOf(data, shown.map(withoutAsOf), nextCursor, table.reach);
  },
});
