import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { FieldNumbers } from './proto/field-numbers.ts';
import { printProto } from './proto/print-proto.ts';

// Prints schemas/proto/ from the table of operations, and builds the image that the door of gRPC and Connect speaks
// by. `--check` writes nothing; it fails when a file differs, where buf finds fault, and where a contract that was
// released is broken.
const root = join(import.meta.dirname, '..');
const folder = join(root, 'schemas/proto');
const image = join(folder, 'paceline.binpb');
const buf = join(root, 'node_modules/.bin/buf');
const numbersFile = join(folder, 'numbers.json');

const held = existsSync(numbersFile) ? (JSON.parse(readFileSync(numbersFile, 'utf8')) as FieldNumbers) : {};
const { files, numbers } = printProto(held);
const wanted: Readonly<Record<string, string>> = { ...files, 'numbers.json': `${JSON.stringify(numbers, null, 2)}\n` };
const present = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((path) => path.replaceAll('\\', '/'));
const stale = Object.keys(wanted).filter(
  (path) => !existsSync(join(folder, path)) || readFileSync(join(folder, path), 'utf8') !== wanted[path],
);
const gone = present.filter((path) => path.endsWith('.proto') && !(path in wanted));

if (process.argv.includes('--check')) check();
else write();

function write(): void {
  for (const path of stale) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), wanted[path]);
  }
  for (const path of gone) rmSync(join(folder, path));
  runBuf('build', folder, '-o', image, '--exclude-source-info');
}

function check(): void {
  if (stale.length > 0 || gone.length > 0) return fail(`schemas/proto: ${[...stale, ...gone].join(', ')}`);
  const built = join(tmpdir(), `paceline-image-${process.pid}.binpb`);
  try {
    runBuf('build', folder, '-o', built, '--exclude-source-info');
    if (!existsSync(image) || !readFileSync(built).equals(readFileSync(image))) fail('schemas/proto/paceline.binpb');
  } finally {
    rmSync(built, { force: true });
  }
  runBuf('lint', folder);
  runBuf('breaking', folder, '--against', join(folder, 'released.binpb'));
}

function fail(what: string): void {
  console.error(`out of date: ${what}\nnext: run "npm run docs" and commit the result`);
  process.exitCode = 1;
}

function runBuf(...args: readonly string[]): void {
  execFileSync(buf, args, { stdio: 'inherit' });
}
