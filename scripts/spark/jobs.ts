import { describeKind } from '../../src/decoders/event-objects.ts';
import { releasedSchemas } from '../../src/decoders/event-schemas.ts';
import { eventKinds } from '../../src/events/kinds.ts';
import {
  type EventField,
  type EventFieldType,
  type EventKind,
  type SilverTable,
  silverTables,
  tellsKind,
} from '../../src/lakehouse/layers/silver/silver-kinds.ts';

/** Schemas by the ids that records name them with. */
export type SchemaIds = ReadonlyMap<number, { readonly kind: string; readonly schema: unknown }>;

/** As the log of a data directory numbers them, and a registry that took them in this order. */
export function shippedIds(): SchemaIds {
  return new Map(releasedSchemas().map(({ id, kind, schema }) => [id, { kind, schema }]));
}

const tables = silverTables(eventKinds.map(describeKind));
/** Whose day is written anew when something comes late: few records, with money. */
const lateTables = ['conversions', 'spend', 'performance_reports', 'spend_adjustments', 'metric_corrections'];
const address = ['log_time', 'topic', 'partition', 'log_offset', 'schema_id'] as const;
const bronze = 'bronze.events VERSION AS OF ${snapshot}';
const day = "TIMESTAMP '${day} 00:00:00'";

const types: Readonly<Record<EventFieldType, string>> = {
  string: 'STRING',
  int: 'INT',
  long: 'BIGINT',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  instant: 'TIMESTAMP',
  date: 'DATE',
  id: 'STRING',
  counts: 'MAP<STRING, BIGINT>',
};

/** The files of `deploy/spark/`, by name. */
export function sparkJobs(ids: SchemaIds): Readonly<Record<string, string>> {
  return {
    'backfill.sql': backfill(ids),
    'day.sql': writeDay(ids),
    'late.sql': mergeLate(ids),
    'maintain.sql': maintain(),
  };
}

/** In the order in which each makes less work for the next; Iceberg's own names of what `lake maintain` does. */
function maintain(): string {
  const call = (procedure: string, ...more: readonly string[]) =>
    `CALL paceline.system.${procedure}(${["table => '${table}'", ...more].join(', ')});`;
  const instant = (name: string) => `older_than => TIMESTAMP '\${${name}}'`;
  return file(
    `-- Looks after a table, beside our writer: small files are merged, manifests sorted, old snapshots forgotten with what
-- only they reach, and files removed that no snapshot names.
-- -d table=bronze.events -d order='partition, log_offset' (of silver: 'campaign_id, event_time, partition, log_offset')
-- -d older_than='2026-03-01 00:00:00' -d keep=20 (snapshots) -d orphans='2026-02-27 00:00:00' (three days: files of
-- a commit under way are younger).`,
    [
      call(
        'rewrite_data_files',
        "strategy => 'sort'",
        "sort_order => '${order}'",
        "options => map('target-file-size-bytes', '268435456', 'partial-progress.enabled', 'true')",
      ),
      call('rewrite_manifests'),
      call('expire_snapshots', instant('older_than'), 'retain_last => ${keep}'),
      call('remove_orphan_files', instant('orphans')),
    ],
  );
}

function backfill(ids: SchemaIds): string {
  const made = tables.map((table) => {
    const all = `\`org_id\` <> '_system'`;
    return `CREATE TABLE \${target}.${table.name} USING iceberg PARTITIONED BY (org_id, days(event_time))
TBLPROPERTIES ('format-version' = '2') AS
${events(table, ids, all)}
ORDER BY \`org_id\`, \`campaign_id\`, \`event_time\`;`;
  });
  return file(
    `-- All of silver at once, into a namespace of its own (-d target=silver_copy), by CTAS.
-- -d snapshot=… is the snapshot of bronze to read.`,
    [refuseOthers(ids, `\`org_id\` <> '_system'`), 'CREATE NAMESPACE IF NOT EXISTS ${target};', ...made],
  );
}

function writeDay(ids: SchemaIds): string {
  const ofDay = `\`event_time\` >= ${day} AND \`event_time\` < ${day} + INTERVAL 1 DAY`;
  const written = tables.map((table) => {
    const within = `INTERVAL ${table.repeatedWithinDays} DAYS`;
    const around = `\`org_id\` <> '_system' AND \`event_time\` >= ${day} - ${within} AND \`event_time\` < ${day} + ${within} + INTERVAL 1 DAY`;
    return `INSERT OVERWRITE silver.${table.name} (${columnsOf(table)})
SELECT ${columnsOf(table)} FROM (
${events(table, ids, around)}
) WHERE ${ofDay};`;
  });
  const kinds = eventKinds.map((kind) => `'${kind}'`).join(', ');
  const rows = tables.map(({ name }) => `SELECT org_id FROM silver.${name} WHERE ${ofDay}`).join('\n  UNION ALL ');
  const noted = `INSERT OVERWRITE silver.days (org_id, day, bronze_records, bronze_snapshot, events, rows, built_at)
SELECT read.org_id, DATE '\${day}', bronze_records, CAST('\${snapshot}' AS BIGINT), events, coalesce(made.rows, 0), current_timestamp()
FROM (
  SELECT org_id, count(*) AS bronze_records, count_if(kind IN (${kinds})) AS events
  FROM ${bronze} WHERE org_id <> '_system' AND ${ofDay} GROUP BY org_id
) AS read
LEFT JOIN (SELECT org_id, count(*) AS rows FROM (
  ${rows}
) GROUP BY org_id) AS made ON made.org_id = read.org_id;`;
  return file(
    `-- One day of silver, of all organizations: -d day=2026-03-01 -d snapshot=… (of bronze).
-- What stood there is replaced; an event that the log has earlier, under another day, stays there.
-- silver.days is written last: "paceline lake silver" then finds nothing to do for that day.`,
    [
      'SET spark.sql.sources.partitionOverwriteMode = dynamic;',
      refuseOthers(ids, `\`org_id\` <> '_system' AND ${ofDay}`),
      ...written,
      noted,
    ],
  );
}

