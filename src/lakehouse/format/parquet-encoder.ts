import { constants, zstdCompressSync } from 'node:zlib';
import type { SchemaElement } from 'hyparquet';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { assert } from '../../model/errors.ts';
import { columnFacts } from './column-bounds.ts';
import type { Column, DataFileEncoder, EncodedFile } from './data-file-encoder.ts';
import type { Field } from './schema.ts';

const rowGroupRows = 250_000;
const pageBytes = 1024 * 1024;
/** Footer and page headers. */
const headBytes = 4_096;
/** Compressed; a writer that needs more grows. */
const recordBytesGuess = 64;

/**
 * zstd of a page. Without the pledged size zlib allocates a full window for every call, which costs
 * twenty times the compression itself on small pages.
 */
function compress(input: Uint8Array, level: number): Uint8Array {
  return zstdCompressSync(input, {
    pledgedSrcSize: input.length,
    chunkSize: Math.max(64, input.length + (input.length >> 7) + 128),
    params: { [constants.ZSTD_c_compressionLevel]: level },
  });
}

/** Parquet files with field ids, by hyparquet-writer. */
export class ParquetEncoder implements DataFileEncoder {
  readonly #level: number;

  constructor(zstdLevel = 3) {
    this.#level = zstdLevel;
  }

  encode(columns: readonly Column[]): EncodedFile {
    const recordCount = columns[0].values.length;
    assert(recordCount > 0, 'a data file has rows');
    // Of about the file's size: there are many small files, and their buffers become garbage at once.
    const writer = new ByteWriter(headBytes + recordCount * recordBytesGuess);
    const parquet = new ParquetWriter({
      writer,
      schema: schemaOf(columns),
      codec: 'ZSTD',
      compressors: { ZSTD: (input) => compress(input, this.#level) },
      createdBy: 'paceline',
    });
    parquet.write({
      columnData: columns.map((column) => ({
        name: column.field.name,
        data: column.values as never,
        statistics: column.hasBounds,
        ...(column.isRepetitive ? {} : { encoding: 'PLAIN' as const }),
      })),
      rowGroupSize: rowGroupRows,
      pageSize: pageBytes,
    });
    parquet.finish();
    const facts = columns.map((column) => ({ id: column.field.id, ...columnFacts(column) }));
    const groups = parquet.row_groups;
    const sizeOf = (at: number) =>
      groups.reduce((sum, group) => sum + Number(group.columns[at].meta_data?.total_compressed_size ?? 0n), 0);
    return {
      bytes: writer.getBytes(),
      recordCount,
      columnSizes: new Map(facts.map(({ id }, at) => [id, sizeOf(at)])),
      valueCounts: new Map(facts.map(({ id }) => [id, recordCount])),
      nullCounts: new Map(facts.map(({ id, nulls }) => [id, nulls])),
      lowerBounds: new Map(facts.flatMap(({ id, lower }) => (lower ? [[id, lower] as const] : []))),
      upperBounds: new Map(facts.flatMap(({ id, upper }) => (upper ? [[id, upper] as const] : []))),
      splitOffsets: groups.map((group) => {
        const first = group.columns[0].meta_data;
        return Number(first?.dictionary_page_offset ?? first?.data_page_offset ?? 0n);
      }),
    };
  }
}

function schemaOf(columns: readonly Column[]): SchemaElement[] {
  return [{ name: 'table', num_children: columns.length }, ...columns.map(({ field }) => elementOf(field))];
}

function elementOf(field: Field): SchemaElement {
  const base = {
    name: field.name,
    field_id: field.id,
    repetition_type: field.required ? ('REQUIRED' as const) : ('OPTIONAL' as const),
  };
  switch (field.type) {
    case 'boolean':
      return { ...base, type: 'BOOLEAN' };
    case 'int':
      return { ...base, type: 'INT32' };
    case 'date':
      return { ...base, type: 'INT32', converted_type: 'DATE', logical_type: { type: 'DATE' } };
    case 'long':
      return { ...base, type: 'INT64' };
    case 'timestamptz':
      return {
        ...base,
        type: 'INT64',
        logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
      };
    case 'string':
      return { ...base, type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } };
    case 'binary':
      return { ...base, type: 'BYTE_ARRAY' };
    default:
      throw new Error(`no encoder for ${JSON.stringify(field.type)}`);
  }
}
