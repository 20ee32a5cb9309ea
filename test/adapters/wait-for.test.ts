import { expect, test } from 'vitest';
import { waitFor } from '../../src/adapters/servers/wait-for.ts';
import { EngineError } from '../../src/model/errors.ts';
import type { WallTimeMs } from '../../src/model/time.ts';

function context() {
  const waits: string[] = [];
  const stop = new AbortController();
  /** So long is an answer waited for in silence; pauses between two questions are shorter here, and over at once. */
  const patience = Promise.withResolvers<void>();
  return {
    waits,
    stop,
    patience,
    signal: stop.signal,
    onWaiting: (part: string, error: EngineError) => void waits.push(`${part}: ${error.message}`),
    clock: {
      wallMs: () => 0 as WallTimeMs,
      steadyMs: () => 0,
      sleep: async (ms: number, signal?: AbortSignal) => {
        if (ms >= 5_000) await patience.promise;
        signal?.throwIfAborted();
      },
    },
  };
}

test('a part that comes later is waited for, by name', async () => {
  const each = context();
  let attempts = 0;
  const part = await waitFor(
    'Kafka',
    async () => {
      attempts += 1;
      if (attempts < 4) throw new EngineError('SOURCE_UNAVAILABLE', `nobody answers (${attempts})`);
      return 'connected';
    },
    each,
  );
  expect(part).toBe('connected');
  expect(each.waits).toEqual([1, 2, 3].map((n) => `Kafka: nobody answers (${n})`));
});

test('what no waiting heals is told at once', async () => {
  const each = context();
  const refuse = () => Promise.reject(new EngineError('SOURCE_REFUSED', 'wrong password'));
  await expect(waitFor('Kafka', refuse, each)).rejects.toMatchObject({ code: 'SOURCE_REFUSED' });
  expect(each.waits).toEqual([]);
});

test('a right that is lacking at the lake is told at once, though an engine that runs would wait for it', async () => {
  const each = context();
  const refuse = () => Promise.reject(new EngineError('LAKE_REFUSED', 'no such right'));
  await expect(waitFor('bronze', refuse, each)).rejects.toMatchObject({ code: 'LAKE_REFUSED' });
  expect(each.waits).toEqual([]);
});

test('a stop ends the waiting', async () => {
  const each = context();
  const away = async () => {
    each.stop.abort(new Error('told to stop'));
    throw new EngineError('STATE_UNAVAILABLE', 'away');
  };
  await expect(waitFor('Redis', away, each)).rejects.toThrow('told to stop');
});

test('a server that takes the question and says nothing is told of, by name', async () => {
  const each = context();
  const answer = Promise.withResolvers<string>();
  const asked = waitFor('ClickHouse', () => answer.promise, each);
  expect(each.waits).toEqual([]);
  each.patience.resolve();
  await expect.poll(() => each.waits).toEqual(['ClickHouse: it has not answered for 5 s']);
  answer.resolve('here');
  expect(await asked).toBe('here');
});
