import type { PartitionSpec, Schema } from '../../format/schema.ts';

/** Field ids of `bronze.events`; never used for another column. */
export const bronzeField = {
  org_id: 1,
  event_time: 2,
  log_time: 3,
  topic: 4,
  partition: 5,
  log_offset: 6,
  key: 7,
  schema_id: 8,
  kind: 9,
  value: 10,
} as const;

export const bronzeSchema: Schema = {
  type: 'struct',
  'schema-id': 0,
  fields: [
    {
      id: bronzeField.org_id,
      name: 'org_id',
      required: true,
      type: 'string',
      doc: 'Organization by the record key; _system when key or time cannot be trusted.',
    },
    {
      id: bronzeField.event_time,
      name: 'event_time',
      required: true,
      type: 'timestamptz',
      doc: 'When it happened; the log time for _system and for plans.',
    },
    { id: bronzeField.log_time, name: 'log_time', required: true, type: 'timestamptz', doc: 'Append time.' },
    { id: bronzeField.topic, name: 'topic', required: true, type: 'string' },
    { id: bronzeField.partition, name: 'partition', required: true, type: 'int' },
    { id: bronzeField.log_offset, name: 'log_offset', required: true, type: 'long' },
    { id: bronzeField.key, name: 'key', required: false, type: 'binary', doc: 'Record key as it came.' },
    {
      id: bronzeField.schema_id,
      name: 'schema_id',
      required: false,
      type: 'int',
      doc: 'Writer schema id; null for JSON and broken framing.',
    },
    {
      id: bronzeField.kind,
      name: 'kind',
      required: false,
      type: 'string',
      doc: 'Kind of record; rejected ones say so.',
    },
    { id: bronzeField.value, name: 'value', required: false, type: 'binary', doc: 'The raw bytes, all of them.' },
  ],
};

export const bronzeSpec: PartitionSpec = {
  'spec-id': 0,
  fields: [
    { 'source-id': bronzeField.org_id, 'field-id': 1000, name: 'org_id', transform: 'identity' },
    { 'source-id': bronzeField.event_time, 'field-id': 1001, name: 'event_time_day', transform: 'day' },
  ],
};

/** How files of bronze lie: a compactor merges them in the order of the log. */
export const bronzeLayout = {
  spec: bronzeSpec,
  sortedBy: [bronzeField.partition, bronzeField.log_offset],
  repetitive: new Set<number>([
    bronzeField.org_id,
    bronzeField.topic,
    bronzeField.partition,
    bronzeField.schema_id,
    bronzeField.kind,
  ]),
  unbounded: new Set<number>([bronzeField.key, bronzeField.value]),
} as const;
