import { EngineError } from '../../model/errors.ts';
import { currentSnapshot } from '../format/table-metadata.ts';
import type { HotTables } from '../layers/gold/build-gold.ts';
import { receiptFields, receiptsSchema, receiptsSpec, receiptValues } from '../layers/gold/gold-receipts.ts';
import { firstDayOf, type GoldTable, monthText } from '../layers/gold/gold-tables.ts';
import { type Verified, verifyMonth } from '../layers/gold/verify-gold.ts';
import { writeOneRow } from '../operations/one-row-files.ts';
import { ensureTable, overwritePartitions } from '../operations/overwrite-partitions.ts';
import { loadTable } from '../operations/snapshot-producer.ts';
import { layerProperties } from '../operations/table-columns.ts';
import { goldNamespace, goldReceiptsTable, type WriteGoldOptions, writeGold } from './write-gold.ts';

/** ClickHouse's tables, as their rows leave it. */
export interface LeavingTables extends HotTables {
  /** A statement that changes something. */
  command(sql: string): Promise<void>;
  readonly database: string;
}

export interface TierOptions extends Omit<WriteGoldOptions, 'hot' | 'before'> {
  readonly hot: LeavingTables;
  /** How long a month stays after it is over, by table. */
  hotDaysOf(table: string): number;
  readonly onMoved?: (report: MovedMonth) => void;
  /** Told when two readers found a month the same, before ClickHouse lets it go; what fails there keeps it. */
  readonly onProved?: (report: MovedMonth) => Promise<void>;
  /**
   * Told whenever the rows of a table are in other places than before, so that whoever asks for all of them finds
   * them: before rows move to a table beside it, and before such a table (`without`) goes.
   */
  readonly onPlaces?: (table: string, without: string | null) => Promise<void>;
  /** Told before rows come under a name of ours beside a table, so that they are guarded there from the first. */
  readonly onName?: (name: string) => Promise<void>;
  /** Nothing has that name any more. */
  readonly onNameless?: (name: string) => Promise<void>;
}

/** A month of a table that is in ClickHouse. */
export interface HotMonth {
  readonly table: string;
  readonly month: string;
  readonly rows: number;
  readonly bytes: number;
  /** Its days are over for long enough. */
  readonly isDue: boolean;
  /** An earlier run took it out of the table, and did not come to its end. */
  readonly isLeaving: boolean;
}

/** A month that left, and what two readers found the same in it. */
export interface MovedMonth extends Verified {
  readonly table: string;
  readonly month: string;
}

const dayMs = 86_400_000;

/**
 * Where the rows of a month wait while their copy is proved: nobody writes there. The end of the name is the run's
 * own: who takes over what an earlier run left gives it another, and the earlier one, should it live, finds nothing.
 */
function leavingName(table: string, month: number, run: string): string {
  return `${table}_leaving_${monthText(month).replace('-', '')}_${run}`;
}

/** A table beside another, with a month that is on its way out. */
interface LeavingTable {
  readonly table: GoldTable;
  readonly month: number;
  /** As ClickHouse has it. */
  readonly name: string;
}

/** Months that are on their way out, oldest run last. */
export async function leavingTables({
  hot,
  tables,
}: {
  readonly hot: Pick<LeavingTables, 'query' | 'database'>;
  readonly tables: readonly GoldTable[];
}): Promise<LeavingTable[]> {
  const found = await hot.query(
    `SELECT name FROM system.tables WHERE database = '${hot.database}' AND name LIKE '%\\_leaving\\_%' ORDER BY metadata_modification_time DESC, name`,
  );
  return found.flatMap(({ name }) => {
    const [, base, digits] = /^(\w+)_leaving_(\d{6})_[0-9a-f]{8}$/.exec(String(name)) ?? [];
    const table = tables.find((one) => one.name === base);
    const month = digits === undefined ? null : monthOfPartition(digits);
    return table === undefined || month === null ? [] : [{ table, month, name: String(name) }];
  });
}

