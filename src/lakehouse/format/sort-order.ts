/** How rows of a data file are sorted, as metadata JSON says it (Iceberg spec, "Sorting"). */
interface SortField {
  readonly transform: string;
  readonly 'source-id': number;
  readonly direction: 'asc' | 'desc';
  readonly 'null-order': 'nulls-first' | 'nulls-last';
}

export interface SortOrder {
  readonly 'order-id': number;
  readonly fields: readonly SortField[];
}

/** Order 0 is that of files that nobody sorted. */
export const unsorted: SortOrder = { 'order-id': 0, fields: [] };

/** An order by columns as they are, ascending, nulls first. */
export function sortedBy(orderId: number, fieldIds: readonly number[]): SortOrder {
  const fields = fieldIds.map(
    (id): SortField => ({ transform: 'identity', 'source-id': id, direction: 'asc', 'null-order': 'nulls-first' }),
  );
  return { 'order-id': orderId, fields };
}
