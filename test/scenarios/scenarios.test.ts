import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { foldLog } from '../oracle/fold.ts';
import { options } from '../oracle/story.ts';
import { checkScenario, parseScenario } from './scenario.ts';

const folder = import.meta.dirname;
const names = readdirSync(folder).filter((name) => name.endsWith('.scenario'));

test.each(names)('the oracle tells %s', (name) => {
  const scenario = parseScenario(readFileSync(`${folder}/${name}`, 'utf8'));
  expect(checkScenario(scenario, foldLog(scenario.records, options))).toEqual([]);
});

test('an expectation that does not hold is told, and a line that cannot be read is named', () => {
  const scenario = parseScenario('at 2026-03-01T00:00:00Z\nevent impression\nexpect 2 daily\nexpect no daily');
  expect(checkScenario(scenario, foldLog(scenario.records, options))).toHaveLength(2);
  expect(() => parseScenario('at 2026-03-01T00:00:00Z\nsing')).toThrow('line 2');
});
