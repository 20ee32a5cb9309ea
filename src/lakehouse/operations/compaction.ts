import type { Column, DataFileEncoder } from '../format/data-file-encoder.ts';
import type { DataFile } from '../format/manifest.ts';
import { type CellValue, readParquetColumns } from '../format/parquet-reader.ts';
import type { Field } from '../format/schema.ts';
import type { FileIO } from '../storage/file-io.ts';
import type { LiveFile } from './live-files.ts';
import { storeFile } from './store-file.ts';

export interface CompactionOptions {
  /** Files are merged to about this size, bytes. */
  readonly targetBytes: number;
  /** Rows of one merged file: what a merge holds in memory. */
  readonly rowsMax: number;
  /** Fewer small files than this in a partition are not worth a rewrite. */
  readonly filesMin: number;
}

/** Files of one table partition that become one. */
export interface CompactionBin {
  readonly files: readonly LiveFile[];
  readonly bytes: number;
  readonly rows: number;
}

/** From this share of the target on a file is left as it is: merging it again would rewrite much to gain little. */
const largeEnough = 0.75;

/**
 * Which files to merge, oldest first. Never across partitions or specs, and each file in one bin at most.
 * Files of another spec than `specId` are somebody else's to merge.
 */
export function planCompaction(
  files: Iterable<LiveFile>,
  specId: number,
  { targetBytes, rowsMax, filesMin }: CompactionOptions,
): CompactionBin[] {
  const small = [...files].filter(
    (one) => one.specId === specId && one.file.sizeBytes < targetBytes * largeEnough && one.file.recordCount < rowsMax,
  );
  const byPartition = Map.groupBy(small, ({ file }) => JSON.stringify(file.partition));
  return [...byPartition.values()]
    .flatMap((all) => binsOf(all, targetBytes, rowsMax))
    .filter(({ files: inBin }) => inBin.length >= filesMin);
}

function binsOf(files: readonly LiveFile[], targetBytes: number, rowsMax: number): CompactionBin[] {
  const ordered = files.toSorted((a, b) => a.sequenceNumber - b.sequenceNumber || (a.file.path < b.file.path ? -1 : 1));
  const bins: { files: LiveFile[]; bytes: number; rows: number }[] = [];
  for (const one of ordered) {
    const { sizeBytes, recordCount } = one.file;
    const last = bins.at(-1);
    if (last !== undefined && last.bytes + sizeBytes <= targetBytes && last.rows + recordCount <= rowsMax) {
      last.files.push(one);
      last.bytes += sizeBytes;
      last.rows += recordCount;
    } else bins.push({ files: [one], bytes: sizeBytes, rows: recordCount });
  }
  return bins;
}

interface MergeOptions {
  readonly io: FileIO;
  readonly encoder: DataFileEncoder;
  readonly fields: readonly Field[];
  /** Rows are sorted by these fields, the first before the second. */
  readonly sortedBy: readonly number[];
  /** Fields whose values repeat much, and those that nobody looks up by their bounds. */
  readonly repetitive: ReadonlySet<number>;
  readonly unbounded: ReadonlySet<number>;
}

/** Reads the files of a bin and writes their rows, sorted, as the one file `path`. */
export async function mergeFiles(bin: CompactionBin, path: string, options: MergeOptions): Promise<DataFile> {
  const { io, encoder, fields, sortedBy, repetitive, unbounded } = options;
  const columns = new Map<number, CellValue[]>(fields.map(({ id }) => [id, []]));
  for (const { file } of bin.files) {
    const read = await readParquetColumns(await io.read(file.path), fields);
    for (const [id, values] of read) {
      const column = columns.get(id) as CellValue[];
      for (const value of values) column.push(value);
    }
  }
  const order = sortedOrder(sortedBy.map((id) => columns.get(id) as CellValue[]));
  const sorted = fields.map((field): Column => {
    const values = columns.get(field.id) as CellValue[];
    return {
      field,
      values: Array.from(order, (at) => values[at]),
      hasBounds: !unbounded.has(field.id),
      isRepetitive: repetitive.has(field.id),
    };
  });
  return await storeFile(io, { path, partition: bin.files[0].file.partition }, encoder.encode(sorted));
}

/** Rows in the order of their keys; equal ones stay as they came. */
function sortedOrder(keys: readonly CellValue[][]): Uint32Array {
  const order = Uint32Array.from({ length: keys[0]?.length ?? 0 }, (_, i) => i);
  return order.sort((a, b) => {
    for (const key of keys) {
      const [x, y] = [key[a], key[b]];
      if (x !== null && y !== null && x !== y) return x < y ? -1 : 1;
      if (x === null && y !== null) return -1;
      if (x !== null && y === null) return 1;
    }
    return a - b;
  });
}
