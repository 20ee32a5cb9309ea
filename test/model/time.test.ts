import { expect, test } from 'vitest';
import { dayOfMonth } from '../../src/model/time.ts';

test('days of months are those of the calendar, leap days and centuries included', () => {
  const first = Date.UTC(1899, 0, 1) / 86_400_000;
  const last = Date.UTC(2101, 0, 1) / 86_400_000;
  for (let day = first; day < last; day++)
    expect(dayOfMonth(day), `day ${day}`).toBe(new Date(day * 86_400_000).getUTCDate());
});
