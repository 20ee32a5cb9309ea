import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/event-codec.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import { type KindName, kinds } from '../../src/events/kinds.ts';
import { readRule } from '../../src/plans/rule-file.ts';
import { readTests } from '../../src/replay/rule-tests/read-tests.ts';
import { testLines } from '../../src/replay/rule-tests/report.ts';
import { runTest, type TestResult } from '../../src/replay/rule-tests/run-test.ts';
import { mutantsOf } from './mutate-rule.ts';

const directory = join(import.meta.dirname, '../../config/rules');
const testOf = (name: string) => join(directory, 'tests', name.replace('.yaml', '.test.yaml'));
const files = readdirSync(directory).filter((name) => name.endsWith('.yaml') && existsSync(testOf(name)));

/** Mutants that no test can tell from the rule, with the reason. */
const equal: Readonly<Record<string, string>> = {};

test.each(files)('the tests of %s pass, and each of its numbers is held by one of them', async (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  const failures = (await results(name, text)).filter((result) => result.failures.length > 0);
  expect(testLines([{ file: name, rules: [], tests: failures.map((each) => ({ ...each, ms: 0 })) }])).toEqual([]);
  const alive: string[] = [];
  for (const mutant of mutantsOf(text)) {
    const isEqual = Object.hasOwn(equal, `${name} ${mutant.name}`);
    if (!isEqual && !(await isCaught(name, mutant.text))) alive.push(mutant.name);
  }
  expect(alive).toEqual([]);
});

async function isCaught(name: string, text: string): Promise<boolean> {
  for await (const { failures } of run(name, text)) if (failures.length > 0) return true;
  return false;
}

async function results(name: string, text: string): Promise<TestResult[]> {
  const all: TestResult[] = [];
  for await (const result of run(name, text)) all.push(result);
  return all;
}

async function* run(name: string, text: string): AsyncIterable<TestResult> {
  const { read, problems } = readRule(name, text);
  if (read === undefined) throw new Error(`${text}\n${problems[0].message}`);
  const file = testOf(name);
  const found = readTests(file, readFileSync(file, 'utf8'), [read], schemaOf);
  expect(found.problems).toEqual([]);
  for (const each of found.tests) {
    const { result, problems } = await runTest(each, makeEventCodec('jsonl').makeDecoder());
    expect(problems).toEqual([]);
    yield result;
  }
}

function schemaOf(kind: string) {
  return Object.hasOwn(kinds, kind) ? readerSchema(kind as KindName) : undefined;
}
