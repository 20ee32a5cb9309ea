import { EngineError } from '../../../model/errors.ts';
import type { CatalogTable, TableState } from '../../catalog/catalog.ts';
import type { ColumnType, Field, PartitionSpec, Schema } from '../../format/schema.ts';
import { type SortOrder, sortedBy } from '../../format/sort-order.ts';
import { currentSchema } from '../../format/table-metadata.ts';
import { type EventFieldType, type SilverTable, tellsKind } from './silver-kinds.ts';

/** A column of a silver table before it has an id. */
interface SilverColumn {
  readonly name: string;
  readonly type: EventFieldType;
  readonly isRequired: boolean;
  readonly doc: string;
}

/** Where the record stands in the log; the same in every table. */
const address: readonly SilverColumn[] = [
  { name: 'log_time', type: 'instant', isRequired: true, doc: 'When the log took the record.' },
  { name: 'topic', type: 'string', isRequired: true, doc: 'Topic of the record.' },
  { name: 'partition', type: 'int', isRequired: true, doc: 'Its partition.' },
  { name: 'log_offset', type: 'long', isRequired: true, doc: 'Its offset: bronze has the record as it came.' },
  { name: 'schema_id', type: 'int', isRequired: false, doc: 'Schema that it was written with; null for JSON.' },
];

/** What no table can do without. Nothing else is required: Iceberg never takes a requirement up later. */
const required = new Set(['event_id', 'org_id', 'event_time']);

export function silverColumns(table: SilverTable): SilverColumn[] {
  const fields = table.fields.map(({ name, type, doc }) => ({ name, type, doc, isRequired: required.has(name) }));
  const kind = { name: 'kind', type: 'string', isRequired: true, doc: 'Kind of event.' } as const;
  return [...(tellsKind(table) ? [kind] : []), ...fields, ...address];
}

const plainTypes = {
  string: 'string',
  int: 'int',
  long: 'long',
  double: 'double',
  boolean: 'boolean',
  instant: 'timestamptz',
  date: 'date',
  id: 'uuid',
} as const;

/** Columns first and then what is inside of maps: the order in which Iceberg itself gives ids. */
export function newSchema(columns: readonly SilverColumn[]): Schema {
  let inner = columns.length;
  const fields = columns.map((column, at) => fieldOf(column, at + 1, () => ++inner));
  return { type: 'struct', 'schema-id': 0, fields };
}

function fieldOf({ name, type, isRequired, doc }: SilverColumn, id: number, nextId: () => number): Field {
  const column: ColumnType =
    type === 'counts'
      ? { type: 'map', 'key-id': nextId(), key: 'string', 'value-id': nextId(), value: 'long', 'value-required': true }
      : plainTypes[type];
  return { id, name, required: isRequired, type: column, doc };
}

export const silverProperties: Readonly<Record<string, string>> = {
  'write.format.default': 'parquet',
  'write.parquet.compression-codec': 'zstd',
  'write.metadata.delete-after-commit.enabled': 'true',
  'write.metadata.previous-versions-max': '100',
  'commit.manifest.min-count-to-merge': '100',
  'history.expire.min-snapshots-to-keep': '20',
  'history.expire.max-snapshot-age-ms': '86400000',
};

export function silverSpec({ fields }: Schema): PartitionSpec {
  const id = (name: string) => idOf(fields, name);
  return {
    'spec-id': 0,
    fields: [
      { 'source-id': id('org_id'), 'field-id': 1000, name: 'org_id', transform: 'identity' },
      { 'source-id': id('event_time'), 'field-id': 1001, name: 'event_time_day', transform: 'day' },
    ],
  };
}

export function silverOrder({ fields }: Schema): SortOrder {
  return sortedBy(1, [idOf(fields, 'campaign_id'), idOf(fields, 'event_time')]);
}

function idOf(fields: readonly Field[], name: string): number {
  const found = fields.find((field) => field.name === name);
  if (found === undefined) throw new EngineError('SINK_REJECTED', `a table of silver lacks the column ${name}`);
  return found.id;
}

/**
 * Gives a table the columns that its events have come to have; old files read as null there. Columns that the
 * events lost stay. Throws SINK_REJECTED where a column is of another type than the events say.
 */
export async function evolve(
  catalog: CatalogTable,
  state: TableState,
  columns: readonly SilverColumn[],
): Promise<TableState> {
  const { metadata } = state;
  const schema = currentSchema(metadata);
  const known = new Map(schema.fields.map((field) => [field.name, field]));
  const added: Field[] = [];
  let last = metadata['last-column-id'];
  for (const column of columns) {
    const have = known.get(column.name);
    const want = column.type === 'counts' ? 'map' : plainTypes[column.type];
    if (have === undefined) added.push(fieldOf({ ...column, isRequired: false }, ++last, () => ++last));
    else if (typeOf(have) !== want)
      throw new EngineError(
        'SINK_REJECTED',
        `${metadata.location}: ${column.name} is ${typeOf(have)} in the table and ${want} in its events`,
      );
  }
  if (added.length === 0) return state;
  const schemaId = Math.max(...metadata.schemas.map((one) => one['schema-id'])) + 1;
  return catalog.commit(
    state,
    [
      { type: 'assert-table-uuid', uuid: metadata['table-uuid'] },
      { type: 'assert-current-schema-id', 'current-schema-id': schema['schema-id'] },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': metadata['last-column-id'] },
    ],
    [
      {
        action: 'add-schema',
        schema: { type: 'struct', 'schema-id': schemaId, fields: [...schema.fields, ...added] },
        'last-column-id': last,
      },
      { action: 'set-current-schema', 'schema-id': -1 },
    ],
  );
}

function typeOf({ type }: Field): string {
  return typeof type === 'string' ? type : type.type;
}
