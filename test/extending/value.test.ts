import { test } from 'vitest';
import { type Change, proveChange } from './apply.ts';

const name = "  'p.daily_cap': ['double', 'Daily cap, currency units.'],\n";
const value = "    'p.daily_cap': scaled(cap, 1e6),\n";
const byHand = "  'p.daily_cap': 300,\n";

const change: Change = {
  section: 'A rule value',
  folder: 'value',
  srcFilesMax: 2,
  edits: [
    {
      file: 'src/rules/plan.ts',
      find: name,
      replace: `  'p.cap_left': ['double', 'What the daily cap, with its allowance, leaves for the day, currency units.'],\n${name}`,
    },
    {
      file: 'src/rules/rule-values.ts',
      find: value,
      replace: `    'p.cap_left': values.capAllowed === null ? null : scaled(minus(values.capAllowed, daySpend), 1e6),\n${value}`,
    },
    {
      file: 'src/rules/rule-values.ts',
      find: "import { floorShare, plus, type Whole } from '../model/whole.ts';",
      replace: "import { floorShare, minus, plus, type Whole } from '../model/whole.ts';",
    },
    // 450 allowed less 130 spent.
    { file: 'test/rules/rule-values.test.ts', find: byHand, replace: `  'p.cap_left': 320,\n${byHand}` },
  ],
  tests: ['test/rules/rule-values.test.ts', 'test/rules/cap-left.test.ts'],
};

test('a rule value', () => proveChange(change), 300_000);
