import type { AvroRecord, AvroSchema } from './avro-codec.ts';
import { type PartitionSpec, type PartitionType, resultType, type Schema } from './schema.ts';

/**
 * Avro schemas of manifests and manifest lists. Names and field ids are those of the Iceberg spec
 * ("Manifests", "Manifest Lists"); readers look fields up by either.
 */
const optional = (type: AvroSchema): AvroSchema => ['null', type];

function numberMap(keyId: number, valueId: number, value: AvroSchema): AvroSchema {
  return optional({
    type: 'array',
    logicalType: 'map',
    items: {
      type: 'record',
      name: `k${keyId}_v${valueId}`,
      fields: [
        { name: 'key', type: 'int', 'field-id': keyId },
        { name: 'value', type: value, 'field-id': valueId },
      ],
    },
  });
}

const avroTypes: Readonly<Record<PartitionType, AvroSchema>> = {
  boolean: 'boolean',
  int: 'int',
  long: 'long',
  date: { type: 'int', logicalType: 'date' },
  timestamptz: 'long',
  string: 'string',
  binary: 'bytes',
};

/** Avro names allow letters, digits and underscores only; others become `_x` and their hex code. */
export function avroName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, (char) => `_x${(char.codePointAt(0) ?? 0).toString(16).toUpperCase()}`);
}

function dataFileSchema(schema: Schema, spec: PartitionSpec): AvroRecord {
  const partition: AvroRecord = {
    type: 'record',
    name: 'r102',
    fields: spec.fields.map((field) => ({
      name: avroName(field.name),
      type: optional(avroTypes[resultType(schema, field)]),
      default: null,
      'field-id': field['field-id'],
    })),
  };
  return {
    type: 'record',
    name: 'r2',
    fields: [
      { name: 'content', type: 'int', 'field-id': 134 },
      { name: 'file_path', type: 'string', 'field-id': 100 },
      { name: 'file_format', type: 'string', 'field-id': 101 },
      { name: 'partition', type: partition, 'field-id': 102 },
      { name: 'record_count', type: 'long', 'field-id': 103 },
      { name: 'file_size_in_bytes', type: 'long', 'field-id': 104 },
      { name: 'column_sizes', type: numberMap(117, 118, 'long'), default: null, 'field-id': 108 },
      { name: 'value_counts', type: numberMap(119, 120, 'long'), default: null, 'field-id': 109 },
      { name: 'null_value_counts', type: numberMap(121, 122, 'long'), default: null, 'field-id': 110 },
      { name: 'nan_value_counts', type: numberMap(138, 139, 'long'), default: null, 'field-id': 137 },
      { name: 'lower_bounds', type: numberMap(126, 127, 'bytes'), default: null, 'field-id': 125 },
      { name: 'upper_bounds', type: numberMap(129, 130, 'bytes'), default: null, 'field-id': 128 },
      { name: 'key_metadata', type: optional('bytes'), default: null, 'field-id': 131 },
      {
        name: 'split_offsets',
        type: optional({ type: 'array', items: 'long', 'element-id': 133 }),
        default: null,
        'field-id': 132,
      },
      {
        name: 'equality_ids',
        type: optional({ type: 'array', items: 'int', 'element-id': 136 }),
        default: null,
        'field-id': 135,
      },
      { name: 'sort_order_id', type: optional('int'), default: null, 'field-id': 140 },
    ],
  };
}

export function manifestEntrySchema(schema: Schema, spec: PartitionSpec): AvroRecord {
  return {
    type: 'record',
    name: 'manifest_entry',
    fields: [
      { name: 'status', type: 'int', 'field-id': 0 },
      { name: 'snapshot_id', type: optional('long'), default: null, 'field-id': 1 },
      { name: 'sequence_number', type: optional('long'), default: null, 'field-id': 3 },
      { name: 'file_sequence_number', type: optional('long'), default: null, 'field-id': 4 },
      { name: 'data_file', type: dataFileSchema(schema, spec), 'field-id': 2 },
    ],
  };
}

export const manifestFileSchema: AvroRecord = {
  type: 'record',
  name: 'manifest_file',
  fields: [
    { name: 'manifest_path', type: 'string', 'field-id': 500 },
    { name: 'manifest_length', type: 'long', 'field-id': 501 },
    { name: 'partition_spec_id', type: 'int', 'field-id': 502 },
    { name: 'content', type: 'int', 'field-id': 517 },
    { name: 'sequence_number', type: 'long', 'field-id': 515 },
    { name: 'min_sequence_number', type: 'long', 'field-id': 516 },
    { name: 'added_snapshot_id', type: 'long', 'field-id': 503 },
    { name: 'added_files_count', type: 'int', 'field-id': 504 },
    { name: 'existing_files_count', type: 'int', 'field-id': 505 },
    { name: 'deleted_files_count', type: 'int', 'field-id': 506 },
    { name: 'added_rows_count', type: 'long', 'field-id': 512 },
    { name: 'existing_rows_count', type: 'long', 'field-id': 513 },
    { name: 'deleted_rows_count', type: 'long', 'field-id': 514 },
    {
      name: 'partitions',
      type: optional({
        type: 'array',
        'element-id': 508,
        items: {
          type: 'record',
          name: 'r508',
          fields: [
            { name: 'contains_null', type: 'boolean', 'field-id': 509 },
            { name: 'contains_nan', type: optional('boolean'), default: null, 'field-id': 518 },
            { name: 'lower_bound', type: optional('bytes'), default: null, 'field-id': 510 },
            { name: 'upper_bound', type: optional('bytes'), default: null, 'field-id': 511 },
          ],
        },
      }),
      default: null,
      'field-id': 507,
    },
    { name: 'key_metadata', type: optional('bytes'), default: null, 'field-id': 519 },
  ],
};
