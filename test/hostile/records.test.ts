import { expect, test } from 'vitest';
import { type Drive, printTables } from '../operators/run-lane.ts';
import { compareTables } from '../oracle/compare.ts';
import { decodeEither, releasedSchemas } from '../oracle/decode-avro.ts';
import { foldLog } from '../oracle/fold.ts';
import { type TableRows, tableRows } from '../oracle/rows.ts';
import { lettersOf, type RawRecord, rowsOf, runRecords } from './hostile-lane.ts';
import { evilPlan, goodClick } from './producer.ts';
import { recordAttacks } from './records.ts';

// One record, or a few, that a broken or hostile producer may append. Each has the outcome that
// docs/semantics.md gives it; the records around it count exactly, and nobody throws.
test.each(recordAttacks)('$name', async ({ records, letters, day, isGarbage }) => {
  const log = [evilPlan(), goodClick(), ...records.flatMap((each) => [each, goodClick()])];
  const tables = await runRecords(log);
  if (log.length < shortLog) expect(printTables(await runRecords(log, killed()))).toBe(printTables(tables));
  const found = lettersOf(tables);
  expect(found).toHaveLength(letters.length);
  for (const [index, [reason, detail]] of letters.entries()) {
    expect(found[index].reason).toMatch(new RegExp(`^(?:${reason})$`));
    expect(found[index].detail).toMatch(detail);
  }
  const good = rowsOf(tables, 'acme').campaign_metrics_daily;
  const clicks = BigInt(records.length + 1);
  expect(good).toMatchObject([{ clicks, spend_micros: clicks * 1_000_000n }]);
  if (day !== undefined) expect(rowsOf(tables, 'evil').campaign_metrics_daily[0]).toMatchObject(day);
  if (isGarbage !== true) expect(compareTables(foldOf(log), tableRows(tables), { show: 5 })).toEqual([]);
});

/** Longer ones are run whole only. */
const shortLog = 2_500;

/** Killed after every commit, in batches of every size. */
function killed(): Drive {
  let batches = 0;
  return { batch: () => 1 + (batches++ % 89), commits: () => true, crashes: () => true };
}

/** What the oracle makes of the same bytes. */
function foldOf(log: readonly RawRecord[]): TableRows {
  const records = log.map(({ value, key, logTimeMs }, offset) => {
    return {
      topic: 'ads.events.v1',
      partition: 0,
      offset,
      logTimeMs,
      key: key === null ? null : Buffer.from(key),
      value,
    };
  });
  return foldLog(records, { partitions: 1, generation: 1, decode: decodeEither(releasedSchemas()) });
}
