import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../test/simulation/random.ts';
import { type Change, Copy } from './mutate/copy.ts';
import { type Mutant, mutantsOf, withMutant } from './mutate/mutants.ts';
import { relatedTests } from './mutate/related.ts';
import { describeMutant, type Result, Results, scoreOf } from './mutate/results.ts';

// Tells small lies in the source, one at a time, and counts those that the tests notice (docs/mutation.md).
const usage = `usage: npm run mutate -- [--files GLOB]... [--sample N] [--seed S] [--out FILE] [--patience SECONDS] [--json]
       [--only survivors]   runs those again that survived in FILE
`;
const { values } = parseArgs({
  options: {
    files: { type: 'string', multiple: true, default: ['src/{operators,model,decoders,pacing,rules}/**/*.ts'] },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'out/mutants.jsonl' },
    patience: { type: 'string', default: '90' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const root = join(import.meta.dirname, '..');
const [seed, patienceS] = [Number(values.seed), Number(values.patience)];
const sample = values.sample === undefined ? Number.POSITIVE_INFINITY : Number(values.sample);
if (![seed, patienceS].every((each) => Number.isInteger(each) && each > 0) || !(sample > 0)) {
  process.stderr.write(usage);
  process.exit(64);
}

/** Those of `test/simulation/universe.test.ts`, which runs them in threads that no mutant of one process reaches. */
const universes = { test: 'test/simulation/universe.test.ts', seeds: 40, limitMs: 3 * 60_000 };

const results = new Results(values.out);
const related = relatedTests(root);
process.exitCode = await run();

async function run(): Promise<number> {
  const files = [...new Set(values.files.flatMap((glob) => globSync(glob, { cwd: root })))].sort();
  const all = mutantsOf(
    root,
    files.map((file) => file.replaceAll('\\', '/')),
  );
  const drawn = drawSample(all).filter((each) => values.only !== 'survivors' || known(each)?.noticedBy === null);
  say(`${all.length} mutants in ${files.length} files, ${drawn.length} drawn with seed ${seed}`);
  const open = drawn.filter((each) => values.only === 'survivors' || known(each) === undefined);
  if (open.length > 0) await tryAll(open, drawn.length - open.length);
  const found = drawn.flatMap((each) => known(each) ?? []);
  report(all.length, found);
  return found.length === drawn.length ? 0 : 1;
}

async function tryAll(open: readonly Mutant[], before: number): Promise<void> {
  await using copy = new Copy(root);
  const durationsMs = await measure(copy, new Set(open.map(({ file }) => file)));
  let done = before;
  for (const mutant of open) {
    const result = await tryOne(copy, mutant, durationsMs);
    results.add(result);
    done += 1;
    if (result.noticedBy === null) say(`${done}: survived ${describeMutant(mutant)}`);
    else if (done % 20 === 0) say(`${done} of ${open.length + before}`);
  }
  await confirm(copy, open.at(-1)?.file ?? '');
}

/** What noticed most still passes without a mutant: had anything broken on the way, all would seem noticed. */
async function confirm(copy: Copy, file: string): Promise<void> {
  const most = [...results.noticedIn(file)].sort(([, a], [, b]) => b - a).slice(0, 5);
  const tests = most.map(([test]) => test).filter((test) => test.endsWith('.test.ts'));
  const answer = await copy.run({ tests, stopsAtFailure: false }, 5 * 60_000, null);
  if (answer === null || answer.failures.length > 0)
    throw new Error(`the results are void, tests fail without a mutant:\n${answer?.failures.join('\n')}`);
  if (!(await copy.holdsInUniverses(universes.seeds, universes.limitMs, null)))
    throw new Error('the results are void, universes fail without a mutant');
}

/** How long each test takes that any of the files is related to; all of them pass as long as nothing is changed. */
async function measure(copy: Copy, files: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  const tests = [...new Set([...files].flatMap((file) => [...(related.get(file)?.keys() ?? [])]))].sort();
  const answer = await copy.run({ tests, stopsAtFailure: false }, 15 * 60_000, null);
  if (answer === null) throw new Error('the tests did not end without a mutant');
  if (answer.failures.length > 0) throw new Error(`tests fail without a mutant:\n${answer.failures.join('\n')}`);
  say(`${tests.length} related test files pass without a mutant`);
  return new Map(Object.entries(answer.durationsMs));
}

async function tryOne(copy: Copy, mutant: Mutant, durationsMs: ReadonlyMap<string, number>): Promise<Result> {
  const beganMs = Date.now();
  const text = readFileSync(join(root, mutant.file), 'utf8');
  const { tests, limitMs } = testsOf(mutant.file, durationsMs);
  const change = { file: mutant.file, text: withMutant(text, mutant) };
  const answer =
    tests.length === 0 ? { failures: [] } : await copy.run({ tests, stopsAtFailure: true }, limitMs, change);
  const noticedBy = answer === null ? 'timeout' : (answer.failures[0] ?? (await noticedInUniverses(copy, change)));
  return { ...mutant, digest: digestOf(text), noticedBy, seconds: Math.round((Date.now() - beganMs) / 100) / 10 };
}

/** What no test of one process noticed may still be wrong in a whole world. */
async function noticedInUniverses(copy: Copy, change: Change): Promise<string | null> {
  const holds = await copy.holdsInUniverses(universes.seeds, universes.limitMs, change);
  return holds === null ? 'timeout' : holds ? null : universes.test;
}

/** Those first that noticed most so far, then the nearest and the quickest; until patience ends. */
function testsOf(file: string, durationsMs: ReadonlyMap<string, number>): { tests: string[]; limitMs: number } {
  const noticed = results.noticedIn(file);
  const rank = ([test, distance]: readonly [string, number]) => {
    const costMs = 100 + (durationsMs.get(test) ?? 0);
    return (costMs * distance) / (1 + (noticed.get(test) ?? 0));
  };
  let spentMs = 0;
  const tests: string[] = [];
  for (const [test] of [...(related.get(file) ?? [])].sort((a, b) => rank(a) - rank(b))) {
    const costMs = durationsMs.get(test) ?? 0;
    if (spentMs + costMs > patienceS * 1_000) continue;
    spentMs += costMs;
    tests.push(test);
  }
  return { tests, limitMs: 20_000 + 4 * spentMs };
}

/** The same mutants for the same seed and the same text. */
function drawSample(all: readonly Mutant[]): Mutant[] {
  const random = new Random(seed);
  const places = all.map((mutant) => ({ mutant, place: random.next() })).sort((a, b) => a.place - b.place);
  return places.slice(0, Math.min(sample, all.length)).map(({ mutant }) => mutant);
}

function known(mutant: Mutant): Result | undefined {
  return results.get(mutant, digestOf(readFileSync(join(root, mutant.file), 'utf8')));
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function report(mutants: number, found: readonly Result[]): void {
  const survivors = found.filter(({ noticedBy }) => noticedBy === null);
  const rooms = Object.groupBy(found, ({ file }) => file.split('/')[1]);
  const byRoom = Object.fromEntries(
    Object.entries(rooms).map(([room, each = []]) => [room, { tried: each.length, score: scoreOf(each) }]),
  );
  const score = scoreOf(found);
  if (values.json) {
    console.log(JSON.stringify({ mutants, seed, tried: found.length, score, byRoom, survivors }, null, 2));
    return;
  }
  for (const each of survivors) console.log(`survived  ${describeMutant(each)}`);
  for (const [room, { tried, score }] of Object.entries(byRoom)) console.log(`${room}: ${score} % of ${tried}`);
  console.log(`${score} % of ${found.length} mutants noticed (of ${mutants}, seed ${seed})`);
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
