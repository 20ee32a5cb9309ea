import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeEventCodec } from '../../src/adapters/log/event-codec.ts';
import { readerSchema } from '../../src/decoders/event-schemas.ts';
import { type KindName, kinds } from '../../src/events/kinds.ts';
import { type ReadRule, readRule } from '../../src/plans/rule-file.ts';
import { planRecordAt } from '../../src/replay/chosen-plans.ts';
import { type RuleTest, readTests } from '../../src/replay/rule-tests/read-tests.ts';
import { testLines } from '../../src/replay/rule-tests/report.ts';
import { runTest } from '../../src/replay/rule-tests/run-test.ts';
import type { Plan, RulePlan } from '../../src/rules/plan.ts';
import { mutantsOf } from './mutate-rule.ts';

const directory = join(import.meta.dirname, '../../config/rules');
const yamlIn = (folder: string) => readdirSync(join(directory, folder)).filter((name) => name.endsWith('.yaml'));
/** Those in force, and those that are there to be copied. */
const files = [...yamlIn('.'), ...yamlIn('templates').map((name) => `templates/${name}`)];

/** Mutants that nobody can tell from the rule, with the reason. */
const equal: Readonly<Record<string, string>> = {
  'templates/creative-rejected.yaml warning.when: 3.0 → 2.7 (at 30)': 'disapprovals are counted in whole ones',
  'no-delivery.yaml critical.clear: 0.0 → (-1.0) (at 29)':
    'the level is left only once impressions are not 0, and they are never negative',
  'over-pacing.yaml critical.clear: 25.0 → 27.5 (at 67)':
    'the level is left only once the day is 25 above its allowance at most, which is less than 27.5 too',
};

test.each(files)('the tests of %s pass, and each of its numbers is held by one of them', async (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  const rule = ruleOf(name, text).rule;
  const tests = testsOf(name, text);
  const mutants = mutantsOf(text).map((mutant, at) => {
    return { name: mutant.name, rule: { ...ruleOf(name, mutant.text).rule, id: `${rule.id}:${at}` } };
  });
  const caught = new Set<string>();
  for (const each of tests) {
    const { result, problems } = await runTest(
      withRules(each, [rule, ...mutants.map((mutant) => mutant.rule)]),
      decoder(),
    );
    expect(problems).toEqual([]);
    const own = result.failures.filter(({ of }) => of.split(' ')[0] === rule.id);
    const failed = { ...result, failures: own, timeline: [], ms: 0 };
    expect(own.length === 0 ? [] : testLines([{ file: name, rules: [], tests: [failed] }])).toEqual([]);
    for (const { of } of result.failures) caught.add(of.split(' ')[0]);
  }
  const alive = mutants.filter((mutant) => !caught.has(mutant.rule.id)).map((mutant) => mutant.name);
  expect(alive.filter((mutant) => !Object.hasOwn(equal, `${name} ${mutant}`))).toEqual([]);
});

test('every mutant that is listed as equal is one', () => {
  const all = files.flatMap((name) =>
    mutantsOf(readFileSync(join(directory, name), 'utf8')).map((each) => `${name} ${each.name}`),
  );
  expect(all.length).toBeGreaterThan(100);
  for (const name of Object.keys(equal)) expect(all).toContain(name);
});

/** The test with all these rules in force at once, each judged by the expectations: events are played once for all. */
function withRules(ruleTest: RuleTest, rules: readonly RulePlan[]): RuleTest {
  const [planned, ...records] = ruleTest.story.records;
  const { body } = JSON.parse(Buffer.from(planned.value ?? []).toString()) as { body: string };
  const sorted = rules.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const plan: Plan = { ...(JSON.parse(body) as Plan), rules: sorted };
  return {
    ...ruleTest,
    story: { ...ruleTest.story, records: [planRecordAt(planned, plan), ...records] },
    expectations: rules.flatMap(({ id }) => ruleTest.expectations.map((each) => ({ ...each, rule: id }))),
  };
}

function testsOf(name: string, text: string): readonly RuleTest[] {
  const path = join(directory, name);
  const file = join(dirname(path), 'tests', basename(path).replace('.yaml', '.test.yaml'));
  const found = readTests(file, readFileSync(file, 'utf8'), [ruleOf(name, text)], schemaOf);
  expect(found.problems).toEqual([]);
  return found.tests;
}

function ruleOf(name: string, text: string): ReadRule {
  const { read, problems } = readRule(name, text);
  if (read === undefined) throw new Error(`${text}\n${problems[0].message}`);
  return read;
}

function schemaOf(kind: string) {
  return Object.hasOwn(kinds, kind) ? readerSchema(kind as KindName) : undefined;
}

function decoder() {
  return makeEventCodec('jsonl').makeDecoder();
}
