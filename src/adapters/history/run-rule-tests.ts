import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError, type Problem } from '../../control/config/problem.ts';
import { readerSchema } from '../../decoders/event-schemas.ts';
import { type KindName, kinds } from '../../events/kinds.ts';
import { EngineError } from '../../model/errors.ts';
import { readTextFile } from '../../model/read-text.ts';
import type { Clock } from '../../model/time.ts';
import { readRules, testFilePattern } from '../../plans/plan-files.ts';
import type { ReadRule } from '../../plans/rule-file.ts';
import { type ReadTests, readTests } from '../../replay/rule-tests/read-tests.ts';
import { type FileResult, junitText, testLines } from '../../replay/rule-tests/report.ts';
import { runTest } from '../../replay/rule-tests/run-test.ts';
import { makeEventCodec } from '../log/event-codec.ts';

interface TestChoice {
  /** Files and directories of tests; none = those of the rules directory. */
  readonly paths: readonly string[];
  readonly rulesDirectory: string;
  /** Rules of this directory in place of those beside each file. */
  readonly rules?: string;
  /** Only tests whose name holds this text. */
  readonly only?: string;
}

export interface RuleTestRun {
  readonly files: readonly FileResult[];
  readonly passed: number;
  readonly failed: number;
  readonly lines: readonly { readonly line: string; readonly isBad: boolean }[];
  readonly junit: string;
}

/**
 * Runs rule tests. All files are read before anything runs: one mistake in any of them throws a ConfigError that
 * lists every mistake of all, records that the engine refuses among them.
 */
export async function runRuleTests(choice: TestChoice, clock: Clock): Promise<RuleTestRun> {
  const files = testFiles(choice);
  const rulesOf = rulesReader(choice);
  const read = files.map((file) => readOne(file, rulesOf));
  const problems = [...rulesOf.problems, ...read.flatMap((each) => each.problems)];
  if (problems.length > 0) throw new ConfigError(problems);
  const results: FileResult[] = [];
  for (const { file, rules, tests } of read) {
    const chosen = tests.filter(({ name }) => choice.only === undefined || name.includes(choice.only));
    const done: FileResult['tests'][number][] = [];
    for (const test of chosen) {
      const start = clock.steadyMs();
      const { result, problems: refused } = await runTest(test, makeEventCodec('jsonl').makeDecoder());
      problems.push(...refused);
      done.push({ ...result, ms: clock.steadyMs() - start });
    }
    if (done.length > 0) results.push({ file, rules, tests: done });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return summary(results, choice);
}

function summary(files: readonly FileResult[], { only }: TestChoice): RuleTestRun {
  const all = files.flatMap(({ tests }) => tests);
  if (all.length === 0) throw new EngineError('USAGE', `no test has "${only ?? ''}" in its name`);
  const failed = all.filter(({ failures }) => failures.length > 0).length;
  return { files, passed: all.length - failed, failed, lines: testLines(files), junit: junitText(files) };
}

/** What `check` wants to know of the tests of a rules directory; problems have their places, nothing is run. */
export function readRuleTests(rulesDirectory: string): {
  problems: readonly Problem[];
  tested: ReadonlySet<string>;
  tests: number;
} {
  const choice = { paths: [], rulesDirectory };
  const files = filesIn(rulesDirectory);
  const rulesOf = rulesReader(choice);
  const read = files.map((file) => readOne(file, rulesOf));
  const tested = new Set(read.flatMap(({ tests }) => tests.flatMap(({ rules }) => rules)));
  const tests = read.reduce((sum, each) => sum + each.tests.length, 0);
  return { problems: read.flatMap(({ problems }) => problems), tested, tests };
}

interface RulesReader {
  (directory: string): readonly ReadRule[];
  readonly problems: Problem[];
}

function rulesReader({ rules }: TestChoice): RulesReader {
  const known = new Map<string, readonly ReadRule[]>();
  const problems: Problem[] = [];
  const read = (beside: string) => {
    const directory = rules ?? beside;
    const found = known.get(directory) ?? readRules(directory, problems);
    known.set(directory, found);
    return found;
  };
  return Object.assign(read, { problems });
}

function readOne(file: string, rulesOf: RulesReader): ReadTests {
  const directory = dirname(file);
  const beside = basename(directory) === 'tests' ? dirname(directory) : directory;
  return readTests(file, readTextFile(file), rulesOf(beside), schemaOf);
}

function testFiles({ paths, rulesDirectory, rules }: TestChoice): string[] {
  if (paths.length > 0) return paths.flatMap(filesAt);
  const files = filesIn(rulesDirectory);
  if (files.length > 0) return files;
  throw new EngineError(
    'USAGE',
    `${rules ?? rulesDirectory} holds no rule tests: files NAME.test.yaml, there or in ${join(rulesDirectory, 'tests')}`,
  );
}

function filesAt(path: string): string[] {
  if (!existsSync(path)) throw new EngineError('USAGE', `${path} does not exist`);
  if (!statSync(path).isDirectory()) return [path];
  const files = filesIn(path);
  if (files.length === 0) throw new EngineError('USAGE', `${path} holds no rule tests: files NAME.test.yaml`);
  return files;
}

function filesIn(directory: string): string[] {
  return [directory, join(directory, 'tests')]
    .filter((each) => existsSync(each))
    .flatMap((each) =>
      readdirSync(each)
        .filter((name) => testFilePattern.test(name))
        .sort()
        .map((name) => join(each, name)),
    );
}

/** Of every event that a producer may send. */
function schemaOf(kind: string) {
  const isKnown = Object.hasOwn(kinds, kind) && kind !== 'tick' && kind !== 'org_plan';
  return isKnown ? readerSchema(kind as KindName) : undefined;
}
