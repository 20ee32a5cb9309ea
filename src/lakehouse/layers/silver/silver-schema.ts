import type { PartitionSpec, Schema } from '../../format/schema.ts';
import { type SortOrder, sortedBy } from '../../format/sort-order.ts';
import { columnId, type TableColumn } from '../../operations/table-columns.ts';
import { type SilverTable, tellsKind } from './silver-kinds.ts';

/** Where the record stands in the log; the same in every table. */
const address: readonly TableColumn[] = [
  { name: 'log_time', type: 'timestamptz', isRequired: true, doc: 'When the log took the record.' },
  { name: 'topic', type: 'string', isRequired: true, doc: 'Topic of the record.' },
  { name: 'partition', type: 'int', isRequired: true, doc: 'Its partition.' },
  { name: 'log_offset', type: 'long', isRequired: true, doc: 'Its offset: bronze has the record as it came.' },
  { name: 'schema_id', type: 'int', isRequired: false, doc: 'Schema that it was written with; null for JSON.' },
];

/** What no table can do without. Nothing else is required: Iceberg never takes a requirement up later. */
const required = new Set(['event_id', 'org_id', 'event_time']);

const types = {
  string: 'string',
  int: 'int',
  long: 'long',
  double: 'double',
  boolean: 'boolean',
  instant: 'timestamptz',
  date: 'date',
  id: 'uuid',
  counts: 'counts',
} as const;

export function silverColumns(table: SilverTable): TableColumn[] {
  const fields = table.fields.map(({ name, type, doc }) => {
    return { name, type: types[type], doc, isRequired: required.has(name) };
  });
  const kind = { name: 'kind', type: 'string', isRequired: true, doc: 'Kind of event.' } as const;
  return [...(tellsKind(table) ? [kind] : []), ...fields, ...address];
}

export function silverSpec(schema: Schema): PartitionSpec {
  return {
    'spec-id': 0,
    fields: [
      { 'source-id': columnId(schema, 'org_id'), 'field-id': 1000, name: 'org_id', transform: 'identity' },
      { 'source-id': columnId(schema, 'event_time'), 'field-id': 1001, name: 'event_time_day', transform: 'day' },
    ],
  };
}

export function silverOrder(schema: Schema): SortOrder {
  return sortedBy(1, [columnId(schema, 'campaign_id'), columnId(schema, 'event_time')]);
}
