import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeDirectory } from '../../src/cli/make-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'paceline-directory-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('a directory is made with those above it, for its owner alone; one that is there is left alone', () => {
  const deep = join(folder, 'a', 'b', 'c');
  makeDirectory(deep);
  makeDirectory(deep);
  expect(existsSync(deep)).toBe(true);
  expect(statSync(join(folder, 'a')).mode & 0o777).toBe(0o700);
});

test('what cannot be made is told at once, by name', () => {
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeDirectory(join(folder, 'file', 'x'))).toThrow(
    `cannot make the directory ${join(folder, 'file', 'x')}`,
  );
});

test.runIf(existsSync('/proc/self'))('a place where the system makes none is refused, not tried for ever', () => {
  expect(() => makeDirectory('/proc/paceline/data')).toThrow('cannot make the directory /proc/paceline');
});
