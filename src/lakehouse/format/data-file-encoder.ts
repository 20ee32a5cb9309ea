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

/** A finished data file and what the manifest says about it. Maps go by field id. */
export interface EncodedFile {
  readonly bytes: Uint8Array;
  readonly recordCount: number;
  readonly columnSizes: ReadonlyMap<number, number>;
  readonly valueCounts: ReadonlyMap<number, number>;
  readonly nullCounts: ReadonlyMap<number, number>;
  readonly lowerBounds: ReadonlyMap<number, Uint8Array>;
  readonly upperBounds: ReadonlyMap<number, Uint8Array>;
  /** Where each row group's first page starts, ascending. */
  readonly splitOffsets: readonly number[];
}

/** Columns of equal length, at least one row, to the bytes of one file. */
export interface DataFileEncoder {
  encode(columns: readonly Column[]): EncodedFile;
}
