import { expect, test } from 'vitest';
import { randomRecords, randomSource } from '../operators/random-world.ts';
import { type Drive, printTables, runLane, whole } from '../operators/run-lane.ts';
import { seedsFrom } from '../soak.ts';

const seeds = seedsFrom(1_000, 4, 60);
const count = 3_000;

function drives(seed: number): Record<string, Drive> {
  const random = randomSource(seed);
  const never = () => false;
  return {
    'batches of one': { batch: () => 1, commits: () => random() < 0.1, crashes: never },
    'random batches': { batch: () => 1 + Math.floor(random() * 200), commits: () => random() < 0.5, crashes: never },
    'a crash after every commit': {
      batch: () => 1 + Math.floor(random() * 90),
      commits: () => random() < 0.4,
      crashes: () => true,
    },
    'dictionaries that begin anew': {
      batch: () => 1 + Math.floor(random() * 90),
      commits: () => random() < 0.4,
      crashes: () => random() < 0.1,
      renews: () => random() < 0.5,
    },
  };
}

test.each(seeds)('tables are a function of the log, whatever the batches and crashes (seed %i)', (seed) => {
  const records = randomRecords(seed, count);
  const expected = printTables(runLane(records, whole));
  for (const [name, drive] of Object.entries(drives(seed))) {
    expect(printTables(runLane(records, drive)), `${name}, seed ${seed}`).toBe(expected);
  }
});

test('the worlds are rich enough to mean something', () => {
  const final = runLane(randomRecords(seeds[0], count), whole);
  const sizes = Object.fromEntries(Object.entries(final).map(([name, rows]) => [name, rows.size]));
  for (const [name, size] of Object.entries(sizes)) expect(size, name).toBeGreaterThan(name === 'late_events' ? 0 : 5);
  const worlds = seeds.slice(0, 3).map((seed) => runLane(randomRecords(seed, count), whole));
  const met = (table: 'alert_events' | 'rule_evaluations' | 'pacing_snapshots', column: string) =>
    new Set(worlds.flatMap((world) => [...world[table].values()].map((row) => row[column])));
  const states = [...met('alert_events', 'to_state')];
  for (const state of ['ok', 'pending', 'firing', 'recovering', 'resolved', 'no_data', 'error'])
    expect(states).toContain(state);
  const outcomes = [...met('rule_evaluations', 'outcome')];
  for (const outcome of ['critical', 'warning', 'false', 'insufficient', 'unknown', 'error'])
    expect(outcomes).toContain(outcome);
  for (const mode of ['notify', 'shadow']) expect([...met('alert_events', 'mode')]).toContain(mode);
  expect(met('pacing_snapshots', 'status').size).toBeGreaterThan(8);
});
