/**
 * How a field of an event becomes a number in a column of `EventBatch`. The table of kinds
 * (`kinds.ts`) says it once; generated code for Avro and the reader of JSON both go by it.
 */
export type EventColumn =
  /** Micros; any safe integer. `isPerThousand` = of a thousand of what `counts` counts. */
  | {
      readonly take: 'money';
      readonly column: AmountColumn;
      readonly absent?: number;
      readonly isPerThousand?: true;
    }
  /** A count up to 2^53 − 1, not negative. */
  | { readonly take: 'count'; readonly column: AmountColumn }
  /** A count of 32 bits, at least `least`. */
  | { readonly take: 'smallCount'; readonly column: 'counts'; readonly least: number; readonly absent?: number }
  /** 0 to 1000, kept in millionths. */
  | { readonly take: 'weight'; readonly column: AmountColumn; readonly absent: number }
  /** Milliseconds since 1970; an absent one is NaN. */
  | { readonly take: 'instant'; readonly column: TimeColumn; readonly absent?: number }
  /** A local day, as days since 1970-01-01. */
  | { readonly take: 'day'; readonly column: TimeColumn }
  /** Place among `symbols`, which are in the order of the Avro enum. */
  | {
      readonly take: 'symbol';
      readonly column: 'basis' | 'code';
      readonly symbols: readonly string[];
      readonly absent?: string;
    }
  /** A bit of `flags` for true. */
  | { readonly take: 'flag'; readonly bit: number }
  /** A bit of `flags` for every symbol but the first, which an absent field means too. */
  | { readonly take: 'symbolFlag'; readonly bit: number; readonly symbols: readonly string[] }
  /** Dictionary id of an ISO-4217 code, in `currencies`; −1 where it may be absent and is. */
  | { readonly take: 'currency'; readonly isOptional?: true }
  /** A short text as `~id` of the dictionary of labels in `counts`, 0 when it is absent: never positive, so it weighs nothing. */
  | { readonly take: 'label'; readonly column: 'counts' };

export type AmountColumn = 'amount' | 'amount2';
type TimeColumn = 't1' | 't2';

export function money(column: AmountColumn, absent?: 0): EventColumn {
  return { take: 'money', column, ...(absent === undefined ? {} : { absent }) };
}

export function moneyPerThousand(column: AmountColumn, absent: 0): EventColumn {
  return { take: 'money', column, absent, isPerThousand: true };
}

export function count(column: AmountColumn): EventColumn {
  return { take: 'count', column };
}

export function smallCount(least: number, absent?: number): EventColumn {
  return { take: 'smallCount', column: 'counts', least, ...(absent === undefined ? {} : { absent }) };
}

export function weight(column: AmountColumn): EventColumn {
  return { take: 'weight', column, absent: 1 };
}

export function instant(column: TimeColumn): EventColumn {
  return { take: 'instant', column };
}

export function maybeInstant(column: TimeColumn): EventColumn {
  return { take: 'instant', column, absent: Number.NaN };
}

export function day(column: TimeColumn): EventColumn {
  return { take: 'day', column };
}

export function symbol(column: 'basis' | 'code', symbols: readonly string[], absent?: string): EventColumn {
  return { take: 'symbol', column, symbols, ...(absent === undefined ? {} : { absent }) };
}

export function flagOf(bit: number): EventColumn {
  return { take: 'flag', bit };
}

export function symbolFlag(bit: number, symbols: readonly string[]): EventColumn {
  return { take: 'symbolFlag', bit, symbols };
}

/** Stands for all labels that are not told apart. */
export const otherLabel = 'other';

export const label: EventColumn = { take: 'label', column: 'counts' };
export const currency: EventColumn = { take: 'currency' };
export const maybeCurrency: EventColumn = { take: 'currency', isOptional: true };
