import { mkdirSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError } from '../../../model/errors.ts';
import type { SqlEngine } from '../../engine/sql-engine.ts';
import { quoted } from '../../engine/sql-places.ts';
import { type CellValue, readParquetColumns } from '../../format/parquet-reader.ts';
import { bronzeField, bronzeSchema } from './bronze-schema.ts';

/** A lane of the log, as bronze has it. */
interface BronzeLane {
  readonly topic: string;
  readonly partition: number;
  readonly records: number;
}

/** A record as the log had it. */
interface BronzeRecord {
  readonly offset: number;
  /** Ms. */
  readonly logTime: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
}

interface BronzeSource {
  readonly engine: SqlEngine;
  /** What the engine reads bronze by. */
  readonly sql: string;
}

const recordsInFile = 250_000;
const recordsAtOnce = 10_000;

/**
 * The lane that has the records of an organization. Throws HISTORY_INCOMPLETE where bronze has none of it, where it is
 * spread over several, or where bronze begins in the middle of its lane: then its past cannot be played.
 */
export async function laneOfOrganization({ engine, sql }: BronzeSource, org: string): Promise<BronzeLane> {
  const incomplete = (why: string): EngineError => new EngineError('HISTORY_INCOMPLETE', why);
  const lanes = await engine.run(`SELECT DISTINCT topic, partition FROM ${sql} WHERE org_id = ${quoted(org)}`);
  if (lanes.length === 0) throw incomplete(`bronze has no record of ${org}`);
  if (lanes.length > 1) throw incomplete(`the records of ${org} lie in ${lanes.length} lanes`);
  const [topic, partition] = [String(lanes[0].topic), Number(lanes[0].partition)];
  const [found] = await engine.run(
    `SELECT toString(count()) AS records, toString(uniqExact(log_offset)) AS offsets, toString(min(log_offset)) AS first
     FROM ${sql} WHERE topic = ${quoted(topic)} AND partition = ${partition}`,
  );
  if (found.first !== '0')
    throw incomplete(`bronze begins at offset ${found.first} of ${topic}/${partition}, so its past cannot be played`);
  if (found.records !== found.offsets)
    throw incomplete(`bronze has ${found.records} records at ${found.offsets} offsets of ${topic}/${partition}`);
  return { topic, partition, records: Number(found.records) };
}

/** All records of a lane in the order of the log, some thousands at a time. `folder`: for what is between. */
export async function* readLane(
  { engine, sql }: BronzeSource,
  { topic, partition }: BronzeLane,
  folder: string,
): AsyncGenerator<readonly BronzeRecord[]> {
  mkdirSync(folder, { recursive: true });
  await engine.run(
    `INSERT INTO FUNCTION file(${quoted(join(folder, '{_partition_id}.parquet'))}, Parquet)
     PARTITION BY leftPad(toString(intDiv(log_offset, ${recordsInFile})), 10, '0')
     SELECT log_offset, log_time, key, value FROM ${sql}
     WHERE topic = ${quoted(topic)} AND partition = ${partition} ORDER BY log_offset
     SETTINGS output_format_parquet_compression_method = 'zstd', output_format_parquet_string_as_string = 0, max_partitions_per_insert_block = 0,
       max_bytes_before_external_sort = 300000000, max_threads = 1`,
  );
  const wanted: readonly number[] = [bronzeField.log_offset, bronzeField.log_time, bronzeField.key, bronzeField.value];
  const fields = bronzeSchema.fields.filter(({ id }) => wanted.includes(id));
  for (const name of readdirSync(folder).sort()) {
    const bytes = await readFile(join(folder, name));
    for (let from = 0; ; from += recordsAtOnce) {
      const cells = await readParquetColumns(bytes, fields, { from, to: from + recordsAtOnce });
      const [offsets, times, keys, values] = wanted.map((id) => cells.get(id) ?? []);
      if (offsets.length === 0) break;
      yield offsets.map((offset, at) => ({
        offset: Number(offset),
        logTime: Number(times[at]) / 1_000,
        key: bytesOf(keys[at]),
        value: bytesOf(values[at]),
      }));
    }
  }
}

function bytesOf(value: CellValue): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  return Buffer.from(String(value));
}
