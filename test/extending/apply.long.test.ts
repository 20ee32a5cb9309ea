import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { applyToCopy, type Edit, filesOf, listedFiles, proveOnCopy } from './apply.ts';

const nothing = { folder: 'no-such-folder' };
const wrong: Edit = {
  file: 'src/model/money.ts',
  find: 'export ',
  replace: 'const wrong: string = 1;\nexport ',
};

test('an edit whose place is gone, or is not one place, is refused and leaves no copy', () => {
  const gone = { ...wrong, find: 'nobody wrote this' };
  expect(() => applyToCopy({ ...nothing, edits: [gone] })).toThrow('src/model/money.ts holds the text to edit 0 times');
  expect(() => applyToCopy({ ...nothing, edits: [{ ...wrong, find: '\n' }] })).toThrow('times, not once');
});

test('a change that does not compile is refused, with the words of the compiler', async () => {
  const first = readFileSync(join(import.meta.dirname, '../../src/model/money.ts'), 'utf8').split('\n', 1)[0];
  const copy = applyToCopy({ ...nothing, edits: [{ ...wrong, find: first, replace: `${wrong.replace}${first}` }] });
  try {
    await expect(proveOnCopy(copy.dir, [])).rejects.toThrow(/src\/model\/money\.ts.*TS2322/);
  } finally {
    copy[Symbol.dispose]();
  }
  expect(existsSync(copy.dir)).toBe(false);
});

test('a section that nobody wrote is refused, and every touched file counts once', () => {
  expect(() => listedFiles('A planet')).toThrow('docs/extending.md has no section "A planet"');
  expect(filesOf({ ...nothing, edits: [wrong, wrong] })).toEqual(['src/model/money.ts']);
});
