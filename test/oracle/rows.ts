import type { ColumnValue, Row, Table } from '../../src/rows/tables.ts';
import {
  alertEvents,
  tables as allTables,
  campaignMetricsDaily,
  conversionsDaily,
  deadLetters,
  lateEvents,
  otherRevenue,
  pacingSnapshots,
  ruleEvaluations,
  unplannedSpend,
} from '../../src/rows/tables.ts';
import { revenueIn } from './book.ts';
import type { Campaign } from './campaign.ts';
import { floorDivide } from './whole-numbers.ts';

export type TableName =
  | 'campaign_metrics_daily'
  | 'pacing_snapshots'
  | 'rule_evaluations'
  | 'alert_events'
  | 'dead_letters'
  | 'late_events'
  | 'unplanned_spend'
  | 'other_revenue'
  | 'conversions_daily'
  | 'order_snapshots';

/** All rows that a log makes, by table, each sorted by the table's key. */
export type TableRows = Readonly<Record<TableName, readonly Row[]>>;

export function emptyRows(): Record<TableName, Row[]> {
  return {
    [campaignMetricsDaily.name as 'campaign_metrics_daily']: [],
    [pacingSnapshots.name as 'pacing_snapshots']: [],
    [ruleEvaluations.name as 'rule_evaluations']: [],
    [alertEvents.name as 'alert_events']: [],
    [deadLetters.name as 'dead_letters']: [],
    [lateEvents.name as 'late_events']: [],
    [unplannedSpend.name as 'unplanned_spend']: [],
    [otherRevenue.name as 'other_revenue']: [],
    [conversionsDaily.name as 'conversions_daily']: [],
    order_snapshots: [],
  } as Record<TableName, Row[]>;
}

export function tableNamed(name: string): Table {
  const table = allTables.find((each) => each.name === name);
  if (table === undefined) throw new Error(`no table ${name}`);
  return table;
}

/** The row with every column of its table in the type that decodeRows gives: 64-bit values as bigint. */
export function shape(table: Table, values: Readonly<Record<string, ColumnValue>>): Row {
  const row: Record<string, ColumnValue> = {};
  for (const { name, type } of table.columns) {
    const value = values[name];
    if (value === undefined) throw new Error(`${table.name} has no ${name}`);
    // What a column of 64 bits does not hold is unknown to whoever reads it (§7.2).
    const isBeyond = typeof value === 'bigint' && BigInt.asIntN(64, value) !== value && type === 'Nullable(Int64)';
    if (isBeyond) row[name] = null;
    else row[name] = typeof value === 'number' && /Int64|DateTime64|Decimal/.test(type) ? BigInt(value) : value;
  }
  const stray = Object.keys(values).find((name) => !(name in row));
  if (stray !== undefined) throw new Error(`${table.name} has no column ${stray}`);
  return row;
}

/** What a lane left in its tables, by key, in their order. */
export function tableRows(final: Readonly<Record<string, ReadonlyMap<string, Row>>>): TableRows {
  const sorted = Object.entries(final).map(([name, rows]) => [name, sortRows(tableNamed(name), [...rows.values()])]);
  return Object.fromEntries(sorted) as unknown as TableRows;
}

/** Order of the rows of a table: its key, texts by code unit. */
export function sortRows(table: Table, rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => {
    for (const name of table.key) {
      const x = a[name] as string | bigint;
      const y = b[name] as string | bigint;
      if (x < y) return -1;
      if (x > y) return 1;
    }
    return 0;
  });
}

export function dailyRows(campaign: Campaign, partition: number, versionOf: (offset: number) => bigint): Row[] {
  return [...campaign.days].map(([date, day]) => {
    const counts: Record<string, ColumnValue> = {};
    for (const { name, type } of campaignMetricsDaily.columns)
      if (type === 'Int64' || type === 'Decimal(18,6)') counts[name] = day.counts.get(name) ?? 0n;
    for (const name of ['revenue_by_touch_micros', 'revenue_by_conversion_micros'])
      counts[name] = day.counts.get(revenueIn(name, day.currency)) ?? 0n;
    return shape(campaignMetricsDaily, {
      ...counts,
      org_id: campaign.org,
      campaign_id: campaign.id,
      date,
      currency: day.currency,
      spend_micros: floorDivide(day.spendNanos, 1_000n),
      adjustment_micros: floorDivide(day.adjustmentNanos, 1_000n),
      plan_number: day.planNumber,
      partition,
      version: versionOf(day.offset),
    });
  });
}

/** Revenue that the daily rows do not show, by currency. */
export function otherRevenueRows(campaign: Campaign, partition: number, versionOf: (offset: number) => bigint): Row[] {
  return [...campaign.days].flatMap(([date, day]) =>
    [...day.others].map((currency) => {
      const revenueOf = (name: string) =>
        currency === day.currency ? 0n : (day.counts.get(revenueIn(name, currency)) ?? 0n);
      return shape(otherRevenue, {
        org_id: campaign.org,
        campaign_id: campaign.id,
        date,
        currency,
        revenue_by_touch_micros: revenueOf('revenue_by_touch_micros'),
        revenue_by_conversion_micros: revenueOf('revenue_by_conversion_micros'),
        plan_number: day.planNumber,
        partition,
        version: versionOf(day.offset),
      });
    }),
  );
}

/** Conversions by type and by what brought them about. */
export function conversionRows(campaign: Campaign, partition: number, versionOf: (offset: number) => bigint): Row[] {
  return [...campaign.days].flatMap(([date, day]) =>
    [...day.typed.values()].map(({ attribution, type, sums, planNumber, offset }) =>
      shape(conversionsDaily, {
        org_id: campaign.org,
        campaign_id: campaign.id,
        date,
        conversion_type: type,
        attribution,
        conversions_by_touch: sums.get('conversions_by_touch') ?? 0n,
        conversions_by_conversion: sums.get('conversions_by_conversion') ?? 0n,
        plan_number: planNumber,
        partition,
        version: versionOf(offset),
      }),
    ),
  );
}
