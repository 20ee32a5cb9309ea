import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const text = readFileSync(join(root, 'test/fixtures/mixed-times.txt'), 'utf8');

test('event, log and wall time do not compile where another is meant', { timeout: 120_000 }, () => {
  const copy = mkdtempSync(join(tmpdir(), 'mixed-times-'));
  try {
    for (const name of ['src', 'package.json', 'tsconfig.json']) {
      cpSync(join(root, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
    mkdirSync(join(copy, 'test'));
    writeFileSync(join(copy, 'test/mixed-times.ts'), text);
    const config = { extends: './tsconfig.json', include: [], files: ['test/mixed-times.ts'] };
    writeFileSync(join(copy, 'mixed.json'), JSON.stringify(config));
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    const words = [tsc, '-p', 'mixed.json', '--pretty', 'false'];
    const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8', cwd: copy });
    const refused = [...stdout.matchAll(/^test\/mixed-times\.ts\((\d+),\d+\): error/gm)].map(([, line]) =>
      Number(line),
    );
    const mixed = text.split('\n').flatMap((line, at) => (line.endsWith('// mixed') ? [at + 1] : []));
    expect(mixed.length).toBeGreaterThan(5);
    expect([...new Set(refused)], stdout).toEqual(mixed);
  } finally {
    rmSync(copy, { recursive: true });
  }
});
