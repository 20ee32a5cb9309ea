import { afterEach, expect, test } from 'vitest';
import type { EngineParts } from '../src/adapters/engine-parts.ts';
import { loadConfig } from '../src/adapters/settings.ts';
import { type Engine, type EngineOptions, startEngine } from '../src/app.ts';
import { makeLogger } from '../src/control/logs/logger.ts';
import { EngineError } from '../src/model/errors.ts';
import { publishFact } from '../src/model/facts.ts';
import type { Clock, WallTimeMs } from '../src/model/time.ts';

const lane = { lane: 'ads.events.v1:0', partition: 0 };

/** A clock whose sleeps end when they are aborted, or at once when `isImpatient`. */
function fakeClock(isImpatient = false): Clock {
  return {
    wallMs: () => Date.UTC(2026, 10, 1) as WallTimeMs,
    steadyMs: () => 0,
    sleep: (_, signal) =>
      isImpatient
        ? Promise.resolve()
        : new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  };
}

function fakeParts() {
  const calls: string[] = [];
  let fail: (error: unknown) => void = () => {};
  const parts: EngineParts = {
    generation: 1,
    queries: { url: 'http://127.0.0.1:1', headers: {} },
    start: (onFailure) => {
      calls.push('start');
      fail = onFailure;
    },
    drain: async () => void calls.push('drain'),
    close: async () => void calls.push('close'),
    sinks: () => [],
    undeliveredBytes: () => 3,
    bronze: () => null,
    producer: null,
    applyDrafts: async () => [],
    appendRecords: async () => ({ appended: 0 }),
    standing: () => ({ progress: '', trouble: null }),
    whyNotReady: () => null,
    whyNotLive: () => null,
    serve: async () => null,
    announce: async ({ http, token }) => void calls.push(`announce ${http !== null} ${token.length >= 16}`),
  };
  return { parts, calls, fail: (error: unknown) => fail(error) };
}

let engine: Engine | undefined;
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
});

function start(parts: EngineParts, text = 'http: {port: 0}', options: Partial<EngineOptions> = {}): Promise<Engine> {
  const file = { text };
  const load = () =>
    loadConfig(['/p.yaml'], { world: { env: {}, readFile: () => file.text }, shippedConfigDirectory: '/s' });
  const lines: string[] = [];
  const clock = options.clock ?? fakeClock();
  const log = makeLogger({ level: 'info', clock, destination: { write: (line) => void lines.push(line) } });
  return startEngine(load(), { version: '0.0.0', clock, log, open: async () => parts, ...options });
}

test('starts, serves, drains and stops in order', async () => {
  const { parts, calls } = fakeParts();
  engine = await start(parts);
  publishFact('batch.applied', {
    ...lane,
    records: 7,
    passed: 7,
    accounts: { applied: 7, dead: 0, late: 0, dropped: 0, control: 0, lost: 0, gaps: 0 },
    bytes: 700,
    nextOffset: 7,
    clockMs: 1_000,
  });
  const streams = [{ stream: 'dead_letters', rows: 2 }];
  publishFact('lane.committed', { ...lane, seq: 1, nextOffset: 7, result: 'OK', bytes: 10, streams });
  const get = async (path: string) => (await fetch(`${engine!.addresses.http}${path}`)).text();
  expect(await get('/readyz')).toBe('ok\n');
  expect(JSON.parse(await get('/-/status'))).toMatchObject({
    state: 'running',
    generation: 1,
    undelivered_bytes: 3,
    records: 7,
    dead_letters: 2,
    lanes: [{ lane: 'ads.events.v1:0', next_offset: 7, clock_ms: 1_000, records: 7, paused_for: null }],
  });
  expect(await get('/metrics')).toContain('paceline_lane_clock_timestamp_seconds{partition="0"} 1\n');
  await engine.drain();
  await engine.stop();
  expect(engine.status().state).toBe('stopped');
  expect(calls).toEqual(['announce true true', 'start', 'drain', 'close']);
});

test('a taken port closes what was opened and starts no lane', async () => {
  const first = fakeParts();
  engine = await start(first.parts);
  const port = new URL(engine.addresses.http!).port;
  const second = fakeParts();
  await expect(start(second.parts, `http: {port: ${port}}`)).rejects.toMatchObject({ code: 'PORT_TAKEN' });
  expect(second.calls).toEqual(['close']);
});

test('while a server is waited for, health and status say for whom', async () => {
  const { parts, calls } = fakeParts();
  const opened = Promise.withResolvers<EngineParts>();
  let url = '';
  const starting = start(parts, `http: {port: 0}`, {
    open: (_, { onWaiting }) => {
      onWaiting('Redis', new EngineError('STATE_UNAVAILABLE', 'nobody answers at redis:6379'));
      return opened.promise;
    },
    onServing: (address) => {
      url = address;
    },
  });
  while (url === '') await new Promise((resolve) => setImmediate(resolve));
  const ready = await fetch(`${url}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.text()).toContain('waiting for Redis: nobody answers at redis:6379');
  expect((await fetch(`${url}/livez`)).status).toBe(200);
  expect(await (await fetch(`${url}/-/status`)).json()).toMatchObject({
    state: 'starting',
    waiting_for: 'Redis: nobody answers at redis:6379',
  });
  expect(calls).toEqual([]);
  opened.resolve(parts);
  engine = await starting;
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(calls).toEqual(['announce true true', 'start']);
});

test('a failure of the lanes is told to who waits, to health and to status', async () => {
  const { parts, fail } = fakeParts();
  engine = await start(parts);
  fail(new Error('disk is gone'));
  await expect(engine.failed).rejects.toThrow('disk is gone');
  await expect(engine.drain()).rejects.toThrow('disk is gone');
  expect((await fetch(`${engine.addresses.http}/livez`)).status).toBe(503);
});

test('stopping gives up at the deadline and says so', async () => {
  const { parts } = fakeParts();
  const stuck = await start({ ...parts, close: () => new Promise(() => {}) }, 'http: {port: 0}', {
    clock: fakeClock(true),
    isSilent: true,
  });
  await expect(stuck.stop()).rejects.toThrow('the next start delivers it');
});
