/** What columns and tables are, and the columns that every table has. */
export type ColumnType =
  | 'String'
  | 'LowCardinality(String)'
  | 'UInt8'
  | 'UInt16'
  | 'UInt32'
  | 'UInt64'
  | 'Int32'
  | 'Int64'
  /** Days since 1970-01-01. */
  | 'Date32'
  /** Milliseconds since the epoch, UTC. */
  | 'DateTime64(3)'
  /** Millionths. */
  | 'Decimal(18,6)'
  | 'Nullable(Int32)'
  | 'Nullable(Int64)'
  | 'Nullable(DateTime64(3))';

/** One column; `Name` and `Type` are literals, so that rows are typed by the table (`RowOf`). */
export interface Column<Name extends string = string, Type extends ColumnType = ColumnType> {
  readonly name: Name;
  readonly type: Type;
  readonly doc: string;
  /** First shape of its table that has it; see `shapes.ts`. */
  readonly since: number;
  /** What rows of older shapes have here; null for the columns of shape 1. */
  readonly fallback: ColumnValue;
}

export interface Table<Columns extends readonly Column[] = readonly Column[]> {
  readonly name: string;
  readonly doc: string;
  readonly columns: Columns;
  /** ORDER BY: the row's identity; starts with org_id. */
  readonly key: readonly Columns[number]['name'][];
  /** The instant or date whose month partitions the table; part of the key. */
  readonly partitionBy: Columns[number]['name'];
  /** Number of the shape in which its rows are written today (shapes.ts): the newest `since` of its columns. */
  readonly shape: number;
}

export type ColumnValue = string | number | bigint | Uint8Array | null;
export type Row = Readonly<Record<string, ColumnValue>>;

type TextType = 'String' | 'LowCardinality(String)';
/** What fits 32 bits: a number on the way out as on the way in. Wider ones are read as bigint. */
type NarrowType = 'UInt8' | 'UInt16' | 'UInt32' | 'Int32' | 'Date32';

/** What a column takes. Wider integers are exact: a safe number, or a bigint. */
type WrittenValue<Type extends ColumnType> = Type extends `Nullable(${infer Inner extends ColumnType})`
  ? WrittenValue<Inner> | null
  : Type extends TextType
    ? string | Uint8Array
    : Type extends NarrowType
      ? number
      : number | bigint;

/** What `decodeRows` gives for a column. */
type ReadValue<Type extends ColumnType> = Type extends `Nullable(${infer Inner extends ColumnType})`
  ? ReadValue<Inner> | null
  : Type extends TextType
    ? string
    : Type extends NarrowType
      ? number
      : bigint;

/** A row as it is written: a value that is missing, misspelt or of another kind does not compile. */
export type RowOf<T extends Table> = {
  readonly [C in T['columns'][number] as C['name']]: WrittenValue<C['type']>;
};

/** A row that is filled anew for each that is written: tables of many rows would make an object of each. */
export type RowInHand<T extends Table> = { -readonly [Name in keyof RowOf<T>]: RowOf<T>[Name] };

/** A row as it is read; text of the columns named `Raw` comes as its bytes. */
export type ReadRowOf<T extends Table, Raw extends string = never> = {
  readonly [C in T['columns'][number] as C['name']]: C['name'] extends Raw ? Uint8Array : ReadValue<C['type']>;
};

/**
 * A column. One that is added to a released table says since which shape it is there, and what rows
 * of older shapes have in its place.
 */
export function column<const Name extends string, const Type extends ColumnType>(
  name: Name,
  type: Type,
  doc: string,
  { since, fallback }: { readonly since: number; readonly fallback: WrittenValue<Type> | null } = {
    since: 1,
    fallback: null,
  },
): Column<Name, Type> {
  return { name, type, doc, since, fallback };
}

export function table<const Columns extends readonly Column[]>(
  description: Omit<Table<Columns>, 'shape'>,
): Table<Columns> {
  return { ...description, shape: Math.max(...description.columns.map(({ since }) => since)) };
}

export const org = column('org_id', 'LowCardinality(String)', 'Organization.');
export const campaign = column('campaign_id', 'String', 'Campaign, unique inside its organization.');
export const version = column(
  'version',
  'UInt64',
  'generation << 48 | offset of the record that last changed the row.',
);
export const partition = column('partition', 'UInt16', 'Partition of the events topic whose log made the row.');
export const plan = column('plan_number', 'UInt32', 'Number of the plan in force; 0 = none yet.');
