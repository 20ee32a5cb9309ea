import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LatestTable, latestTables, type Table, tables } from '../src/rows/tables.ts';
import { historyViews, views } from '../src/sinks/clickhouse/views.ts';

// Prints docs/tables.md from the table descriptions that DDL and encoders are made from. `--check`
// writes nothing and fails when the file differs.
const path = join(import.meta.dirname, '..', 'docs', 'tables.md');

function tableSection({ name, doc, key, partitionBy, columns }: Table): string {
  const rows = columns.map(
    (column) => `| \`${column.name}\` | ${column.type} | ${column.doc.replaceAll('|', '\\|')} |`,
  );
  return [
    `## ${name}`,
    '',
    doc,
    '',
    `Key: ${key.map((part) => `\`${part}\``).join(', ')}. Partitioned by the month of \`${partitionBy}\`.`,
    '',
    '| column | type | meaning |',
    '| --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

function latestSection({ name, doc, of, key }: LatestTable): string {
  return `## ${name}\n\n${doc} The columns are those of \`${of.name}\`. Key: ${key.map((part) => `\`${part}\``).join(', ')}; not partitioned. Read it with \`FINAL\`.\n`;
}

const page = `# Tables

Printed from \`src/rows/tables.ts\` by \`node scripts/print-tables-doc.ts\`; do not edit.

Every table lives in the database \`ads\` and keeps, per key, the row with the highest \`version\`. ClickHouse removes older rows when it merges; until then only \`FINAL\` hides them, so read \`FROM <table> FINAL\`, or a view. Formulas, rounding and lateness are in docs/semantics.md. Money is in millionths of \`currency\`.

${tables.map(tableSection).join('\n')}
${latestTables.map(latestSection).join('\n')}
## Views

| view | what it shows |
| --- | --- |
${[...views, ...historyViews].map(({ name, doc }) => `| \`${name}\` | ${doc} |`).join('\n')}
`;

if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== page) {
    console.error('out of date: docs/tables.md\nnext: run "node scripts/print-tables-doc.ts" and commit the result');
    process.exitCode = 1;
  }
} else writeFileSync(path, page);
