import { assert } from '../../model/errors.ts';

/** Shapes of Iceberg's schema and partition spec, as they stand in metadata JSON (spec, Appendix C). */
export type FieldType = 'boolean' | 'int' | 'long' | 'date' | 'timestamptz' | 'string' | 'binary';

export interface Field {
  readonly id: number;
  readonly name: string;
  readonly required: boolean;
  readonly type: FieldType;
  readonly doc?: string;
}

export interface Schema {
  readonly type: 'struct';
  readonly 'schema-id': number;
  readonly fields: readonly Field[];
}

type Transform = 'identity' | 'day';

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

/** A partition value in its result type: string for identity of a string, days for `day`. */
export type PartitionValue = string | number | null;

export function fieldById(schema: Schema, id: number): Field {
  const field = schema.fields.find((candidate) => candidate.id === id);
  assert(field, `schema ${schema['schema-id']} has field ${id}`);
  return field;
}

/** The type a partition field's values have after its transform. */
export function resultType(schema: Schema, field: PartitionField): FieldType {
  return field.transform === 'day' ? 'date' : fieldById(schema, field['source-id']).type;
}
