import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { query } from 'chdb';
import { localPath } from '../../src/lakehouse/storage/local-file-io.ts';

/** Reads our bronze table with ClickHouse and compares it with the log. */
const [folder] = process.argv.slice(2);
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as {
  partition: number;
  offset: number;
  org: string;
  value: string;
}[];
// ClickHouse reads below its working folder only.
process.chdir(folder);
const location = localPath(join(folder, 'lake/bronze/events'));
const sql = `SELECT partition, toUInt32(log_offset) AS offset, org_id, base64Encode(value) AS value
  FROM icebergLocal('${location}') ORDER BY partition, offset FORMAT JSONCompactEachRow`;
const rows = query(sql)
  .toString()
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as [number, number, string, string]);
const want = expected
  .map((one) => [one.partition, one.offset, one.org, one.value] as const)
  .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
if (JSON.stringify(rows) !== JSON.stringify(want)) {
  const at = want.findIndex((one, i) => JSON.stringify(one) !== JSON.stringify(rows[i]));
  throw new Error(`ClickHouse reads ${rows.length} records, ${want.length} wanted; they part at row ${at}`);
}
const one = query(`SELECT count() FROM icebergLocal('${location}') WHERE org_id = 'b.org:eu' FORMAT TSV`).toString();
if (Number(one) !== want.filter((row) => row[2] === 'b.org:eu').length) throw new Error(`filtered count is ${one}`);
console.log(`ClickHouse: ${rows.length} records, equal to the log`);
