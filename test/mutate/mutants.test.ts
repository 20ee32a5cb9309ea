import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Mutant, mutantsOf, withMutant } from '../../scripts/mutate/mutants.ts';
import { relatedTests } from '../../scripts/mutate/related.ts';
import { Results, scoreOf } from '../../scripts/mutate/results.ts';

const text = `import assert from 'node:assert';
import type { Some } from './some.ts';
export interface Wide { readonly length: 3 }
export function narrow(a: number, list: Some[]): number | null {
  assert(a > 0, 'no bug of ours');
  if (a <= 7 && !list.includes(a)) throw new RangeError(\`not \${a + 1}\`);
  for (let i = 0; i < a; i++) list.push(i - 1);
  return list.at(2) ?? null;
}
`;

function inFolder<T>(look: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'paceline-mutants-'));
  try {
    return look(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

const shown = ({ line, kind, before, after }: Mutant) => `${line} ${kind}: ${before} → ${after}`;

test('the lies that a file can be made to tell: none in types, assertions and messages', () => {
  const found = inFolder((dir) => {
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: { noEmit: true }, include: ['*.ts'] }));
    writeFileSync(join(dir, 'narrow.ts'), text);
    return mutantsOf(dir, ['narrow.ts']);
  });
  expect(found.map(shown)).toEqual([
    '6 condition: a <= 7 && !list.includes(a) → true',
    '6 condition: a <= 7 && !list.includes(a) → false',
    '6 logic: && → ||',
    '6 boundary: <= → <',
    '6 comparison: <= → >',
    '6 constant: 7 → (7 + 1)',
    '6 logic: !list.includes(a) → list.includes(a)',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as it stands in the file.
    '6 removal: throw new RangeError(`not ${a + 1}`); → ;',
    '7 condition: i < a → false',
    '7 constant: 0 → 1',
    '7 boundary: < → <=',
    '7 comparison: < → >=',
    '7 arithmetic: i++ → i--',
    '7 removal: list.push(i - 1); → ;',
    '7 arithmetic: - → +',
    '7 constant: 1 → (1 + 1)',
    '8 return: list.at(2) ?? null → undefined as never',
    '8 logic: list.at(2) ?? null → list.at(2)',
    '8 constant: 2 → (2 + 1)',
  ]);
  const changed = found.map((mutant) => withMutant(text, mutant));
  expect(new Set([text, ...changed]).size).toBe(1 + found.length);
  expect(() => withMutant(`${text.slice(0, 40)}//${text.slice(40)}`, found[0])).toThrow('the file changed');
});

test('a run that was killed goes on where it was, and its last half line counts for nothing', () => {
  const mutant = {
    file: 'src/a/b.ts',
    line: 1,
    column: 1,
    kind: 'constant',
    from: 0,
    to: 1,
    before: '1',
    after: '2',
  } as const;
  inFolder((dir) => {
    const path = join(dir, 'out', 'mutants.jsonl');
    const noticed = { ...mutant, digest: 'd', noticedBy: 'test/a.test.ts > b', seconds: 1 };
    new Results(path).add(noticed);
    writeFileSync(path, '{"file":"src/a', { flag: 'a' });
    const again = new Results(path);
    again.add({ ...noticed, file: 'src/d/e.ts' });
    expect(new Results(path).noticedIn('src/d/e.ts').size).toBe(1);
    expect(again.get(mutant, 'd')).toEqual(noticed);
    expect(again.get(mutant, 'another text')).toBeUndefined();
    expect(again.get({ ...mutant, after: '3' }, 'd')).toBeUndefined();
    expect(again.noticedIn('src/a/b.ts')).toEqual(new Map([['test/a.test.ts', 10]]));
    expect(again.noticedIn('src/a/c.ts')).toEqual(new Map([['test/a.test.ts', 1]]));
    expect(again.noticedIn('src/c/b.ts').size).toBe(0);
    expect(scoreOf([noticed, { ...noticed, noticedBy: null }, { ...noticed, noticedBy: 'timeout' }])).toBe(66.6);
    expect(scoreOf([])).toBeNull();
  });
});

test('tests are related to what they import, however far', () => {
  const related = relatedTests(join(import.meta.dirname, '..', '..'));
  expect(related.get('src/model/whole.ts')?.get('test/model/whole.test.ts')).toBe(1);
  expect(related.get('src/pacing/pacing.ts')?.get('test/topology/campaign-lane-oracle.test.ts')).toBeGreaterThan(2);
  expect(related.get('src/pacing/pacing.ts')?.has('test/model/whole.test.ts')).toBe(false);
});
