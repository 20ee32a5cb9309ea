import { expect, test, vi } from 'vitest';
import { createDecoder } from '../../src/decoders/event-decoder.ts';
import { EmbeddedRegistry } from '../../src/decoders/event-schemas.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { BrokenInvariant } from '../../src/model/errors.ts';
import { type Facts, onFact } from '../../src/model/facts.ts';
import { runOf } from '../decoders/decode-records.ts';
import type { TestRecord } from './batch-builder.ts';
import { runLane, whole } from './run-lane.ts';

// Whatever exception a record provokes, it is a dead letter: the records around it count as ever.
function heard<T>(work: () => T): { result: T; facts: Facts['records.failed'][] } {
  const facts: Facts['records.failed'][] = [];
  const stop = onFact('records.failed', (fact) => facts.push(fact));
  try {
    return { result: work(), facts };
  } finally {
    stop();
  }
}

const at = Date.UTC(2026, 2, 2, 12);
const click = (offset: number): TestRecord => ({ kind: 'click', org: 'acme', campaign: 'c', offset, logTime: at });
const correction = (offset: number): TestRecord => ({
  ...click(offset),
  kind: 'metric_correction',
  t1: Math.floor(at / 86_400_000),
});

test('a check that throws makes a dead letter of its record alone', () => {
  // A correction without its deltas cannot come from a decoder: it stands for a bug of ours.
  const { result, facts } = heard(() => runLane([click(0), correction(1), click(2), correction(3), click(4)], whole));
  expect([...result.dead_letters.values()]).toMatchObject([
    { log_offset: 1n, reason: 'internal_error' },
    { log_offset: 3n, reason: 'internal_error' },
  ]);
  expect([...result.campaign_metrics_daily.values()]).toMatchObject([{ clicks: 3n }]);
  expect(facts).toMatchObject([
    { stage: 'check', partition: 0, offset: 1, records: 1, error: expect.any(TypeError) },
    { stage: 'check', partition: 0, offset: 3, records: 1, error: expect.any(TypeError) },
  ]);
});

test('a broken invariant of our own is no record of a producer: it stops us', () => {
  const broken = { get: () => 0 } as never;
  const records = [click(0), { ...correction(1), detail: broken }];
  Object.defineProperty(broken, 'deltas', {
    get: () => {
      throw new BrokenInvariant('invariant broken: in the middle of a check');
    },
  });
  expect(() => runLane(records, whole)).toThrow('in the middle of a check');
});

test('decoding that throws makes a dead letter of its record alone, told once a batch', () => {
  const value = (type: string) =>
    Buffer.from(
      JSON.stringify({
        type,
        event_id: '0'.repeat(32),
        org_id: 'acme',
        campaign_id: 'c',
        event_time: at,
        source: 's',
        event: 'START',
      }),
    );
  const run = runOf(Array.from({ length: 5 }, () => ({ value: value('video_progress') })));
  const batch = new EventBatch(8);
  const intern = vi.spyOn(batch.dictionaries.sources, 'internText');
  let calls = 0;
  intern.mockImplementation(() => {
    calls += 1;
    // The first attempt stumbles over the second record, and so does the second, as any bug would.
    if (calls === 2 || calls === 4) throw new RangeError('no more stack');
    return 0;
  });
  const { facts } = heard(() => createDecoder(new EmbeddedRegistry()).decode(run, batch));
  expect(batch.rejects).toMatchObject([{ row: 1, reason: 'internal_error' }]);
  expect([...batch.kinds.subarray(0, 5)]).toEqual([5, 0, 5, 5, 5]);
  expect(facts).toMatchObject([{ stage: 'decode', offset: 1, records: 1, error: expect.any(RangeError) }]);
});
