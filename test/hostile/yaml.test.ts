import { expect, test } from 'vitest';
import { formatProblem } from '../../src/control/config/problem.ts';
import { readYaml } from '../../src/control/config/yaml-document.ts';
import { draftsOfRows } from '../../src/plans/postgres/drafts-of-rows.ts';
import { pipelineRow, planRows, ruleRow, ruleText } from '../plans/postgres/rows.ts';

const problemsOf = (text: string) =>
  readYaml('x.yaml', text, ({ value }) => value).problems.map((problem) => formatProblem(problem));

const levels = 'abcdefgh';
/** Nine aliases of the line before, line by line: 9^8 values in 300 bytes. */
const bomb = [...levels]
  .map(
    (name, i) =>
      `${name}: &${name} [${Array(9)
        .fill(i === 0 ? 'x' : `*${levels[i - 1]}`)
        .join()}]`,
  )
  .join('\n');

const large = 100_000;
/** What a person or a tenant may hand us as YAML: each is one problem in our words, soon. */
const texts: Readonly<Record<string, readonly [text: string, words: RegExp]>> = {
  'a bomb of aliases': [bomb, /stands for more than 100000 values/],
  'an alias of what it stands in': ['a: &a [*a]', /nests deeper than 64/],
  'an alias of nothing': ['a: *b', /^x\.yaml:1:4: no value before this has the anchor &b$/],
  'an alias of what comes later': ['a: *b\nb: &b 1', /no value before this/],
  'brackets without end': ['['.repeat(large), /nests too deep/],
  'braces without end': ['{a: '.repeat(large / 4), /nests too deep/],
  'dashes without end': ['- '.repeat(large / 2), /nests too deep/],
  'a mapping of as many keys as fit': [Array.from({ length: large / 9 }, (_, i) => `a${i}: 1`).join('\n'), /^never$/],
  'more than fits': [`a: "${'x'.repeat(2_000_000)}"`, /^x\.yaml:1:1: is longer than 1048576 bytes$/],
  'two documents': ['a: 1\n---\nb: 1', /a second document begins here/],
  'a key twice': ['a: 1\na: 2', /^x\.yaml:2:1: key "a" stands here twice$/],
  'a key that is a list': ['? [a]\n: 1', /^x\.yaml:1:3: a key must be a text$/],
  'the prototype': ['__proto__: {}', /may not be named __proto__/],
  'a tag': ['a: !!js/function x', /tags \(!name\) mean nothing here/],
  'a tab': ['a:\n\tb: 1', /YAML indents with spaces/],
  'two keys on a line': ['a: b: c', /a second "key:" stands on the line/],
  'a quote that never ends': ['a: "b', /something is missing here/],
  'an escape that is none': ['a: "\\d"', /write \\\\ for a backslash/],
};

test.each(Object.entries(texts))('%s', (_, [text, words]) => {
  const started = performance.now();
  const problems = problemsOf(text);
  if (words.source === '^never$') expect(problems).toEqual([]);
  else expect(problems[0]).toMatch(words);
  // Bounded work, however slow the machine: a second is what the slowest takes ten times over.
  expect(performance.now() - started).toBeLessThan(10_000);
});

test('anchors and aliases that people mean are read', () => {
  const { value, problems } = readYaml('x.yaml', 'a: &a { b: 1 }\nc: *a\nd: [*a, *a]', (scalar) => scalar.value);
  expect(problems).toEqual([]);
  expect(value).toEqual({ a: { b: 1 }, c: { b: 1 }, d: [{ b: 1 }, { b: 1 }] });
});

test("a tenant's bomb is the tenant's alone, in settings as in a rule", () => {
  const read = draftsOfRows(
    planRows(
      {
        pipelines: [pipelineRow('acme', bomb)],
        rules: [ruleRow('bolt', 'mine', bomb), ruleRow('calm', 'mine', ruleText('mine'))],
      },
      ['acme', 'bolt', 'calm'],
    ),
  );
  expect(read.drafts.map(({ draft }) => draft.org_id)).toEqual(['_default', 'calm']);
  expect(read.refused.map(({ orgId, problems }) => [orgId, problems.length > 0])).toEqual([
    ['acme', true],
    ['bolt', true],
  ]);
});
