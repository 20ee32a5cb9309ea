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

test.each(names)('the oracle tells %s', (name) => {
  const scenario = parseScenario(readFileSync(`${folder}/${name}`, 'utf8'));
  expect(checkScenario(scenario, foldLog(scenario.records, options))).toEqual([]);
});

describe.each(Object.entries(drives))('the engine, %s,', (_, drive) => {
  test.each(names)(
    'tells %s, to the last column as the oracle does',
    (name) => {
      const scenario = parseScenario(readFileSync(`${folder}/${name}`, 'utf8'));
      const tables = runScenario(scenario.records, drive);
      expect(checkScenario(scenario, tables)).toEqual([]);
      expect(compareTables(foldLog(scenario.records, options), tables)).toEqual([]);
    },
    180_000,
  );
});

test('an expectation that does not hold is told, and a line that cannot be read is named', () => {
  const scenario = parseScenario('at 2026-03-01T00:00:00Z\nevent impression\nexpect 2 daily\nexpect no daily');
  expect(checkScenario(scenario, foldLog(scenario.records, options))).toHaveLength(2);
  expect(() => parseScenario('at 2026-03-01T00:00:00Z\nsing')).toThrow('line 2');
});
