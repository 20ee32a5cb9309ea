import { systemClock } from '../../control/system-clock.ts';
import type { Decoder } from '../../decoders/decoder.ts';
import type { RecordRun } from '../../events/record-run.ts';
import { type LaneRecord, runOfRecords } from '../../events/run-of-records.ts';
import type { DataFile } from '../../lakehouse/format/manifest.ts';
import { type CellValue, readParquetColumns } from '../../lakehouse/format/parquet-reader.ts';
import { currentSnapshot } from '../../lakehouse/format/table-metadata.ts';
import { bronzeField, bronzeSchema } from '../../lakehouse/layers/bronze/bronze-schema.ts';
import { recordedPartitions } from '../../lakehouse/layers/bronze/recorded-offsets.ts';
import { hasDeleteFiles, liveFilesOf } from '../../lakehouse/operations/live-files.ts';
import { EngineError } from '../../model/errors.ts';
import type { History } from '../history/open-history.ts';
import { openEventCodec } from '../log/schema-registry.ts';
import type { Config } from '../settings.ts';
import { bronzeTableName } from './bronze-catalog.ts';
import { hasLake, type Lake, openLake } from './open-lake.ts';

const wanted: ReadonlySet<number> = new Set([
  bronzeField.partition,
  bronzeField.log_offset,
  bronzeField.log_time,
  bronzeField.key,
  bronzeField.value,
]);
const fields = bronzeSchema.fields.filter(({ id }) => wanted.has(id));
const runRecords = 8_192;

/**
 * History out of the bronze table: every record of the log with its offset, log time, key and bytes. Its files lie by
 * organization and day; a lane reads those that hold records of it, and puts them back into the order of the log.
 */
export class BronzeHistory implements History {
  readonly partitions: number;
  readonly #lake: Lake;
  readonly #topic: string;
  readonly #files: readonly DataFile[];
  readonly #makeDecoder: () => Decoder;

  private constructor(
    lake: Lake,
    topic: string,
    partitions: number,
    files: readonly DataFile[],
    makeDecoder: () => Decoder,
  ) {
    this.#lake = lake;
    this.#topic = topic;
    this.partitions = partitions;
    this.#files = files;
    this.#makeDecoder = makeDecoder;
  }

  /** As of the newest snapshot. Throws CONFIG_INVALID where there is no bronze. */
  static async open(config: Config): Promise<BronzeHistory> {
    if (!hasLake(config))
      throw new EngineError(
        'CONFIG_INVALID',
        'there is no bronze table here: run the engine with bronze.enabled first',
      );
    await using stack = new AsyncDisposableStack();
    const lake = stack.adopt(await openLake(config), (opened) => opened.close());
    const state = await lake.catalog.table(bronzeTableName).load();
    const snapshot = state === null ? null : currentSnapshot(state.metadata);
    if (state === null || snapshot === null)
      throw new EngineError('CONFIG_INVALID', 'the bronze table holds nothing yet');
    if (await hasDeleteFiles(lake.io, snapshot))
      throw new EngineError(
        'CONFIG_INVALID',
        'another tool wrote deletes beside the files of bronze: compact the table first',
      );
    const files: DataFile[] = [];
    for await (const { file } of liveFilesOf(lake.io, state.metadata, snapshot)) files.push(file);
    // Where Kafka is the log, values name the schemas of its registry.
    const codec = await openEventCodec(config, 'binary', systemClock);
    const partitions = Math.max(0, ...recordedPartitions(state.metadata)) + 1;
    stack.move();
    return new BronzeHistory(lake, config.log.topic, partitions, files, () => codec.makeDecoder());
  }

