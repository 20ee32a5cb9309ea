import { expect, test } from 'vitest';
import { ParquetEncoder } from '../../../src/lakehouse/format/parquet-encoder.ts';
import { BronzeBuffer } from '../../../src/lakehouse/layers/bronze/bronze-buffer.ts';
import { relocateTimeless } from '../../../src/lakehouse/layers/bronze/relocate-timeless.ts';
import { tableRows } from '../format/table-reading.ts';
import { ChangingTable, change, tableLocation } from '../operations/changing-table.ts';
import { makeRun } from './bronze-rows.ts';

/** A table whose every file of `org` lies in 1970, as plans did, beside one that does not. */
async function tableOf010(): Promise<ChangingTable> {
  const table = await new ChangingTable().make();
  const encoder = new ParquetEncoder();
  for (const [partition, eventTime] of [
    [0, 0],
    [1, null],
  ] as const) {
    const buffer = new BronzeBuffer();
    const run = makeRun(partition, 0, 40);
    buffer.add(eventTime === null ? run : { ...run, eventTimes: new Float64Array(40).fill(eventTime) });
    const added = [];
    for (const group of buffer.groups()) {
      const { bytes, ...facts } = encoder.encode(group.columns());
      const path = `${tableLocation}/data/${table.ids.uuid()}.parquet`;
      await table.io.create(path, bytes);
      added.push({ path, partition: [group.org, group.day], sizeBytes: bytes.length, ...facts });
    }
    await table.producer().commit(change('append', { added }));
  }
  return table;
}

function options(table: ChangingTable, isDryRun: boolean) {
  const { catalog, io, ids } = table;
  const rest = { nowMs: () => table.now++, attemptsMax: 3, pause: async () => {} };
  return { catalog, io, ids, encoder: new ParquetEncoder(), isDryRun, ...rest };
}

const days = async (table: ChangingTable) => [...new Set((await table.live()).map(({ file }) => file.partition[1]))];

test('what lay in 1970 lies under the day of the log, with every byte it had, and a second run finds nothing', async () => {
  const table = await tableOf010();
  const key = (row: Record<string, unknown>) =>
    `${row.partition}/${row.log_offset}/${row.org_id}/${row.value}/${row.kind}`;
  const before = (await tableRows(table.io, await table.state())).map(key).sort();
  expect(await days(table)).toContain(0);
  expect(await relocateTimeless(options(table, true))).toEqual({ rows: 40, files: 4, made: 0 });
  expect(await days(table)).toContain(0);
  const moved = await relocateTimeless(options(table, false));
  expect(moved).toMatchObject({ rows: 40, files: 4 });
  expect(await days(table)).not.toContain(0);
  const rows = await tableRows(table.io, await table.state());
  expect(rows.map(key).sort()).toEqual(before);
  for (const row of rows) expect(row.event_time).toEqual(row.log_time);
  expect(await relocateTimeless(options(table, false))).toEqual({ rows: 0, files: 0, made: 0 });
});
