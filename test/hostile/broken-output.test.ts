import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const main = join(import.meta.dirname, '../../src/main.ts');

/** Runs `command` in a shell, where "$@" is paceline. */
function shell(command: string): { status: number | null; stderr: string } {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', main];
  const { status, stderr } = spawnSync('bash', ['-c', command, 'paceline', ...node], { encoding: 'utf8' });
  return { status, stderr };
}

test('a result that does not fit on the disk is no success', () => {
  const { status, stderr } = shell('"$@" version > /dev/full');
  expect(status).toBe(74);
  expect(stderr).toMatch(/^error: the result cannot be written: the disk is full \(ENOSPC: .*\)\n$/);
});

test('a reader that has seen enough is no trouble, nor are notes that nobody reads', () => {
  expect(shell('set -o pipefail; "$@" help | head -n 1')).toEqual({ status: 0, stderr: '' });
  expect(shell('"$@" --no-such-flag 2> /dev/full')).toEqual({ status: 64, stderr: '' });
  expect(shell('set -o pipefail; { "$@" --no-such-flag 2>&3 | cat; } 3> >(exit 0)').status).toBe(64);
});
