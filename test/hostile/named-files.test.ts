import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { fileTrouble } from '../../src/model/file-trouble.ts';
import { readTextFile } from '../../src/model/read-text.ts';

const dir = mkdtempSync(join(tmpdir(), 'paceline-named-'));
afterAll(() => rmSync(dir, { recursive: true }));

const at = (name: string) => join(dir, name);
function write(name: string, bytes: Uint8Array | string): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

function trouble(path: string): string {
  try {
    return `read: ${readTextFile(path).length}`;
  } catch (error) {
    return fileTrouble(error, path).replaceAll(dir, '');
  }
}

// Each of them once waited for ever, took all memory or was read as something else.
test('whatever a name leads to ends at once, in words', () => {
  execFileSync('mkfifo', [at('pipe')]);
  symlinkSync('pipe', at('to-pipe'));
  symlinkSync('loop', at('loop'));
  expect(trouble(at('pipe'))).toContain('/pipe cannot be read: it is a pipe');
  expect(trouble(at('to-pipe'))).toContain('/to-pipe cannot be read: it is a pipe');
  expect(trouble('/dev/zero')).toBe('/dev/zero cannot be read: it holds more than 16 MiB');
  expect(trouble('/dev/urandom')).toBe('/dev/urandom cannot be read: it holds more than 16 MiB');
  expect(trouble('/dev/null')).toBe('read: 0');
  expect(trouble(write('large', 'x'.repeat(17 * 1024 ** 2)))).toContain('holds more than 16 MiB');
  expect(trouble(write('wide', Buffer.from('\ufeffhttp: {}', 'utf16le')))).toContain('it is no text in UTF-8');
  expect(trouble(write('old', Buffer.from('name: Müller', 'latin1')))).toContain('it is no text in UTF-8');
  expect(trouble(dir)).toBe(' is a folder, not a file');
  expect(trouble(at('loop'))).toBe('/loop is a link that leads back to itself');
  expect(trouble(at('none'))).toBe('there is no /none');
  expect(readTextFile(write('marked', '\ufeffhttp: {}\r\n'))).toBe('http: {}\r\n');
});
