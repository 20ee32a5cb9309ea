import { test } from 'vitest';
import { type Change, proveChange } from './apply.ts';

const column =
  "    column('expected_micros', 'Nullable(Int64)', 'Expected spend at `as_of` by the segment ledger; null when ASAP.'),\n";

const change: Change = {
  section: 'A snapshot column',
  folder: 'column',
  srcFilesMax: 3,
  edits: [
    {
      file: 'src/rows/tables.ts',
      find: column,
      replace: `    column('remaining_micros', 'Nullable(Int64)', 'Budget less spend at \`as_of\`.', { since: 2, fallback: null }),
${column}`,
    },
    {
      file: 'src/operators/pace-flights.ts',
      find: '      ...numbers(values),\n',
      replace: `      ...numbers(values),
      remaining_micros: values?.spend == null ? null : BigInt(terms.budget ?? 0) - BigInt(values.spend),
`,
    },
    {
      file: 'test/rows/released-shapes.json',
      find: '  "pacing_snapshots": {\n',
      replace: '  "pacing_snapshots": {\n    "2": ["remaining_micros Nullable(Int64) after spend_micros"],\n',
    },
  ],
  tests: ['test/rows/'],
};

test('a snapshot column', () => proveChange(change), 300_000);
