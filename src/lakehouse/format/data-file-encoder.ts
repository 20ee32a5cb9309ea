import type { DataFile } from './manifest.ts';
import type { Field } from './schema.ts';

/** One column of a data file: values in the field's JavaScript form, null where there is none. */
export interface Column {
  readonly field: Field;
  /** string, `long`/`timestamptz` as bigint, `int`/`date` as number, `binary` as bytes. */
  readonly values: readonly (string | number | bigint | Uint8Array | null)[] | BigInt64Array;
  /** Whether readers may prune by this column's least and greatest value. */
  readonly hasBounds: boolean;
  /** Few distinct values: write each once. */
  readonly isRepetitive: boolean;
}

/** A finished data file and what the manifest says about it, wherever it will lie. */
export interface EncodedFile extends Omit<DataFile, 'path' | 'partition' | 'sizeBytes'> {
  readonly bytes: Uint8Array;
}

/** Columns of equal length, at least one row, to the bytes of one file. */
export interface DataFileEncoder {
  encode(columns: readonly Column[]): EncodedFile;
}
