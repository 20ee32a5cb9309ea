import { createHash } from 'node:crypto';
import { query } from 'chdb';
import { localPath } from '../../src/lakehouse/storage/local-file-io.ts';
import { eventsTopic } from '../../src/model/ids.ts';
import type { LogRecord } from '../oracle/events.ts';
import { StoredLog } from './read-log.ts';

/**
 * Compares the bronze table of a data directory with its log, read by ClickHouse: every (partition,
 * offset) once, with its log time, key and value. Prints one JSON line. A process of its own, because
 * ClickHouse reads below its working folder only.
 */
const [directory, topic = eventsTopic] = process.argv.slice(2);
process.chdir(directory);
await using log = await StoredLog.open('log', topic);
const location = localPath(`${process.cwd()}/lake/bronze/events`);
const found = { compared: 0, lost: 0, wrong: 0, extra: 0, examples: [] as string[] };

for (let partition = 0; partition < log.partitions; partition++) {
  const rest = readBronze(partition);
  for await (const record of log.records(partition)) {
    found.compared += 1;
    const rows = rest.get(record.offset) ?? [];
    rest.delete(record.offset);
    if (rows.length === 0) note('lost', partition, record.offset);
    else if (rows[0] !== fingerprintOf(record)) note('wrong', partition, record.offset);
    for (let more = 1; more < rows.length; more++) note('extra', partition, record.offset);
  }
  for (const [offset, rows] of rest) for (const _ of rows) note('extra', partition, offset);
}
process.stdout.write(`${JSON.stringify(found)}\n`);

function note(what: 'lost' | 'wrong' | 'extra', partition: number, offset: number): void {
  found[what] += 1;
  if (found.examples.length < 10) found.examples.push(`bronze: partition ${partition}, offset ${offset} is ${what}`);
}

/** By offset, the fingerprint of each row that has it. */
function readBronze(partition: number): Map<number, string[]> {
  const sha = (column: string) => `if(isNull(${column}), '-', lower(hex(SHA256(assumeNotNull(${column})))))`;
  const sql = `SELECT log_offset, toUnixTimestamp64Milli(log_time), ${sha('key')}, ${sha('value')}
    FROM icebergLocal('${location}') WHERE partition = ${partition} FORMAT TSV`;
  const rows = new Map<number, string[]>();
  for (const line of query(sql).toString().split('\n').filter(Boolean)) {
    const tab = line.indexOf('\t');
    const offset = Number(line.slice(0, tab));
    rows.set(offset, [...(rows.get(offset) ?? []), line.slice(tab + 1)]);
  }
  return rows;
}

function fingerprintOf({ logTimeMs, key, value }: LogRecord): string {
  const sha = (bytes: Uint8Array | null) => (bytes === null ? '-' : createHash('sha256').update(bytes).digest('hex'));
  return [logTimeMs, sha(key), sha(value)].join('\t');
}
