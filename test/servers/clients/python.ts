import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

const requirements = join(import.meta.dirname, 'requirements.txt');

/** A Python with confluent-kafka, installed outside the repository at its first use; null where there is no Python. */
export function pythonWithKafka(): string | null {
  const venv = process.env.PACELINE_PRODUCERS_VENV ?? join(tmpdir(), 'paceline-producers-venv');
  const python = join(venv, 'bin', 'python');
  const installed = join(venv, 'installed.txt');
  if (existsSync(installed) && readFileSync(installed, 'utf8') === readFileSync(requirements, 'utf8')) return python;
  if (spawnSync('python3', ['--version']).status !== 0) return null;
  runToEnd('python3', ['-m', 'venv', venv]);
  runToEnd(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  cpSync(requirements, installed);
  return python;
}

/** What a client printed; a test fails with all that it said when it ends with another code than 0. */
export function runToEnd(command: string, args: readonly string[], input = ''): string {
  const { status, stderr, stdout, error } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 90_000,
    input,
    maxBuffer: 256 * 1024 * 1024,
  });
  const said = status === 0 ? '' : `${stdout}${stderr}${error?.message ?? ''}`;
  expect({ command, status, said }).toEqual({ command, status: 0, said: '' });
  return stdout;
}
