import type { TableState } from '../../catalog/catalog.ts';
import { readParquetColumns } from '../../format/parquet-reader.ts';
import { liveFilesOf } from '../../operations/live-files.ts';
import type { FileIO } from '../../storage/file-io.ts';
import type { GoldMonthMark } from './gold-months.ts';
import { type Receipt, receiptFields, receiptOf } from './gold-receipts.ts';
import { type GoldTable, monthText } from './gold-tables.ts';
import { readRows, weekRow } from './week-rows.ts';

/** The receipts of some months of a table. */
export async function readReceipts(
  io: FileIO,
  { metadata }: TableState,
  wanted: (table: string, month: number) => boolean,
): Promise<Receipt[]> {
  const receipts: Receipt[] = [];
  for await (const { file } of liveFilesOf(io, metadata)) {
    const [table, month] = file.partition;
    if (!wanted(String(table), Number(month))) continue;
    receipts.push(
      receiptOf(String(table), Number(month), await readParquetColumns(await io.read(file.path), receiptFields)),
    );
  }
  return receipts;
}

/**
 * Whether gold still is what the receipt of a month says, all organizations together: null where it need not be, as
 * the month left in several parts, or was written again since; else what differs, or '' for nothing.
 */
export async function checkReceipt(
  table: GoldTable,
  month: number,
  {
    io,
    state,
    receipts,
    marks,
  }: {
    readonly io: FileIO;
    readonly state: TableState;
    readonly receipts: readonly Receipt[];
    readonly marks: readonly GoldMonthMark[];
  },
): Promise<string | null> {
  const own = receipts.filter((one) => one.table === table.name && one.month === month);
  const written = marks.filter((one) => one.table === table.name && one.month === month);
  const [receipt] = own;
  if (own.length !== 1 || written.some(({ writtenAtMs }) => writtenAtMs > receipt.verifiedAtMs)) return null;
  // An organization that was erased, or whose rows were kept long enough, is on the receipt and no longer there.
  if (written.length !== receipt.organizations) return null;
  let [rows, hash] = [0, 0n];
  for await (const values of readRows(table, { io, state, includes: ([, at]) => at === month })) {
    rows += 1;
    hash ^= weekRow(table, values)[1].digest;
  }
  const text = hash.toString(16).padStart(16, '0');
  if (rows === receipt.rows && text === receipt.hash) return '';
  const found = `${rows} rows with hash ${text}`;
  return `${table.name} ${monthText(month)}: the receipt says ${receipt.rows} rows with hash ${receipt.hash}, gold has ${found}`;
}
