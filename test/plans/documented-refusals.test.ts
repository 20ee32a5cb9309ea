import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// Whoever writes a plan finds every sentence that refuses it in docs/rules.md: the sentences are read from the source.
const root = join(import.meta.dirname, '..', '..');
const refused = readFileSync(join(root, 'docs', 'rules.md'), 'utf8').split('## What is refused')[1];

const files = ['src/rules', 'src/plans'].flatMap((folder) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ path: `${folder}/${name}`, text: readFileSync(join(root, folder, name), 'utf8') })),
);

/** Where a sentence that refuses stands; the first group is the sentence with its quotes. */
const sayings = [
  /new (?:PlanProblem|ConditionProblem)\(\s*(`[^`]*`|'(?:[^'\\]|\\.)*')/g,
  /\.(?:refine|length)\([^;]*?,\s*('(?:[^'\\]|\\.)*')\)/g,
  /\.regex\([^;]*?,\s*('(?:[^'\\]|\\.)*')\)/g,
  /message: (`[^`]*`|'(?:[^'\\]|\\.)*')/g,
  /say\(\s*\[[^\]]*\],\s*(`[^`]*`|'(?:[^'\\]|\\.)*')/g,
  /return ('(?:[^'\\]|\\.)*(?:missing|closed)[^']*')/g,
];

/** The fixed parts of a sentence, without what it puts in. */
function partsOf(sentence: string): string[] {
  return sentence
    .slice(1, -1)
    .split(/\$\{[^}]*\}/)
    .map((part) => part.replace(/^[\s;,.:"]+|[\s;,.:"(]+$/g, ''))
    .filter((part) => part.length > 3);
}

const sentences = files.flatMap(({ path, text }) =>
  sayings.flatMap((saying) => [...text.matchAll(saying)].map(([, sentence]) => ({ path, sentence }))),
);

test('every sentence with which a plan is refused is written down', () => {
  expect(sentences.length).toBeGreaterThan(45);
  const missing = sentences.filter(({ sentence }) => partsOf(sentence).some((part) => !refused.includes(part)));
  expect(missing.map(({ path, sentence }) => `${path}: ${sentence}`)).toEqual([]);
});