  async extent(partition: number): Promise<{ readonly records: number; readonly isWhole: boolean }> {
    const rows = this.#filesOf(partition, Number.POSITIVE_INFINITY).reduce(
      (sum, { recordCount }) => sum + recordCount,
      0,
    );
    // Files of several lanes are counted by each of them.
    const share = this.#files.reduce((sum, { recordCount }) => sum + recordCount, 0) / this.partitions;
    return { records: Math.min(rows, share), isWhole: true };
  }

  async *runs(partition: number, toMs: number): AsyncGenerator<RecordRun> {
    const files = this.#filesOf(partition, toMs);
    const open: { readonly records: readonly LaneRecord[]; at: number }[] = [];
    let next = 0;
    let last = -1;
    let run: LaneRecord[] = [];
    for (;;) {
      const least = leastOf(open);
      // A file may only hold earlier records than those at hand as long as it is not opened.
      if (next < files.length && (least === null || files[next].first <= least.records[least.at].offset)) {
        open.push({ records: await this.#read(files[next].file, partition), at: 0 });
        next += 1;
        continue;
      }
      if (least === null) break;
      const record = least.records[least.at];
      least.at += 1;
      if (record.offset <= last)
        throw new EngineError('STATE_CORRUPT', `bronze holds offset ${record.offset} of partition ${partition} twice`);
      last = record.offset;
      run.push(record);
      if (run.length < runRecords) continue;
      yield runOfRecords(this.#topic, partition, run);
      run = [];
    }
    if (run.length > 0) yield runOfRecords(this.#topic, partition, run);
  }

  /** One record; null where bronze does not hold it. Reads each file that may have it, and no other. */
  async recordAt(partition: number, offset: number): Promise<LaneRecord | null> {
    for (const { file, first } of this.#filesOf(partition, Number.POSITIVE_INFINITY)) {
      if (first > offset || upperLong(file, bronzeField.log_offset) < offset) continue;
      const found = (await this.#read(file, partition)).find((record) => record.offset === offset);
      if (found !== undefined) return found;
    }
    return null;
  }

  makeDecoder(): Decoder {
    return this.#makeDecoder();
  }

  async close(): Promise<void> {
    await this.#lake.close();
  }

  /** Those that may hold records of the lane, with the least offset that they may hold, in its order. */
  #filesOf(partition: number, toMs: number): { file: DataFile; first: number; recordCount: number }[] {
    return this.#files
      .filter((file) => intBound(file.lowerBounds, bronzeField.partition, 0) <= partition)
      .filter((file) => intBound(file.upperBounds, bronzeField.partition, Number.POSITIVE_INFINITY) >= partition)
      .filter((file) => longBound(file, bronzeField.log_time, 0) / 1_000 < toMs)
      .map((file) => ({ file, first: longBound(file, bronzeField.log_offset, 0), recordCount: file.recordCount }))
      .sort((a, b) => a.first - b.first);
  }

  /** The records of the lane in a file, in order of offset. */
  async #read(file: DataFile, partition: number): Promise<LaneRecord[]> {
    const columns = await readParquetColumns(await this.#lake.io.read(file.path), fields);
    const column = (id: number) => columns.get(id) ?? [];
    const [partitions, offsets, times] = [bronzeField.partition, bronzeField.log_offset, bronzeField.log_time].map(
      column,
    );
    const [keys, values] = [column(bronzeField.key), column(bronzeField.value)];
    const records: LaneRecord[] = [];
    for (let row = 0; row < offsets.length; row++) {
      if (Number(partitions[row]) !== partition) continue;
      const logTime = Number(times[row]) / 1_000;
      records.push({ offset: Number(offsets[row]), logTime, key: bytesOf(keys[row]), value: bytesOf(values[row]) });
    }
    return records.sort((a, b) => a.offset - b.offset);
  }
}

function leastOf<T extends { readonly records: readonly LaneRecord[]; readonly at: number }>(open: T[]): T | null {
  let least: T | null = null;
  for (let at = open.length - 1; at >= 0; at--) {
    const each = open[at];
    if (each.at === each.records.length) open.splice(at, 1);
    else if (least === null || each.records[each.at].offset < least.records[least.at].offset) least = each;
  }
  return least;
}

function bytesOf(cell: CellValue): Uint8Array | null {
  return cell instanceof Uint8Array ? cell : null;
}

function intBound(bounds: DataFile['lowerBounds'], field: number, unknown: number): number {
  const bytes = bounds.get(field);
  return bytes === undefined ? unknown : Buffer.from(bytes).readInt32LE();
}

function upperLong({ upperBounds }: DataFile, field: number): number {
  const bytes = upperBounds.get(field);
  return bytes === undefined ? Number.POSITIVE_INFINITY : Number(Buffer.from(bytes).readBigInt64LE());
}

function longBound({ lowerBounds }: DataFile, field: number, unknown: number): number {
  const bytes = lowerBounds.get(field);
  return bytes === undefined ? unknown : Number(Buffer.from(bytes).readBigInt64LE());
}
