import { expect, test } from 'vitest';
import { lettersOf, rowsOf, runRecords } from './hostile-lane.ts';
import { goodClick } from './producer.ts';
import { recordAttacks } from './records.ts';

// One record, or a few, that a broken or hostile producer may append. Each has the outcome that
// docs/semantics.md gives it; the records around it count exactly, and nobody throws.
test.each(recordAttacks)('$name', async ({ records, letters, day }) => {
  const log = [goodClick(), ...records.flatMap((each) => [each, goodClick()])];
  const tables = await runRecords(log);
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
});
