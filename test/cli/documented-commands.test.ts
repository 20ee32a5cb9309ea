import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { parseCall } from '../../src/cli/parse-call.ts';

// Whoever follows a page types what it says (semantics.md, which is of no commands, has words like theirs): every command on it is one of ours, with words and flags that it knows.
const root = join(import.meta.dirname, '../..');
const pages = [
  'README.md',
  ...['docs', 'docs/runbooks'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md') && name !== 'semantics.md')
      .map((name) => `${folder}/${name}`),
  ),
];
/** Commands whose first word is a verb of theirs: "lake silver" is said for short. */
const groups = ['lake', 'tier'];

interface Found {
  readonly text: string;
  readonly words: string[];
  /** In the middle of a sentence, where what it works on may go without saying. */
  readonly isInline: boolean;
}

/** Commands in the text and in the blocks of a page. */
function commandsOf(page: string): Found[] {
  const found: Found[] = [];
  const take = (line: string, isInline: boolean): void => {
    const text = line.replace(/\s+#\s.*$/, '').trim();
    const words = wordsOf(
      text.replace(/^(?:\$\s+)?(?:\w+='?[^ ]*'? )*/, '').replace(/^npm run (?:-s )?paceline -- /, 'paceline '),
    );
    const isOurs = words[0] === 'paceline' && words.length > 1;
    const isShort = groups.includes(words[0]) && words.length > 1;
    if (isOurs || isShort) found.push({ text, words: isOurs ? words.slice(1) : words, isInline });
  };
  const blocks = page.split(/^```/m);
  for (const [at, block] of blocks.entries()) {
    if (at % 2 === 0) for (const [, code] of block.matchAll(/`([^`\n]+)`/g)) take(code, true);
    else if (/^(sh|bash|console)\b/.test(block))
      for (const line of block.replaceAll('\\\n', ' ').split('\n').slice(1)) take(line, false);
  }
  return found;
}

/** As a shell parts them; what follows a pipe, a redirection or another command is not ours. */
function wordsOf(line: string): string[] {
  const words: string[] = [];
  for (const [, double, single, bare] of line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)) {
    if (bare !== undefined && /^([|<>&;]|2>|&&)/.test(bare)) break;
    words.push(double ?? single ?? bare);
  }
  return words;
}

function problemOf({ words: [name, ...args], isInline }: Found): string | null {
  const command = commands.find((one) => one.name === name);
  if (name === 'COMMAND') return null;
  if (command === undefined) return `there is no command "${name}"`;
  // What is left out, and numbers that the reader is to put in.
  const given = args
    .filter((arg) => !/^[[(]?(…|\.\.\.)[\])]?$/.test(arg))
    .map((arg) => (/^(N|NUMBER|K)$/.test(arg) ? '1' : arg));
  const isLeftOut = isInline || given.length < args.length;
  try {
    const [word] = parseCall(command, given).words;
    if (groups.includes(name) && word !== undefined && !command.words?.doc.includes(word))
      return `there is no "${name} ${word}"`;
    return null;
  } catch (error) {
    const words = (error as Error).message;
    return isLeftOut && words.includes(' needs ') ? null : words;
  }
}

test('every command that a page names is one that paceline takes', () => {
  const problems: string[] = [];
  let count = 0;
  for (const page of pages)
    for (const found of commandsOf(readFileSync(join(root, page), 'utf8'))) {
      count += 1;
      const problem = problemOf(found);
      if (problem !== null) problems.push(`${page}: ${found.text}: ${problem}`);
    }
  expect(problems).toEqual([]);
  expect(count).toBeGreaterThan(150);
});

test('the check can fail', () => {
  const page =
    'Run `paceline lake silver --dry` or `lake sliver`.\n\n```sh\nX=1 paceline tear run --data ./data # now\npaceline lake restore acme \\\n  2026-03-02 --data ./data | head\n```\n';
  const found = commandsOf(page);
  expect(found.map(({ words }) => words.join(' '))).toEqual([
    'lake silver --dry',
    'lake sliver',
    'tear run --data ./data',
    'lake restore acme 2026-03-02 --data ./data',
  ]);
  expect(found.map(problemOf)).toEqual([
    expect.stringContaining('--dry'),
    'there is no "lake sliver"',
    'there is no command "tear"',
    null,
  ]);
});
