import { expect, test } from 'vitest';
import { eventValues } from '../../src/rules/event-values.ts';
import { maturedValues } from '../../src/rules/matured-values.ts';
import { measures } from '../../src/rules/measures.ts';
import { randomSource } from '../operators/random-world.ts';
import { printTables, runLane, whole } from '../operators/run-lane.ts';
import { weeksOf } from '../operators/weeks-world.ts';
import { compareTables } from '../oracle/compare.ts';
import { foldLog } from '../oracle/fold.ts';
import { tableRows } from '../oracle/rows.ts';
import { seedsFrom } from '../soak.ts';
import { toLogRecord, toOracleEvent } from './to-oracle.ts';

const seeds = seedsFrom(7_100, 4, 120);
/** What evaluations said of each name, over all seeds. */
const seen = new Map<string, Set<string>>();

test.each(seeds)(
  'over seven weeks the engine and the oracle agree on every window, also after crashes (seed %i)',
  (seed) => {
    const records = weeksOf(seed);
    const expected = foldLog(records.map(toLogRecord), {
      partitions: 1,
      generation: 1,
      decode: ({ offset }) => toOracleEvent(records[offset]),
    });
    const final = runLane(records, whole);
    expect(compareTables(expected, tableRows(final), { show: 10 }), `seed ${seed}`).toEqual([]);
    const random = randomSource(seed);
    const crashing = {
      batch: () => 1 + Math.floor(random() * 400),
      commits: () => true,
      crashes: () => random() < 0.5,
    };
    expect(printTables(runLane(records, crashing)), `seed ${seed}`).toBe(printTables(final));
    for (const { values } of expected.rule_evaluations)
      for (const [name, value] of Object.entries(JSON.parse(String(values))))
        seen.set(name, (seen.get(name) ?? new Set()).add(JSON.stringify(value)));
  },
);

test('these worlds have something to say of every measure, and of the weeks before', () => {
  const told = [...seen].filter(([, values]) => values.size > 2).map(([name]) => name);
  const isTold = (start: string) => told.some((name) => name.startsWith(start) && !/[a-z_]/.test(name[start.length]));
  const missing = [...measures.keys()].filter((name) => !isTold(`m.${name}_`) && !isTold(`b.${name}_`));
  expect(missing).toEqual([]);
  for (const name of [...Object.keys(eventValues), 'c.labels.tier'])
    expect(
      [...(seen.get(name) ?? [])].filter((value) => value !== 'null'),
      name,
    ).not.toEqual([]);
  for (const name of Object.keys(maturedValues)) expect(isTold(`m.${name}_`), name).toBe(true);
  for (const window of ['_\\d+h_', '_\\d+h_daily_', '_1d_daily_', 'd_peers_'])
    expect(
      told.filter((name) =>
        new RegExp(`^b\\..*${window}(median|mean|ewma|score|ratio|mad|prev_day|prev_week)`).test(name),
      ),
      window,
    ).not.toEqual([]);
  for (const statistic of ['prev_week', 'prev_day', 'now', 'n', 'mean', 'ewma', 'median', 'mad', 'ratio', 'score'])
    expect(
      told.some((name) => name.endsWith(`_${statistic}`)),
      statistic,
    ).toBe(true);
});
