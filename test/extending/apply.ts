import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, relative } from 'node:path';
import { expect } from 'vitest';

/** One place of a file that the change touches: `find` stands there exactly once. */
export interface Edit {
  /** From the top of the repository, with forward slashes. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A change as docs/extending.md describes it: new files, edits, and the tests that must then pass. */
export interface Change {
  /** Heading of its section in docs/extending.md. */
  readonly section: string;
  /** Directory beside this file; what lies in its `tree/` is laid over the copy. */
  readonly folder: string;
  /** The promise: how many files of `src/` such a change touches, new ones included. */
  readonly srcFilesMax: number;
  readonly edits: readonly Edit[];
  /** Test files that prove it on the copy, beside the house rules. */
  readonly tests: readonly string[];
}

const root = join(import.meta.dirname, '..', '..');
/** All that the compiler, the tests and the house rules look at. */
const copied = [
  ...['src', 'test', 'scripts', 'bench', 'schemas', 'config', 'docs', 'deploy', 'bin'],
  ...['package.json', 'tsconfig.json', 'vitest.config.ts', 'Dockerfile', 'ARCHITECTURE.md', 'CONTRIBUTING.md'],
];

/** A section of docs/extending.md lists the very files of `src/` that its change touches, no more than promised. */
export function expectListed(change: Change): void {
  const touched = filesOf(change).filter((path) => path.startsWith('src/'));
  expect(touched, `docs/extending.md, ${change.section}, lists what the change touches`).toEqual(
    listedFiles(change.section),
  );
  expect(touched.length, `${touched.join(', ')}: files of src/`).toBeLessThanOrEqual(change.srcFilesMax);
}

/** Files that the change touches, sorted. */
export function filesOf({ folder, edits }: Pick<Change, 'folder' | 'edits'>): string[] {
  const tree = treeOf(folder);
  const added = existsSync(tree) ? filesBelow(tree) : [];
  return [...new Set([...added, ...edits.map(({ file }) => file)])].sort();
}

/** Files of `src/` that a section of docs/extending.md lists: each a line that begins with its path. */
export function listedFiles(section: string): string[] {
  const text = readFileSync(join(root, 'docs', 'extending.md'), 'utf8');
  const found = text.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  if (found === undefined) throw new Error(`docs/extending.md has no section "${section}"`);
  return [...found.matchAll(/^(?:[-*]|\d+\.) `(src\/[^`]+)`/gm)].map(([, path]) => path).sort();
}

/** A copy of the repository with changes in it; gone when disposed of. */
export function applyToCopy(...changes: readonly Pick<Change, 'folder' | 'edits'>[]): { dir: string } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-extending-'));
  const copy = { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
  try {
    for (const name of copied) cpSync(join(root, name), join(dir, name), { recursive: true });
    symlinkSync(join(root, 'node_modules'), join(dir, 'node_modules'));
    for (const { folder, edits } of changes) {
      if (existsSync(treeOf(folder))) lay(treeOf(folder), dir);
      for (const edit of edits) applyEdit(dir, edit);
    }
    // Results of the tests of a copy are nobody else's.
    mkdirSync(join(dir, '.vite'));
    writeFileSync(join(dir, 'vitest.copy.ts'), vitestOfCopy);
  } catch (error) {
    copy[Symbol.dispose]();
    throw error;
  }
  return copy;
}

/** Lays a tree over the copy. Its migrations come after those that are there: two changes may share a copy. */
function lay(tree: string, dir: string): void {
  for (const file of filesBelow(tree)) {
    const [, folder, name] = /^(.*\/migrations\/)\d{4}(_.*)$/.exec(file) ?? [];
    const taken = name === undefined ? 0 : readdirSync(join(dir, folder)).filter((each) => /^\d{4}_/.test(each)).length;
    const to = name === undefined ? file : `${folder}${String(taken + 1).padStart(4, '0')}${name}`;
    cpSync(join(tree, file), join(dir, to), { recursive: true });
  }
}

const vitestOfCopy = `import config from './vitest.config.ts';
export default { ...config, cacheDir: '.vite', test: { ...config.test, globalSetup: [], maxWorkers: 1 } };
`;

function applyEdit(dir: string, { file, find, replace }: Edit): void {
  const path = join(dir, file);
  const parts = readFileSync(path, 'utf8').split(find);
  if (parts.length !== 2)
    throw new Error(`${file} holds the text to edit ${parts.length - 1} times, not once:\n${find}`);
  writeFileSync(path, parts.join(replace));
}

/** The compiler, the house rules and the tests of the change, on the copy; throws what they print when one fails. */
export async function proveOnCopy(dir: string, tests: readonly string[]): Promise<void> {
  await run(dir, ['tsc', '-p', '.']);
  const files = ['test/house-rules.test.ts', ...tests];
  await run(dir, ['vitest', 'run', '--config', 'vitest.copy.ts', '--reporter', 'dot', ...files]);
}

async function run(cwd: string, [program, ...words]: readonly string[]): Promise<void> {
  const bin = join(root, 'node_modules', '.bin');
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST')));
  const child = spawn(join(bin, program), words, {
    cwd,
    env: { ...env, PATH: `${bin}${delimiter}${env.PATH}`, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => printed.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${code}:\n${Buffer.concat(printed)}`);
}

function treeOf(folder: string): string {
  return join(import.meta.dirname, folder, 'tree');
}

function filesBelow(tree: string): string[] {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(tree, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}
