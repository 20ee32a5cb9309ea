import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The table of kinds is the one place where a kind is declared: whoever adds one is led by the
// compiler to every place that must know more of it, and to no other.
const root = join(import.meta.dirname, '../..');
const copied = [
  'src',
  'test',
  'scripts',
  'bench',
  'tsconfig.json',
  'vitest.config.ts',
  'vitest.long.config.ts',
  'vitest.stack.config.ts',
];

/** Puts text behind a line of a file of the copy. */
function insert(path: string, line: string, text: string): void {
  const before = readFileSync(join(copy, path), 'utf8');
  const after = before.replace(line, `${line}${text}`);
  expect(after, `${path} has the line`).not.toBe(before);
  writeFileSync(join(copy, path), after);
}

/** Files of the copy that do not compile. */
function broken(): string[] {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [tsc, '-p', copy, '--pretty', 'false'], {
    encoding: 'utf8',
    cwd: copy,
  });
  const files = stdout.split('\n').flatMap((line) => /^([^\s(]+)\(\d+,\d+\): error/.exec(line)?.[1] ?? []);
  return [...new Set(files)].sort();
}

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'one-more-kind-'));
  for (const name of [...copied, 'package.json']) cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});

afterAll(() => rmSync(copy, { recursive: true }));

test('the compiler leads from a new kind to each place that must know it, and to no other', {
  timeout: 120_000,
}, () => {
  const kinds = `
  viewable_seconds: { ...delivery, number: 18, columns: { seconds: count('amount') } },
  target_changed: { ...decision, number: 19, isControl: true, columns: {} },`;
  insert('src/events/kinds.ts', 'export const kinds = {', kinds);
  insert('src/events/event-batch.ts', 'export type Detail =', "\n  | { kind: 'target_changed'; share: number }");
  expect(broken()).toEqual([
    'scripts/events-doc/examples.ts', // The page for producers.
    'src/decoders/event-fields.ts', // What no column holds.
    'src/operators/follow-flights.ts', // A control record is applied.
    'src/operators/measure-days.ts', // A delivery is booked.
    'src/operators/record-amounts.ts', // What it adds to sums is weighed.
    'test/oracle/book.ts',
    'test/oracle/burden.ts',
    'test/oracle/check.ts',
    'test/oracle/decode-json.ts',
    'test/simulator/simulate-world.test.ts',
  ]);
});
