import { type FileMetaData, parquetMetadata, type SchemaElement } from 'hyparquet';
import { ByteWriter } from 'hyparquet-writer';
import { writeMetadata } from 'hyparquet-writer/src/metadata.js';
import { EngineError } from '../../model/errors.ts';
import type { EncodedFile } from './data-file-encoder.ts';
import { type ColumnType, type Field, isPlain } from './schema.ts';
import { compareUtf8, lowerStringBound, serializeValue, upperStringBound } from './values.ts';

/** Least and greatest values as they are in the footer, text and identities as bytes. */
const asWritten = {
  timestampFromMilliseconds: (millis: bigint) => millis,
  timestampFromMicroseconds: (micros: bigint) => micros,
  timestampFromNanoseconds: (nanos: bigint) => nanos,
  dateFromDays: (days: number) => days,
  stringFromBytes: (bytes: Uint8Array) => bytes,
  jsonFromBytes: (bytes: Uint8Array) => bytes,
  uuidFromBytes: (bytes: Uint8Array) => bytes,
};

type BoundValue = string | number | bigint | boolean | Uint8Array;

/**
 * Makes a file that ClickHouse wrote one of an Iceberg table: its columns get the ids that other engines find them
 * by, which ClickHouse leaves out, in a footer written anew; the data stays as it is. Returns what a manifest says
 * about the file. Throws SINK_REJECTED for a file that is not of these columns.
 */
export function adoptParquet(file: Uint8Array, fields: readonly Field[]): EncodedFile {
  const metadata = footerOf(file);
  const schema = withIds(metadata.schema, fields);
  const end = file.length - metadata.metadata_length - footerTailBytes;
  const footer = new ByteWriter();
  const bare = withoutInexact(metadata, schema);
  writeMetadata(footer, bare, Number.POSITIVE_INFINITY);
  const tail = footer.getBytes();
  const bytes = new Uint8Array(end + tail.length + magic.length);
  bytes.set(file.subarray(0, end));
  bytes.set(tail, end);
  bytes.set(magic, end + tail.length);
  return { bytes, recordCount: Number(metadata.num_rows), ...factsOf(bare, fields) };
}

const magic = Buffer.from('PAR1');
/** Length of the footer, and the magic. */
const footerTailBytes = 8;

function footerOf(file: Uint8Array): FileMetaData {
  try {
    return parquetMetadata(file, { parsers: asWritten, geoparquet: false });
  } catch (cause) {
    throw new EngineError('SINK_REJECTED', `a data file cannot be read: ${String(cause)}`, { cause });
  }
}

/** Ids by the names of the columns; of a map and a list also those of what is inside. */
function withIds(schema: readonly SchemaElement[], fields: readonly Field[]): SchemaElement[] {
  const result: SchemaElement[] = [schema[0]];
  let at = 1;
  for (; at < schema.length; at += sizeOf(schema, at)) {
    const field = fields.find(({ name }) => name === schema[at].name);
    if (field === undefined) throw misfit(`has a column ${schema[at].name} that the table lacks`);
    const inside = schema.slice(at, at + sizeOf(schema, at)).map((element, depth) => {
      const id = depth === 0 ? field.id : innerId(field.type, depth);
      return { ...element, ...(id === null ? {} : { field_id: id }) };
    });
    // Sixteen bytes are an identity by what the table says of them.
    if (field.type === 'uuid') inside[0] = { ...inside[0], logical_type: { type: 'UUID' } };
    // ClickHouse takes all bytes for text.
    if (field.type === 'binary') inside[0] = bare(inside[0]);
    result.push(...inside);
  }
  const missing = fields.find(({ name, required }) => required && !result.some((one) => one.name === name));
  if (missing !== undefined) throw misfit(`lacks the column ${missing.name}`);
  return result;
}

function bare({ converted_type: _converted, logical_type: _logical, ...element }: SchemaElement): SchemaElement {
  return element;
}

/** Elements of a column, itself and all below it. */
function sizeOf(schema: readonly SchemaElement[], at: number): number {
  let size = 1;
  for (let child = 0; child < (schema[at].num_children ?? 0); child++) size += sizeOf(schema, at + size);
  return size;
}

