import { expect, test } from 'vitest';
import { textTable } from '../../src/cli/text-table.ts';

test('numbers stand right, long and dangerous text is tamed', () => {
  const columns = [
    { name: 'campaign', type: 'String' },
    { name: 'spend', type: 'Int64' },
  ];
  const rows = [
    ['a\u001b[31m\nb', '12345678901234567890'],
    [null, 7],
  ];
  expect(textTable(columns, rows)).toEqual([
    'campaign                 spend',
    '--------  --------------------',
    'a [31m b  12345678901234567890',
    'null                         7',
  ]);
  expect(textTable(columns, [['x'.repeat(100), 1]], 10)[2]).toBe('xxxxxxxxx~      1');
});
