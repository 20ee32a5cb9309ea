import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet';
import { EngineError } from '../../model/errors.ts';
import type { Field } from './schema.ts';

/** Rows of a file, the second not among them. */
interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** A value in the JavaScript form that `Column` wants; null where there is none. */
export type CellValue = string | number | bigint | Uint8Array | null;

/** Instants and days stay the integers that they are in the file. */
const asIntegers = {
  timestampFromMilliseconds: (millis: bigint) => millis * 1_000n,
  timestampFromMicroseconds: (micros: bigint) => micros,
  timestampFromNanoseconds: (nanos: bigint) => nanos / 1_000n,
  dateFromDays: (days: number) => days,
} as never;

/** What writers of data files compress with; snappy is the reader's own. */
const compressors = {
  ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)),
  GZIP: (input: Uint8Array) => new Uint8Array(gunzipSync(input)),
};

/**
 * Columns of a Parquet file, found by their Iceberg field ids (by name where a writer left ids out); a column
 * that the file lacks is all null. Throws SINK_REJECTED for a file that cannot be read.
 */
export async function readParquetColumns(
  bytes: Uint8Array,
  fields: readonly Field[],
  range: RowRange | null = null,
): Promise<ReadonlyMap<number, CellValue[]>> {
  try {
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
    const metadata = parquetMetadata(file);
    const { from, to } = range ?? { from: 0, to: Number(metadata.num_rows) };
    const rows = Math.max(0, Math.min(to, Number(metadata.num_rows)) - from);
    const columns = new Map(fields.map(({ id }) => [id, new Array<CellValue>(rows).fill(null)]));
    const ids = columnIds(metadata, fields);
    await parquetRead({
      file,
      metadata,
      columns: [...ids.keys()],
      rowStart: from,
      rowEnd: from + rows,
      utf8: false,
      parsers: asIntegers,
      compressors,
      onChunk: ({ columnName, columnData, rowStart }) => {
        const column = columns.get(ids.get(columnName) ?? -1);
        if (column === undefined) return;
        // A chunk may hold rows around those that were asked for.
        const first = Math.max(0, from - rowStart);
        const last = Math.min(columnData.length, from + rows - rowStart);
        for (let i = first; i < last; i++) column[rowStart + i - from] = (columnData[i] ?? null) as CellValue;
      },
    });
    return columns;
  } catch (cause) {
    throw new EngineError('SINK_REJECTED', `a data file cannot be read: ${String(cause)}`, { cause });
  }
}

/** Field id by the name that the column has in this file. */
function columnIds({ schema }: FileMetaData, fields: readonly Field[]): Map<string, number> {
  const ids = new Map<string, number>();
  const wanted = new Set(fields.map(({ id }) => id));
  for (const element of schema.slice(1)) {
    const id = element.field_id ?? fields.find(({ name }) => name === element.name)?.id;
    if (id !== undefined && wanted.has(id)) ids.set(element.name, id);
  }
  return ids;
}
