import { expect, test } from 'vitest';
import { makeLogger, repeatsMax, repeatWindowMs } from '../../src/control/logs/logger.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { WallTimeMs } from '../../src/model/time.ts';

function open() {
  const lines: Record<string, unknown>[] = [];
  let wall = Date.UTC(2026, 10, 1);
  const clock = { wallMs: () => wall as WallTimeMs, steadyMs: () => wall, sleep: async () => {} };
  const destination = {
    write(line: string): void {
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  };
  const log = makeLogger({ level: 'info', clock, destination });
  return { log, lines, pass: (ms: number) => (wall += ms) };
}

test('a line has its event, level and time, and errors carry their causes', () => {
  const { log, lines } = open();
  const error = new EngineError('SINK_UNAVAILABLE', 'clickhouse is away', { cause: new Error('ECONNREFUSED') });
  log.warn('sink.failed', { sink: 'clickhouse', error });
  expect(lines).toEqual([
    {
      level: 'warn',
      time: '2026-11-01T00:00:00.000Z',
      event: 'sink.failed',
      sink: 'clickhouse',
      error: {
        message: 'clickhouse is away',
        code: 'SINK_UNAVAILABLE',
        cause: expect.objectContaining({ message: 'ECONNREFUSED' }),
      },
    },
  ]);
});

test('secrets are stars', () => {
  const { log, lines } = open();
  log.info('x', { token: 'hunter2', http: { token: 'hunter2', deep: { password: 'hunter2' } } });
  expect(JSON.stringify(lines)).not.toContain('hunter2');
});

test('repeats are held back and counted, others pass', () => {
  const { log, lines, pass } = open();
  for (let i = 0; i < 20; i++) log.warn('sink.failed', { sink: 'clickhouse' });
  log.warn('sink.failed', { sink: 'iceberg' });
  expect(lines).toHaveLength(repeatsMax + 1);
  pass(repeatWindowMs);
  log.warn('sink.failed', { sink: 'clickhouse' });
  expect(lines.at(-1)).toMatchObject({ suppressed: 20 - repeatsMax });
});

test('each organization is told of by itself', () => {
  const { log, lines } = open();
  for (let org = 0; org < 20; org++) log.error('plan.refused', { org_id: `org-${org}` });
  expect(lines).toHaveLength(20);
});

test('the level changes while running', () => {
  const { log, lines } = open();
  log.debug('a');
  log.setLevel('debug');
  log.debug('b');
  expect(lines.map(({ event }) => event)).toEqual(['b']);
});
