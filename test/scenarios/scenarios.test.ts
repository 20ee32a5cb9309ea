import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { options } from '../oracle/story.ts';
import { drives, runScenario } from './run-scenario.ts';
import { checkScenario, parseScenario } from './scenario.ts';

const folder = import.meta.dirname;
const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.scenario'))
  .sort();

/** What the oracle makes of each is worked out once: it is the slower of the two. */
const told = new Map<string, ReturnType<typeof tell>>();

function tell(name: string) {
  const scenario = parseScenario(readFileSync(`${folder}/${name}`, 'utf8'));
  return { scenario, expected: foldLog(scenario.records, options) };
}

function toldOf(name: string): ReturnType<typeof tell> {
  const found = told.get(name) ?? tell(name);
  told.set(name, found);
  return found;
}

test.each(names)('the oracle tells %s', (name) => {
  const { scenario, expected } = toldOf(name);
  expect(checkScenario(scenario, expected)).toEqual([]);
});

describe.each(Object.entries(drives))('the engine, %s,', (_, drive) => {
  test.each(names)(
    'tells %s, to the last column as the oracle does',
    (name) => {
      const { scenario, expected } = toldOf(name);
      const tables = runScenario(scenario.records, drive);
      expect(checkScenario(scenario, tables)).toEqual([]);
      expect(compareTables(expected, tables)).toEqual([]);
    },
    180_000,
  );
});

test('an expectation that does not hold is told, and a line that cannot be read is named', () => {
  const scenario = parseScenario('at 2026-03-01T00:00:00Z\nevent impression\nexpect 2 daily\nexpect no daily');
  expect(checkScenario(scenario, foldLog(scenario.records, options))).toHaveLength(2);
  expect(() => parseScenario('at 2026-03-01T00:00:00Z\nsing')).toThrow('line 2');
});
