import { identifier, quoted } from '../../engine/sql-places.ts';
import type { Schema } from '../../format/schema.ts';
import type { EventField, EventFieldType, EventKind, SilverTable } from './silver-kinds.ts';
import { tellsKind } from './silver-kinds.ts';

/** How records of one kind are read: all that were written alike. */
export interface Encoding {
  readonly kind: EventKind;
  /** `frames`: Avro in Confluent framing, of these schemas. `lines`: objects of JSON that we made of all others. */
  readonly form: 'frames' | 'lines';
  readonly schemaIds: readonly number[];
}

/** Rows keep their places in a file when one thread reads it: so two readings of it can be laid side by side. */
const inOrder = 'max_threads = 1, input_format_parquet_preserve_order = 1';
const overwriting = 'engine_file_truncate_on_insert = 1';
/** Row groups that a reader can hold many of. */
const rowGroupBytes = 33_554_432;
const rowGroups = `output_format_parquet_row_group_size_bytes = ${rowGroupBytes}`;
const parquet = `output_format_parquet_compression_method = 'zstd', ${rowGroups}`;
/** Files that live for minutes and are read several times: packing them well costs more than it saves. */
const passing = `output_format_parquet_compression_method = 'lz4', ${rowGroups}`;

/** Days of organizations, as ClickHouse reads them. */
export interface SliceCells {
  /** As `organization/day`, in the order in which files are named. */
  readonly names: readonly string[];
  readonly orgs: readonly string[];
  /** First day, and the day after the last. */
  readonly from: string;
  readonly to: string;
}

/** The name of a row's cell. */
const cellName = "concat(org_id, '/', toString(toDate(event_time)))";

function range(from: string, to: string, orgs: readonly string[]): string {
  const instant = (day: string) => `toDateTime64(${quoted(`${day} 00:00:00`)}, 6)`;
  // Whole conditions over the columns of the partitions: only so are files passed over unread.
  return `org_id IN (${orgs.map(quoted).join(', ')}) AND event_time >= ${instant(from)} AND event_time < ${instant(to)}`;
}

/** The records of some days of organizations, read once from bronze, to a file. */
export function sliceStatement(bronze: string, { names, orgs, from, to }: SliceCells, file: string): string {
  return `INSERT INTO FUNCTION file(${quoted(file)}, Parquet)
    SELECT org_id, event_time, log_time, topic, partition, log_offset, schema_id, assumeNotNull(kind) AS kind, value
    FROM ${bronze}
    WHERE ${range(from, to, orgs)} AND kind IS NOT NULL AND ${cellName} IN (${names.map(quoted).join(', ')})
    SETTINGS ${overwriting}, ${passing}`;
}

/** Which kinds a slice has, in which schemas, how many. */
export function kindsStatement(slice: string): string {
  return `SELECT kind, schema_id, toUInt32(count()) AS records FROM ${fileOf(slice)} GROUP BY kind, schema_id`;
}

function filter({ kind, form, schemaIds }: Encoding): string {
  const ids = schemaIds.join(', ');
  const ofThese = schemaIds.length === 0 ? '0' : `schema_id IN (${ids})`;
  return `kind = ${quoted(kind.kind)} AND ${form === 'frames' ? ofThese : `NOT ifNull(${ofThese}, 0)`}`;
}

/** The values of an encoding, end to end: frames tell their own length. */
export function framesStatement(slice: string, encoding: Encoding, to: string): string {
  return `INSERT INTO FUNCTION file(${quoted(to)}, RawBLOB, 'value String')
    SELECT assumeNotNull(value) FROM ${fileOf(slice)} WHERE ${filter(encoding)} SETTINGS ${inOrder}, ${overwriting}`;
}

/** Some of the values, for us to decode. */
export function valuesStatement(slice: string, encoding: Encoding, from: number, count: number, to: string): string {
  return `INSERT INTO FUNCTION file(${quoted(to)}, Parquet)
    SELECT assumeNotNull(value) AS value FROM ${fileOf(slice)} WHERE ${filter(encoding)}
    LIMIT ${count} OFFSET ${from} SETTINGS ${inOrder}, ${overwriting}, output_format_parquet_string_as_string = 0`;
}