function mergeLate(ids: SchemaIds): string {
  const merged = tables
    .filter(({ name }) => lateTables.includes(name))
    .map((table) => {
      const logged = `\`org_id\` <> '_system' AND \`log_time\` >= ${day} AND \`log_time\` < ${day} + INTERVAL 1 DAY`;
      const columns = columnsOf(table);
      return `MERGE INTO silver.${table.name} AS here USING (
${events(table, ids, logged)}
) AS late ON here.org_id = late.org_id AND here.event_id = late.event_id
WHEN NOT MATCHED THEN INSERT (${columns}) VALUES (${columns
        .split(', ')
        .map((name) => `late.${name}`)
        .join(', ')});`;
    });
  return file(
    `-- Money and conversions that the log took on one day (-d day=…), into the days that they are of.
-- -d snapshot=… is the snapshot of bronze to read. "paceline lake silver" writes days that have late records anew;
-- this adds the rows alone, where days are too large for that.`,
    merged,
  );
}

function file(head: string, statements: readonly string[]): string {
  return `${head}\n-- Printed by scripts/print-spark.ts; docs/lakehouse.md, "Past one machine", says how to run it.\n\n${statements.join('\n\n')}\n`;
}

/** Stops where there is what only the engine's own decoders read. */
function refuseOthers(ids: SchemaIds, where: string): string {
  const known = eventKinds.map((kind) => {
    const own = [...ids].filter(([, one]) => one.kind === kind).map(([id]) => id);
    return `kind = '${kind}' AND coalesce(schema_id NOT IN (${own.join(', ') || '-1'}), true)`;
  });
  return `SELECT assert_true(count(*) = 0, 'there are records in JSON, or in schemas that are not released: write this with "paceline lake silver"')
FROM ${bronze} WHERE ${where} AND (${known.join('\n  OR ')});`;
}

function columnsOf(table: SilverTable): string {
  const kind = tellsKind(table) ? ['kind'] : [];
  return [...kind, ...table.fields.map(({ name }) => name), ...address].map((name) => `\`${name}\``).join(', ');
}

/** Events of a table, each once: the first of the log stays. */
function events(table: SilverTable, ids: SchemaIds, where: string): string {
  const encodings = table.kinds.flatMap((kind) =>
    [...ids]
      .filter(([, one]) => one.kind === kind.kind)
      .map(([id, { schema }]) => encoding(table, kind, id, schema, where)),
  );
  const columns = columnsOf(table);
  return `SELECT ${columns} FROM (
  SELECT *, row_number() OVER (PARTITION BY \`org_id\`, \`event_id\` ORDER BY \`partition\`, \`log_offset\`) AS nth FROM (
${encodings.join('\n    UNION ALL\n')}
  )
) WHERE nth = 1`;
}

function encoding(table: SilverTable, kind: EventKind, id: number, schema: unknown, where: string): string {
  const { fields } = schema as { readonly fields: readonly { readonly name: string }[] };
  const written = new Set(fields.map(({ name }) => name));
  const columns = table.fields.map((field) => {
    const own = kind.fields.find(({ name }) => name === field.name);
    return `${own === undefined ? absent({ ...field, absent: null }) : column(own, written)} AS \`${field.name}\``;
  });
  if (tellsKind(table)) columns.unshift(`'${kind.kind}' AS \`kind\``);
  const text = JSON.stringify(withoutDocs(schema)).replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `    SELECT ${columns.join(', ')}, ${address.map((name) => `\`${name}\``).join(', ')}
    FROM (SELECT *, from_avro(substring(value, 6), '${text}') AS e
      FROM ${bronze} WHERE ${where} AND kind = '${kind.kind}' AND schema_id = ${id})`;
}

function column(field: EventField, written: ReadonlySet<string>): string {
  const { name, type, absent: without } = field;
  if (!written.has(name)) return absent(field);
  const read = `e.\`${name}\``;
  if (type === 'id') return uuidOf(read);
  if (type === 'counts') return `coalesce(${read}, CAST(map() AS ${types.counts}))`;
  return without === null ? read : `coalesce(${read}, ${literal(without)})`;
}

function absent({ type, absent: without }: EventField): string {
  if (type === 'counts') return `CAST(map() AS ${types.counts})`;
  return `CAST(${without === null ? 'NULL' : literal(without)} AS ${types[type]})`;
}

function uuidOf(bytes: string): string {
  return `regexp_replace(lower(hex(${bytes})), '(.{8})(.{4})(.{4})(.{4})(.{12})', '$1-$2-$3-$4-$5')`;
}

function literal(value: string | number | boolean): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

function withoutDocs(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDocs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'doc')
      .map(([name, each]) => [name, withoutDocs(each)]),
  );
}
