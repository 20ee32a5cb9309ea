import type * as z from 'zod';

/** A list as CSV (RFC 4180), its columns in the order of the schema; null where the operation gives no list. */
export function csvColumns(output: z.ZodType): readonly string[] | null {
  const { type, element } = output.def as { type: string; element?: z.ZodType };
  if (type !== 'array' || element === undefined) return null;
  const { shape } = element as Partial<z.ZodObject>;
  return shape === undefined ? null : Object.keys(shape);
}

export function printCsv(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = rows.map((row) => columns.map((name) => cell(row[name])).join(','));
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`;
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = typeof value === 'string' ? harmless(value) : JSON.stringify(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet takes text that begins so for a formula; numbers with a sign are none. */
function harmless(text: string): string {
  return /^[=+\-@\t\r]/.test(text) && !/^-?\d+(\.\d+)?$/.test(text) ? `'${text}` : text;
}