/** Types that Avro is read as, and those of the lines that we write. */
const frameTypes: Readonly<Record<EventFieldType, string>> = {
  string: 'Nullable(String)',
  int: 'Nullable(Int32)',
  long: 'Nullable(Int64)',
  double: 'Nullable(Float64)',
  boolean: 'Nullable(Bool)',
  instant: 'Nullable(DateTime64(3))',
  date: 'Nullable(Date32)',
  id: 'FixedString(16)',
  counts: 'Map(String, Int64)',
};
const lineTypes: Readonly<Record<EventFieldType, string>> = {
  ...frameTypes,
  instant: 'Nullable(Int64)',
  date: 'Nullable(Int32)',
  id: 'String',
};

/** What a column of a table is to ClickHouse. */
const columnTypes: Readonly<Record<EventFieldType, string>> = {
  ...frameTypes,
  instant: 'Nullable(DateTime64(6))',
};

/**
 * Records of one encoding with all columns of their table, each beside its place in the log: the values of the file
 * and the places of the slice are the same rows in the same order.
 */
export function typedStatement(
  slice: string,
  values: string,
  table: SilverTable,
  encoding: Encoding,
  to: string,
  registryUrl: string,
): string {
  const { kind, form } = encoding;
  const types = form === 'frames' ? frameTypes : lineTypes;
  const structure = kind.fields.map(({ name, type }) => `${identifier(name)} ${types[type]}`).join(', ');
  const format = form === 'frames' ? 'AvroConfluent' : 'JSONEachRow';
  const columns = table.fields.map((field) => {
    const own = kind.fields.find(({ name }) => name === field.name);
    return `${own === undefined ? absentColumn(field) : column(own, form)} AS ${identifier(field.name)}`;
  });
  if (tellsKind(table)) columns.unshift(`${quoted(kind.kind)} AS kind`);
  const registry = form === 'frames' ? `, format_avro_schema_registry_url = ${quoted(registryUrl)}` : '';
  return `INSERT INTO FUNCTION file(${quoted(to)}, Parquet)
    SELECT ${columns.join(', ')}, log_time, topic, partition, log_offset, schema_id, filed_org, filed_time
    FROM (SELECT ${kind.fields.map(({ name }) => `${identifier(name)} AS ${identifier(`e_${name}`)}`).join(', ')}
          FROM file(${quoted(values)}, ${format}, ${quoted(structure)})) AS events
    PASTE JOIN (SELECT log_time, topic, partition, log_offset, schema_id, org_id AS filed_org, event_time AS filed_time
          FROM ${fileOf(slice)} WHERE ${filter(encoding)}) AS places
    SETTINGS ${inOrder}, ${overwriting}, ${passing}, input_format_avro_allow_missing_fields = 1${registry}`;
}

function column({ name, type, absent }: EventField, form: Encoding['form']): string {
  const read = identifier(`e_${name}`);
  if (type === 'id') return form === 'frames' ? read : `toFixedString(unhex(${read}), 16)`;
  if (type === 'counts') return read;
  if (type === 'instant')
    return form === 'frames' ? `toDateTime64(${read}, 6)` : `toDateTime64(fromUnixTimestamp64Milli(${read}), 6)`;
  const value = type === 'date' && form === 'lines' ? `toDate32(${read})` : read;
  return absent === null ? value : `toNullable(ifNull(${value}, ${literal(absent)}))`;
}

function absentColumn({ type }: EventField): string {
  return type === 'counts' ? `CAST(map(), ${quoted(columnTypes.counts)})` : `CAST(NULL, ${quoted(columnTypes[type])})`;
}

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? quoted(value) : String(value);
}

/** Rows of each organization, and how many are not where bronze filed them: none, or rows and places do not fit. */
export function proofStatement(typed: string): string {
  return `SELECT concat(filed_org, '/', toString(toDate(filed_time))) AS cell, toUInt32(count()) AS records,
      toUInt32(countIf(ifNull(org_id != filed_org, 1) OR ifNull(event_time != filed_time, 1))) AS misplaced
    FROM ${fileOf(typed)} GROUP BY cell`;
}

/** The same events in days around the slice, by the rows that silver has there. */
interface OtherDays {
  /** Silver as it is. */
  readonly table: string;
  readonly cells: SliceCells;
  readonly from: string;
  readonly to: string;
}

/** Rows of other days that have an event of the slice: few, so that the next two statements look up few. */
export function elsewhereStatement(typed: string, { table, cells, from, to }: OtherDays, file: string): string {
  return `INSERT INTO FUNCTION file(${quoted(file)}, Parquet)
    SELECT org_id, CAST(event_id, 'FixedString(16)') AS event_id, toDate(event_time) AS day, partition, log_offset
    FROM (SELECT org_id, ${idBytes} AS event_id, event_time, partition, log_offset FROM ${table}
      WHERE ${range(from, to, cells.orgs)} AND ${cellName} NOT IN (${cells.names.map(quoted).join(', ')}))
    WHERE (org_id, event_id) IN (SELECT org_id, event_id FROM ${fileOf(typed)})
    SETTINGS ${overwriting}, ${passing}`;
}

