import { type Detail, type EventBatch, flag } from '../events/event-batch.ts';
import type { AmountColumn, EventColumn } from '../events/event-columns.ts';
import { type DetailKind, type KindName, kinds, type RowKindName, rowKindNames } from '../events/kinds.ts';
import { type Amount, lightMax } from '../lane/campaign-weight.ts';

/** What a column adds to sums: its amount in their unit, 0 when it adds to none. */
type AmountOf = (batch: EventBatch, row: number) => number;

interface Summed {
  readonly field: string;
  readonly of: Amount['of'];
  readonly value: AmountOf;
}

/** By number of the kind, from the table of kinds. */
const summedBy: readonly (readonly Summed[])[] = rowKindNames.map((name) =>
  name === 'rejected' ? [] : summedOf(name),
);

function summedOf(name: KindName): readonly Summed[] {
  const columns: readonly (readonly [string, EventColumn])[] = Object.entries(kinds[name].columns);
  return columns.flatMap(([field, column]) => summedColumn(field, column));
}

function summedColumn(field: string, column: EventColumn): readonly Summed[] {
  switch (column.take) {
    case 'money':
      if (column.isPerThousand === true) {
        const value: AmountOf = (batch, row) => (batch[column.column][row] * batch.counts[row]) / 1_000;
        return [{ field, of: 'exact', value }];
      }
      return [{ field, of: 'exact', value: (batch, row) => batch[column.column][row] }];
    case 'weight':
      return [{ field, of: 'exact', value: (batch, row) => batch[column.column][row] }];
    case 'count':
    case 'smallCount':
      return [{ field, of: 'count', value: (batch, row) => batch[column.column][row] }];
    default:
      return [];
  }
}

/** What an object beside the columns adds to sums. */
const detailAmounts: { readonly [Name in DetailKind]: (detail: Detail & { kind: Name }) => readonly Amount[] } = {
  org_plan: () => [],
  spend: () => [],
  performance_report: (detail) => [
    ...[...detail.counts].map(([name, value]): Amount => ({ field: `counts.${name}`, of: 'count', value })),
    { field: 'revenue_by_touch_micros', of: 'exact', value: detail.revenueByTouch },
    { field: 'revenue_by_conversion_micros', of: 'exact', value: detail.revenueByConversion },
  ],
  spend_adjustment: () => [],
  metric_correction: ({ deltas }) =>
    [...deltas].map(([name, value]): Amount => ({ field: `deltas.${name}`, of: 'count', value })),
  budget_changed: () => [],
  flight_changed: () => [],
  status_changed: () => [],
  creative_status: () => [],
  source_heartbeat: () => [],
};

/** By number of the kind: up to where the columns `amount` and `amount2` are light; -1 = never, look closer. */
const lightAmounts = Float64Array.from(rowKindNames, (name) => lightest(name, 'amount'));
const lightAmounts2 = Float64Array.from(rowKindNames, (name) => lightest(name, 'amount2'));

function lightest(name: RowKindName, of: AmountColumn): number {
  if (name === 'rejected') return Number.POSITIVE_INFINITY;
  if (name === 'metric_correction' || name === 'performance_report') return -1;
  const columns: readonly EventColumn[] = Object.values(kinds[name].columns);
  const column = columns.find((each) => 'column' in each && each.column === of);
  if (column === undefined) return Number.POSITIVE_INFINITY;
  if (column.take === 'count') return lightMax.count;
  // A light count of them is light too, and a half is left for the thousand that is not 1,024.
  return column.take === 'money' && column.isPerThousand === true ? lightMax.exact / 2 : lightMax.exact;
}

/** Whether nothing that the record adds weighs anything: true of nearly all, and cheap to ask. */
export function isLight(batch: EventBatch, row: number): boolean {
  const number = batch.kinds[row];
  return (
    Math.abs(batch.amount[row]) <= lightAmounts[number] &&
    Math.abs(batch.amount2[row]) <= lightAmounts2[number] &&
    batch.counts[row] <= lightMax.count
  );
}

/** All that the record adds to sums of its campaign. */
export function amountsOf(batch: EventBatch, row: number): readonly Amount[] {
  const sign = (batch.flags[row] & flag.reversal) === 0 ? 1 : -1;
  const number = batch.kinds[row];
  const amounts = summedBy[number].map(({ field, of, value }) => ({ field, of, value: sign * value(batch, row) }));
  const detail = batch.details.get(row);
  if (detail === undefined) return amounts;
  const ofDetail = detailAmounts[detail.kind] as (detail: Detail) => readonly Amount[];
  return [...amounts, ...ofDetail(detail)];
}
