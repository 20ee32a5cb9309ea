import * as z from 'zod';
import { EngineError } from '../../model/errors.ts';
import { organizationOfKey } from '../../model/ids.ts';
import { dayMs } from '../../model/time.ts';
import type { ReadValue, StoredRecord } from '../ports.ts';
import { answerOf } from './answers.ts';
import { instant, instantOf, type RawRow, versionOf, versionText } from './columns.ts';
import { type OperationContext, operation } from './operation.ts';
import { type Letter, letterAddress, lettersAt, sha256 } from './replays/letters.ts';

/** As dead letters keep; the rest is told by its length and its hash. */
const shownBytesMax = 65_536;
const rowsMax = 200;

const changed = z
  .strictObject({
    table: z.string().describe('The table.'),
    campaign_id: z.string().describe('The campaign of the row; empty for rows of sources.'),
    flight_id: z.string().describe('Its flight; empty where the row is of none.'),
    name: z.string().describe('The rule of an evaluation, the alert_id of a transition; empty for others.'),
    at: z.string().describe('Its local day, or the instant of its evaluation.'),
    version: versionText.describe('The version that the row has now.'),
    is_last: z
      .boolean()
      .describe(
        'The record is the last that changed it. False = the record lies in it, and later ones changed it since.',
      ),
  })
  .meta({ title: 'ChangedRow' });

const fates = ['dead_letter', 'late', 'test', 'control', 'taken', 'unreadable'] as const;

const record = z
  .strictObject({
    ...letterAddress,
    log_time: instant.describe('When the log took it.'),
    held_by: z
      .enum(['log', 'bronze', 'dead_letters'])
      .meta({ title: 'RecordHolder' })
      .describe(
        'Where it was found: the log of events, the bronze table when the log has forgotten it, or what dead letters keep of it.',
      ),
    key_base64: z.string().nullable().describe('Key bytes; null = it has no key.'),
    raw_base64: z.string().nullable().describe('Value bytes, at most 64 KiB; null = it has no value.'),
    raw_length: z.number().int().describe('Length of the whole value.'),
    raw_sha256: z.string().describe('SHA-256 of the whole value, lower-case hex.'),
    kind: z.string().nullable().describe('What event it is; null where it cannot be read.'),
    event_time: instant.nullable().describe('When it happened.'),
    fields: z
      .record(z.string(), z.unknown())
      .nullable()
      .describe(
        'Its fields by their names, instants in ms since 1970 and days since 1970; null where it cannot be read.',
      ),
    problem: z
      .strictObject({
        reason: z.string().describe('docs/events.md explains each.'),
        detail: z.string().describe('One sentence naming the field and the value.'),
      })
      .meta({ title: 'RecordProblem' })
      .nullable()
      .describe('Why it cannot be decoded at this moment; null = it can.'),
    fate: z
      .enum(fates)
      .meta({ title: 'RecordFate' })
      .describe(
        'dead_letter: it was refused. late: it came later than its kind may. test: marked as one, and counted nowhere. control: tick or plan. taken: counted, unless the engine met its event_id before. unreadable: no table has heard of it yet.',
      ),
    fate_detail: z.string().describe('Why, in a sentence; empty where there is none.'),
    changed: z.array(changed).max(rowsMax).describe('Rows that it changed last, and days that it lies in.'),
  })
  .meta({ title: 'Record' });

export const getRecord = operation({
  doc: 'One record of the log by its address: its bytes, what they say, what became of it, and which rows it changed. Found in the log, in bronze when the log has forgotten it, else among dead letters.',
  input: z.strictObject({ ...letterAddress }),
  output: record,
  scope: 'organization',
  permission: 'records.read',
  isWrite: false,
  isOfTables: false,
  cost: 10,
  async run(context, { topic, partition, log_offset }) {
    const [letter = null] = await lettersAt(context, [{ topic, partition, log_offset }]);
    const found = await findRecord(context, { topic, partition, offset: log_offset }, letter);
    const [read] = await context.ports.log.read([found]);
    const fate = await fateOf(context, found, read, letter);
    const rows = fate.fate === 'dead_letter' || fate.fate === 'late' ? [] : await rowsOf(context, found, read);
    const value = found.value;
    const isCut = letter !== null && found.heldBy === 'dead_letters';
    const data = {
      ...{ topic, partition, log_offset, log_time: new Date(found.logTimeMs).toISOString(), held_by: found.heldBy },
      key_base64: found.key === null ? null : Buffer.from(found.key).toString('base64'),
      raw_base64: value === null ? null : Buffer.from(value.subarray(0, shownBytesMax)).toString('base64'),
      raw_length: isCut ? letter.rawLength : (value?.length ?? 0),
      raw_sha256: isCut ? letter.rawSha256 : sha256(value ?? new Uint8Array()),
      ...{ kind: read.kind, fields: read.fields, problem: read.problem, ...fate },
      event_time: read.eventTimeMs === null ? null : new Date(read.eventTimeMs).toISOString(),
      changed: rows.map((row) => changedJson(row, log_offset)),
    };
    return answerOf(data, [
      { log_time: instantText(found.logTimeMs), as_of: null },
      ...rows.map(({ version }) => ({ version, as_of: null })),
    ]);
  },
});

type FoundRecord = Omit<StoredRecord, 'heldBy'> & { readonly heldBy: 'log' | 'bronze' | 'dead_letters' };

