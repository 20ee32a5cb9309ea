/** Rows as an aligned table; numbers to the right. Cells longer than `cellMax` are cut and marked. */
export function textTable(
  columns: readonly { name: string; type: string }[],
  rows: readonly (readonly unknown[])[],
  cellMax = 60,
): string[] {
  const cells = rows.map((row) => row.map((value) => cellText(value, cellMax)));
  const widths = columns.map(({ name }, at) => Math.max(name.length, ...cells.map((row) => row[at].length)));
  const isRight = columns.map(({ type }) => /^(Nullable\()?(U?Int|Float|Decimal)/.test(type));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (isRight[at] ? text.padStart(widths[at]) : text.padEnd(widths[at])))
      .join('  ')
      .trimEnd();
  return [
    line(columns.map(({ name }) => name)),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...cells.map(line),
  ];
}

function cellText(value: unknown, cellMax: number): string {
  if (value === null || value === undefined) return 'null';
  // Line breaks would tear the table; control bytes could drive the terminal.
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/\p{Cc}/gu, ' ');
  return text.length <= cellMax ? text : `${text.slice(0, cellMax - 1)}~`;
}
