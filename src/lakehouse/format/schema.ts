import { assert } from '../../model/errors.ts';

/** Shapes of Iceberg's schema and partition spec, as they stand in metadata JSON (spec, Appendix C). */
export type FieldType = 'boolean' | 'int' | 'long' | 'double' | 'date' | 'timestamptz' | 'string' | 'uuid' | 'binary';

/** What tables are partitioned by. */
export type PartitionType = Exclude<FieldType, 'double' | 'uuid'>;

interface MapType {
  readonly type: 'map';
  readonly 'key-id': number;
  readonly key: FieldType;
  readonly 'value-id': number;
  readonly value: FieldType;
  readonly 'value-required': boolean;
}

interface ListType {
  readonly type: 'list';
  readonly 'element-id': number;
  readonly element: FieldType;
  readonly 'element-required': boolean;
}

/** What a column may be; partitions, bounds and our own encoder know the plain ones. */
export type ColumnType = FieldType | `decimal(${number}, ${number})` | MapType | ListType;

export interface Field {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: ColumnType;
  readonly doc?: string;
}

export interface Schema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly fields: readonly Field[];
}

type Transform = 'identity' | 'day' | 'month';

interface PartitionField {
  readonly 'source-id': number;
  /** From 1000 on, never used again. */
  readonly 'field-id': number;
  readonly name: string;
  readonly transform: Transform;
}

export interface PartitionSpec {
  readonly 'spec-id': number;
  readonly fields: readonly PartitionField[];
}

/** A partition value in its result type: string for identity of a string, days for `day`, months since 1970 for `month`. */
export type PartitionValue = string | number | null;

export function fieldById(schema: Schema, id: number): Field {
  const field = schema.fields.find((candidate) => candidate.id === id);
  assert(field, `schema ${schema['schema-id']} has field ${id}`);
  return field;
}

/** The type a partition field's values have after its transform. */
export function resultType(schema: Schema, field: PartitionField): PartitionType {
  if (field.transform !== 'identity') return field.transform === 'day' ? 'date' : 'int';
  const { type } = fieldById(schema, field['source-id']);
  assert(isPlain(type) && type !== 'double' && type !== 'uuid', 'a table is partitioned by columns of few values');
  return type;
}

const plainTypes: ReadonlySet<unknown> = new Set<FieldType>([
  'boolean',
  'int',
  'long',
  'double',
  'date',
  'timestamptz',
  'string',
  'uuid',
  'binary',
]);

/** Whether values of the column have bounds that we can write. */
export function isPlain(type: ColumnType): type is FieldType {
  return plainTypes.has(type);
}
