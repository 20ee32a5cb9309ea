import { expect, test } from 'vitest';
import { type DemoModel, foldUnknown, renderFrame } from '../../src/cli/demo/demo-view.ts';
import { progressLine } from '../../src/cli/progress.ts';

const model: DemoModel = {
  title: 'Paceline demo',
  clockMs: Date.UTC(2026, 10, 2, 13, 45),
  elapsedS: 12.7,
  records: 123_456,
  recordsPerSecond: 9_876.4,
  deadLetters: 17,
  campaigns: [
    { campaign: 'steady', status: 'on_track', spentRatio: 0.5, expectedRatio: 0.5, osiPct: 100.4 },
    { campaign: 'falls-behind', status: 'severely_behind', spentRatio: 0.1, expectedRatio: 0.6, osiPct: 16.7 },
    { campaign: 'overspends', status: 'exhausted', spentRatio: 1.2, expectedRatio: 0.9, osiPct: 133 },
    { campaign: 'a-campaign-with-a-long-name', status: 'warming_up', spentRatio: 0, expectedRatio: null, osiPct: null },
  ],
  alerts: [
    {
      atMs: Date.UTC(2026, 10, 2, 13, 40),
      state: 'firing',
      level: 'critical',
      rule: 'underpacing',
      subject: 'falls-behind',
      summary: 'OSI 16.7 % for 30 min.',
    },
  ],
  link: 'Console: http://127.0.0.1:8687/console#token=a-token-of-thirty-two-characters',
  hint: 'Ctrl+C stops.',
};

test('a frame reads like this', () => {
  expect(`\n${renderFrame(model, 100, (_, text) => text).join('\n')}\n`).toBe(`
Paceline demo   2026-11-02 13:45Z
123.5k records  9876/s  17 dead letters  12 s

campaign           spent                               OSI  status
steady             [###############|..............]  100 %  on_track
falls-behind       [###...............|...........]   17 %  severely_behind
overspends         [###########################|##]  133 %  exhausted
a-campaign-with-a- [..............................]      -  warming_up

alerts
  2026-11-02 13:40Z  firing critical   falls-behind  underpacing: OSI 16.7 % for 30 min.

Console: http://127.0.0.1:8687/console#token=a-token-of-thirty-two-characters
Ctrl+C stops.
`);
});

test('rules that all lose their source at once are one line', () => {
  const unknown = { ...model.alerts[0], state: 'no_data', level: 'none' };
  const folded = foldUnknown([
    model.alerts[0],
    unknown,
    { ...unknown, rule: 'exhausted' },
    { ...unknown, subject: 'other' },
  ]);
  expect(folded.map(({ state, subject, rule }) => [state, subject, rule])).toEqual([
    ['firing', 'falls-behind', 'underpacing'],
    ['no_data', 'falls-behind', '2 rules'],
    ['no_data', 'other', 'underpacing'],
  ]);
});

test('no line is wider than the terminal, and nothing to show is said', () => {
  const empty = { ...model, campaigns: [], alerts: [], clockMs: null };
  for (const frame of [model, empty])
    for (const line of renderFrame(frame, 40, (_, text) => text)) expect(line.length).toBeLessThanOrEqual(40);
  expect(renderFrame(empty, 100, (_, text) => text)).toContain('  none yet');
  expect(renderFrame(model, 40, (_, text) => text)).toContain('Console: http://127.0.0.1:8687/console');
});

test('progress shows rate and time left', () => {
  expect(progressLine('reading', 1_200_000, 5_000_000, 4_000)).toBe('reading 1.2M of 5.0M (24 %), 300.0k/s, 13 s left');
  expect(progressLine('reading', 10, null, 1_000)).toBe('reading 10, 10/s');
  expect(progressLine('reading', 0, 100, 0)).toBe('reading 0 of 100 (0 %), 0/s');
});