/** Which months ClickHouse has, and which of them are due. */
export async function listHotMonths({ hot, tables, hotDaysOf, nowMs }: HotMonthsOptions): Promise<HotMonth[]> {
  const leaving = new Map((await leavingTables({ hot, tables })).map(({ name, table }) => [name, table.name]));
  const own = new Set(tables.map(({ name }) => name));
  const found = await hot.query(
    `SELECT table, toString(partition) AS partition, toString(sum(rows)) AS part_rows,
       toString(sum(bytes_on_disk)) AS part_bytes
     FROM system.parts WHERE database = '${hot.database}' AND active GROUP BY table, partition HAVING sum(rows) > 0 ORDER BY partition, table`,
  );
  const months = new Map<string, HotMonth>();
  for (const one of found) {
    const part = String(one.table);
    const table = own.has(part) ? part : leaving.get(part);
    const month = monthOfPartition(String(one.partition));
    if (table === undefined || month === null) continue;
    const endMs = Date.parse(`${firstDayOf(month + 1)}T00:00:00Z`);
    const isDue = nowMs() - endMs >= hotDaysOf(table) * dayMs;
    const key = `${part}/${month}`;
    const facts = { table, month: monthText(month), isDue, isLeaving: !own.has(part) };
    const known = months.get(key) ?? { ...facts, rows: 0, bytes: 0 };
    months.set(key, {
      ...known,
      rows: known.rows + Number(one.part_rows),
      bytes: known.bytes + Number(one.part_bytes),
    });
  }
  return [...months.values()];
}

type HotMonthsOptions = Pick<TierOptions, 'hot' | 'tables' | 'hotDaysOf' | 'nowMs'>;

/** `202603`, or `(5,202603)` where organizations are in buckets. */
function monthOfPartition(partition: string): number | null {
  const digits = /(\d{4})(\d\d)\)?$/.exec(partition);
  return digits === null ? null : (Number(digits[1]) - 1970) * 12 + Number(digits[2]) - 1;
}

/**
 * Moves every due month from ClickHouse to gold. A month is taken out of its table whole, by a change that is made
 * or not made, to where nobody writes; what gold lacks of it is written; all of it is read back from the store by
 * another reader than wrote it; a receipt is committed; only then is it dropped. Killed at any moment, the next run
 * goes on where this one was. Throws COPY_DIFFERS, and drops nothing, where the two do not agree.
 */
export async function moveDueMonths(options: TierOptions): Promise<MovedMonth[]> {
  const { tables, hot, ids, onMoved } = options;
  const moved: MovedMonth[] = [];
  const run = ids.uuid().slice(0, 8);
  const finish = async (one: LeavingTable): Promise<void> => {
    const verified = await copyAndDrop(one, options).catch((error) => throwTakenOver(one, error, options));
    const report = { table: one.table.name, month: monthText(one.month), ...verified };
    if (report.rows === 0) return;
    onMoved?.(report);
    moved.push(report);
  };
  // What an earlier run began comes first.
  for (const { table, month, name: before } of await leavingTables(options)) {
    const name = leavingName(table.name, month, run);
    await options.onName?.(name);
    await hot
      .command(`RENAME TABLE ${hot.database}.${before} TO ${hot.database}.${name}`)
      .catch((error) => throwTakenOver({ table, month, name: before }, error, options));
    await options.onNameless?.(before);
    await options.onPlaces?.(table.name, null);
    await finish({ table, month, name });
  }
  for (const due of (await listHotMonths(options)).filter(({ isDue, isLeaving }) => isDue && !isLeaving)) {
    const table = tables.find(({ name }) => name === due.table) as GoldTable;
    const month = monthOfPartition(due.month.replace('-', '')) as number;
    const name = leavingName(table.name, month, run);
    await takeOut({ table, month, name }, options);
    await finish({ table, month, name });
  }
  return moved;
}

