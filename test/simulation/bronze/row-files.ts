import type { Column, DataFileEncoder } from '../../../src/lakehouse/format/data-file-encoder.ts';
import { bronzeField } from '../../../src/lakehouse/layers/bronze/bronze-schema.ts';
import type { LogRecord } from '../simulated-log.ts';

/** A row of a data file: where it stood in the log, and all else as text. */
export type FileRow = readonly [partition: number, offset: number, content: string];

/** In place of Parquet: a file that costs little and keeps what a judge wants to see. */
export const rowFileEncoder: DataFileEncoder = {
  encode: (columns) => {
    const rows = rowsOf(columns);
    const none = new Map<number, never>();
    const facts = { columnSizes: none, valueCounts: none, nullCounts: none, lowerBounds: none, upperBounds: none };
    return { bytes: Buffer.from(JSON.stringify(rows)), recordCount: rows.length, ...facts, splitOffsets: [4] };
  },
};

export function readRowFile(bytes: Uint8Array): FileRow[] {
  return JSON.parse(Buffer.from(bytes).toString()) as FileRow[];
}

/** What a record's row must say. */
export function contentOf({ logTimeMs, key, value }: LogRecord): string {
  return `${logTimeMs * 1_000} ${text(key)} ${text(value)}`;
}

function rowsOf(columns: readonly Column[]): FileRow[] {
  const valuesOf = (id: number) => columns.find(({ field }) => field.id === id)!.values;
  const partitions = valuesOf(bronzeField.partition) as number[];
  const offsets = valuesOf(bronzeField.log_offset);
  const times = valuesOf(bronzeField.log_time);
  const keys = valuesOf(bronzeField.key) as (Uint8Array | null)[];
  const values = valuesOf(bronzeField.value) as (Uint8Array | null)[];
  return partitions.map((partition, row) => [
    partition,
    Number(offsets[row]),
    `${times[row]} ${text(keys[row])} ${text(values[row])}`,
  ]);
}

function text(bytes: Uint8Array | null): string {
  return bytes === null ? '-' : Buffer.from(bytes).toString('latin1');
}