/** Rows of the slice whose events are elsewhere too. */
function alsoElsewhere(typed: string, elsewhere: string): string {
  return `(SELECT org_id, event_id, partition, log_offset FROM ${fileOf(typed)}
    WHERE (org_id, event_id) IN (SELECT org_id, event_id FROM ${fileOf(elsewhere)}))`;
}

/** ClickHouse reads identities of Iceberg as UUID. */
const idBytes = "CAST(UUIDStringToNum(toString(event_id)), 'FixedString(16)')";

/** Days whose rows repeat events that the log has earlier in this slice: they are written anew next. */
export function outrunStatement(typed: string, elsewhere: string): string {
  return `SELECT DISTINCT other.org_id AS org, toString(other.day) AS day
    FROM (SELECT org_id, event_id, min((partition, log_offset)) AS first
      FROM ${alsoElsewhere(typed, elsewhere)} GROUP BY org_id, event_id) AS own
    INNER JOIN ${fileOf(elsewhere)} AS other ON own.org_id = other.org_id AND own.event_id = other.event_id
    WHERE (other.partition, other.log_offset) > own.first`;
}

/** Places of rows that repeat an event which the log has earlier, in this slice or, by what silver has, elsewhere. */
export function repeatsStatement(typed: string, elsewhere: string | null, to: string): string {
  // Counted first: places are gathered for the few that repeat.
  const here = `SELECT arrayJoin(arraySlice(arraySort(groupArray((partition, log_offset))), 2)) AS place
    FROM ${fileOf(typed)} WHERE (org_id, event_id) IN (
      SELECT org_id, event_id FROM ${fileOf(typed)} GROUP BY org_id, event_id HAVING count() > 1)
    GROUP BY org_id, event_id`;
  const there =
    elsewhere === null
      ? ''
      : `UNION ALL SELECT (own.partition, own.log_offset) AS place FROM ${alsoElsewhere(typed, elsewhere)} AS own
          INNER JOIN (SELECT org_id, event_id, min((partition, log_offset)) AS first
            FROM ${fileOf(elsewhere)} GROUP BY org_id, event_id) AS other
          ON own.org_id = other.org_id AND own.event_id = other.event_id
          WHERE other.first < (own.partition, own.log_offset)`;
  return `INSERT INTO FUNCTION file(${quoted(to)}, Parquet)
    SELECT DISTINCT tupleElement(place, 1) AS partition, tupleElement(place, 2) AS log_offset
    FROM (${here} ${there}) SETTINGS ${overwriting}`;
}

/**
 * A file a day of an organization, by its place in `names` from 1 on, sorted by campaign and time. `part` of `parts`: large
 * slices are written in several, by what no two rows of one event differ in.
 */
export function outputStatement(
  typed: string,
  repeats: string,
  { cells, schema, part, parts }: { cells: SliceCells; schema: Schema; part: number; parts: number },
  have: ReadonlySet<string>,
  to: (partition: string) => string,
): string {
  const columns = schema.fields.filter(({ name }) => have.has(name)).map(({ name }) => outputColumn(name, schema));
  return `INSERT INTO FUNCTION file(${quoted(to('{_partition_id}'))}, Parquet)
    PARTITION BY indexOf([${cells.names.map(quoted).join(', ')}], ${cellName})
    SELECT ${columns.join(', ')} FROM ${fileOf(typed)}
    WHERE (partition, log_offset) NOT IN (SELECT partition, log_offset FROM ${fileOf(repeats)})
      ${parts === 1 ? '' : `AND sipHash64(event_id) % ${parts} = ${part}`}
    ORDER BY org_id, toDate(event_time), campaign_id, event_time, partition, log_offset
    SETTINGS ${overwriting}, ${parquet}, max_partitions_per_insert_block = 0`;
}

/** Required columns of the table are so in the file too. */
function outputColumn(name: string, { fields }: Schema): string {
  const field = fields.find((one) => one.name === name);
  const read = identifier(name);
  return field?.required ? `assumeNotNull(${read}) AS ${read}` : read;
}

function fileOf(path: string): string {
  return `file(${quoted(path)}, Parquet)`;
}