/** In the same words whether there is none, or one of somebody else. */
async function findRecord(
  { ports, tables }: OperationContext,
  { topic, partition, offset }: { topic: string; partition: number; offset: number },
  letter: Letter | null,
): Promise<FoundRecord> {
  const stored = topic === ports.log.topic ? await ports.log.record({ partition, offset }) : null;
  if (stored !== null && organizationOfKey(stored.key ?? new Uint8Array()) === tables.orgId) return stored;
  if (letter !== null) {
    const { key, raw, logTimeMs, rawLength } = letter;
    return {
      ...{ topic, partition, offset, logTimeMs, heldBy: 'dead_letters' },
      ...{ key: key.length === 0 ? null : key, value: rawLength === 0 ? null : raw },
    };
  }
  throw new EngineError(
    'NOT_FOUND',
    `no record of the organization at ${topic}, partition ${partition}, offset ${offset}`,
  );
}

type Fate = { readonly fate: (typeof fates)[number]; readonly fate_detail: string };

async function fateOf(
  { tables }: OperationContext,
  { partition, offset, logTimeMs }: FoundRecord,
  read: ReadValue,
  letter: Letter | null,
): Promise<Fate> {
  if (letter !== null) return { fate: 'dead_letter', fate_detail: `${letter.reason}: ${letter.detail}` };
  if (read.problem !== null)
    return { fate: 'unreadable', fate_detail: `${read.problem.reason}: ${read.problem.detail}` };
  if (read.isSystem) return { fate: 'control', fate_detail: '' };
  const rows = await tables.rows<RawRow>({
    sql: `SELECT late_by_ms, kind FROM late_events FINAL WHERE org_id = {org:String} AND partition = {partition:UInt16}
  AND log_offset = {offset:UInt64} AND log_time >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND log_time <= fromUnixTimestamp64Milli({to:Int64}, 'UTC') LIMIT 1`,
    parameters: { partition, offset, from: logTimeMs - dayMs, to: logTimeMs + dayMs },
  });
  const [late] = rows;
  if (late !== undefined)
    return { fate: 'late', fate_detail: `${String(late.late_by_ms)} ms later than a ${String(late.kind)} may come` };
  if (read.fields?.test === true) return { fate: 'test', fate_detail: '' };
  return { fate: 'taken', fate_detail: '' };
}

const ofRecord = 'bitAnd(version, 281474976710655) = {offset:UInt64} AND partition = {partition:UInt16}';
const evaluated = `${ofRecord} AND evaluated_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND evaluated_at <= fromUnixTimestamp64Milli({to:Int64}, 'UTC')`;

/** Rows whose last change the record was, and the days of its campaign in which it lies. */
async function rowsOf(
  { tables }: OperationContext,
  { partition, offset, logTimeMs }: FoundRecord,
  { fields, eventTimeMs }: ReadValue,
): Promise<RawRow[]> {
  const campaign = typeof fields?.campaign_id === 'string' ? fields.campaign_id : '';
  const day = Math.floor((eventTimeMs ?? logTimeMs) / dayMs);
  const daily = (
    table: string,
    more: string,
  ) => `SELECT '${table}' AS table_name, campaign_id, '' AS flight_id, '' AS name, toString(date) AS at, version
FROM ${table} FINAL WHERE org_id = {org:String} AND campaign_id = {campaign:String} AND ((${ofRecord} AND date >= toDate32({oldest:Int32}))${more})`;
  const timed = (
    table: string,
    name: string,
  ) => `SELECT '${table}' AS table_name, campaign_id, flight_id, ${name} AS name, toString(evaluated_at) AS at, version
FROM ${table} FINAL WHERE org_id = {org:String} AND ${evaluated}`;
  const around =
    ' OR (date BETWEEN toDate32({day:Int32} - 1) AND toDate32({day:Int32} + 1) AND bitAnd(version, 281474976710655) >= {offset:UInt64})';
  const selects = [
    daily('campaign_metrics_daily', around),
    ...['conversions_daily', 'unplanned_spend', 'other_revenue'].map((table) => daily(table, '')),
    timed('pacing_snapshots', "''"),
    timed('rule_evaluations', 'rule_id'),
    timed('alert_events', 'alert_id'),
  ];
  const asked = campaign === '' ? selects.slice(-3) : selects;
  return await tables.rows<RawRow>({
    sql: `SELECT * FROM (${asked.join('\nUNION ALL ')}) ORDER BY table_name, campaign_id, flight_id, name, at LIMIT ${rowsMax}`,
    parameters: {
      ...{ partition, offset, campaign, day, oldest: day - 400 },
      ...{ from: logTimeMs - dayMs, to: logTimeMs + 1 },
    },
  });
}

function changedJson(row: RawRow, offset: number) {
  const at = String(row.at);
  return {
    ...{ table: String(row.table_name), campaign_id: String(row.campaign_id), flight_id: String(row.flight_id) },
    ...{ name: String(row.name), at: at.includes(' ') ? instantOf(at) : at, version: versionOf(String(row.version)) },
    is_last: (BigInt(String(row.version)) & 0xffff_ffff_ffffn) === BigInt(offset),
  };
}

function instantText(ms: number): string {
  return new Date(ms).toISOString().slice(0, -1).replace('T', ' ');
}