/** Where another run has the month now, that is the reason, and not what ClickHouse said of the name that is gone. */
async function throwTakenOver(
  { table, month, name }: LeavingTable,
  error: unknown,
  options: Pick<TierOptions, 'hot' | 'tables'>,
): Promise<never> {
  if (!(error instanceof EngineError) || error.code !== 'QUERY_FAILED') throw error;
  const there = await leavingTables(options);
  if (there.some((one) => one.name === name)) throw error;
  const by = there.find((one) => one.table === table && one.month === month)?.name.slice(-8);
  const whose =
    by === undefined ? 'another run, which has brought it to its end' : `the run ${by}, which goes on with it`;
  throw new EngineError('RUN_INCOMPLETE', `${table.name} ${monthText(month)} was taken over by ${whose}`, {
    cause: error,
  });
}

async function takeOut({ table, month, name }: LeavingTable, options: TierOptions): Promise<void> {
  const { hot, onPlaces, onName } = options;
  const from = `${hot.database}.${table.name}`;
  await onName?.(name);
  await hot.command(`CREATE TABLE ${hot.database}.${name} AS ${from}`);
  await onPlaces?.(table.name, null);
  const found = await hot.query(
    `SELECT DISTINCT partition_id, toString(partition) AS partition FROM system.parts
     WHERE database = '${hot.database}' AND table = '${table.name}' AND active`,
  );
  for (const { partition_id: id, partition } of found)
    if (monthOfPartition(String(partition)) === month)
      await hot.command(`ALTER TABLE ${from} MOVE PARTITION ID '${id}' TO TABLE ${hot.database}.${name}`);
}

async function copyAndDrop({ table, month, name }: LeavingTable, options: TierOptions): Promise<Verified> {
  const { hot, catalog, io } = options;
  const full = `${hot.database}.${name}`;
  const leaving: HotTables = {
    query: (sql) => hot.query(sql),
    download: (sql, path) => hot.download(sql, path),
    nameOf: () => full,
  };
  const report = await writeGold({ ...options, hot: leaving, tables: [table], before: firstDayOf(month + 1) });
  if (report.overtaken > 0)
    throw new EngineError('CATALOG_CONFLICT', `gold.${table.name} is being written by another run; run it again`);
  const state = await loadTable(catalog.table({ namespace: goldNamespace, table: table.name }));
  const verified = await verifyMonth(table, month, { hot: leaving, name: full, io, state });
  const snapshotId = currentSnapshot(state.metadata)?.['snapshot-id'] ?? 0n;
  // Nothing, where another run took the month out in the same moment.
  if (verified.rows > 0) {
    await writeReceipt(table.name, month, verified, snapshotId, options);
    await options.onProved?.({ table: table.name, month: monthText(month), ...verified });
  }
  await options.onPlaces?.(table.name, name);
  await hot.command(`DROP TABLE ${full} SYNC SETTINGS max_table_size_to_drop = 0`);
  await options.onNameless?.(name);
  return verified;
}

/** Receipts are only added: a month of which something came late leaves twice, with two of them. */
async function writeReceipt(
  table: string,
  month: number,
  verified: Verified,
  snapshotId: bigint,
  options: TierOptions,
): Promise<void> {
  const { catalog, io, ids, encoder, location, nowMs } = options;
  const receipts = catalog.table({ namespace: goldNamespace, table: goldReceiptsTable });
  const state = await ensureTable(receipts, {
    uuid: ids.uuid(),
    location: `${location}/${goldReceiptsTable}`,
    schema: receiptsSchema,
    spec: receiptsSpec,
    properties: layerProperties,
  });
  const path = `${state.metadata.location}/data/table_name=${table}/${ids.uuid()}.parquet`;
  const values = receiptValues(table, month, verified, { snapshotId, nowMs: nowMs() });
  const file = await writeOneRow(receiptFields, values, { path, partition: [table, month] }, { io, encoder });
  await overwritePartitions(
    { ...options, catalog: receipts },
    {
      spec: receiptsSpec,
      includes: () => false,
      added: [file],
      summary: {
        'paceline.table': `gold.${table}`,
        'paceline.month': monthText(month),
        'paceline.rows': String(verified.rows),
        'paceline.hash': verified.hash,
      },
      seen: new Set(),
      since: state,
    },
  );
}
