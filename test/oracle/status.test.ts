import { expect, test } from 'vitest';
import { Campaign } from './campaign.ts';
import { type Pacing, statusOf } from './pacing.ts';
import { day } from './whole-numbers.ts';

function statusAt(osi: bigint | null, previous: string | null, over: Partial<Pacing> = {}): string {
  const healthy = {
    a: 2 * day,
    s: 0,
    e: 10 * day,
    mode: 'EVEN',
    spend: 10n,
    budget: 1_000n,
    elapsed: 2_000n,
    cap: null,
    daySpend: 0n,
  };
  return statusOf({ ...healthy, osi, ...over } as Pacing, new Campaign('acme', 'c1', 0), previous);
}

test('a band is entered at one number and left at another', () => {
  expect(statusAt(7_499n, null)).toBe('severely_behind');
  expect(statusAt(7_500n, 'behind')).toBe('behind');
  expect(statusAt(7_799n, 'severely_behind')).toBe('severely_behind');
  expect(statusAt(7_800n, 'severely_behind')).toBe('behind');
  expect(statusAt(9_299n, 'severely_behind')).toBe('behind');
  expect(statusAt(9_000n, 'on_track')).toBe('on_track');
  expect(statusAt(9_299n, 'behind')).toBe('behind');
  expect(statusAt(9_300n, 'behind')).toBe('on_track');
  expect(statusAt(11_000n, 'on_track')).toBe('on_track');
  expect(statusAt(10_701n, 'ahead')).toBe('ahead');
  expect(statusAt(10_700n, 'ahead')).toBe('on_track');
});

test('what comes before the bands', () => {
  expect(statusAt(5_000n, null, { a: day - 1 })).toBe('warming_up');
  expect(statusAt(5_000n, null, { elapsed: 999n })).toBe('warming_up');
  expect(statusAt(5_000n, null, { mode: 'ASAP' })).toBe('on_track');
  expect(statusAt(5_000n, null, { capAllowed: 5n, daySpend: 5n })).toBe('capped_today');
  const ended = { a: 10 * day };
  expect(statusAt(null, null, { ...ended, spend: 1_051n })).toBe('ended_over');
  expect(statusAt(null, null, { ...ended, spend: 1_050n })).toBe('ended_full');
  expect(statusAt(null, null, { ...ended, spend: 949n })).toBe('ended_under');
});