/** A map is itself, its entries, key and value; a list itself, its entries and the element. */
function innerId(type: ColumnType, depth: number): number | null {
  if (typeof type === 'string' || depth < 2) return null;
  if (type.type === 'list') return type['element-id'];
  return depth === 2 ? type['key-id'] : type['value-id'];
}

/** Decimals go through floating point in the footer's reader: no bounds are better than wrong ones. */
function withoutInexact(metadata: FileMetaData, schema: SchemaElement[]): FileMetaData {
  const leaves = schema.filter(({ type }) => type !== undefined);
  const row_groups = metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.map((column, at) => {
      const { meta_data } = column;
      const isExact = leaves[at].converted_type !== 'DECIMAL' && leaves[at].logical_type?.type !== 'DECIMAL';
      if (isExact || meta_data?.statistics === undefined) return column;
      const { null_count } = meta_data.statistics;
      return { ...column, meta_data: { ...meta_data, statistics: null_count === undefined ? {} : { null_count } } };
    }),
  }));
  return { ...metadata, schema, row_groups };
}

function factsOf({ schema, row_groups }: FileMetaData, fields: readonly Field[]) {
  const leaves = schema.filter(({ type }) => type !== undefined);
  const columnSizes = new Map<number, number>();
  const valueCounts = new Map<number, number>();
  const nullCounts = new Map<number, number>();
  const lowerBounds = new Map<number, Uint8Array>();
  const upperBounds = new Map<number, Uint8Array>();
  for (const [at, { field_id: id }] of leaves.entries()) {
    if (id === undefined) continue;
    const chunks = row_groups.flatMap(({ columns }) => columns[at].meta_data ?? []);
    const sum = (of: (chunk: (typeof chunks)[number]) => bigint | undefined) =>
      chunks.reduce((total, chunk) => total + Number(of(chunk) ?? 0n), 0);
    columnSizes.set(
      id,
      sum((chunk) => chunk.total_compressed_size),
    );
    valueCounts.set(
      id,
      sum((chunk) => chunk.num_values),
    );
    nullCounts.set(
      id,
      sum((chunk) => chunk.statistics?.null_count),
    );
    const field = fields.find((one) => one.id === id);
    if (field === undefined || !isPlain(field.type)) continue;
    const { type } = field;
    const bounds = boundsOf(chunks.map(({ statistics }) => statistics));
    if (bounds === null) continue;
    const text = (value: BoundValue) => (type === 'string' ? Buffer.from(value as Uint8Array).toString('utf8') : value);
    const [least, greatest] = [text(bounds.least), text(bounds.greatest)];
    const top = typeof greatest === 'string' ? upperStringBound(greatest) : greatest;
    lowerBounds.set(id, serializeValue(type, typeof least === 'string' ? lowerStringBound(least) : least));
    if (top !== null) upperBounds.set(id, serializeValue(type, top));
  }
  const splitOffsets = row_groups.map(({ columns }) => {
    const first = columns[0].meta_data;
    return Number(first?.dictionary_page_offset ?? first?.data_page_offset ?? 0n);
  });
  return { columnSizes, valueCounts, nullCounts, lowerBounds, upperBounds, splitOffsets };
}

type Statistics = { readonly min_value?: unknown; readonly max_value?: unknown } | undefined;

/** Null when a row group does not say its own, unless it says nothing because all its values are null. */
function boundsOf(all: readonly Statistics[]): { least: BoundValue; greatest: BoundValue } | null {
  let least: BoundValue | null = null;
  let greatest: BoundValue | null = null;
  for (const statistics of all) {
    const [min, max] = [statistics?.min_value, statistics?.max_value] as (BoundValue | undefined)[];
    if (min === undefined || max === undefined) return null;
    if (least === null || compare(min, least) < 0) least = min;
    if (greatest === null || compare(max, greatest) > 0) greatest = max;
  }
  return least === null || greatest === null ? null : { least, greatest };
}

function compare(a: BoundValue, b: BoundValue): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (typeof a === 'string' && typeof b === 'string') return compareUtf8(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

function misfit(what: string): EngineError {
  return new EngineError('SINK_REJECTED', `a data file ${what}`);
}
