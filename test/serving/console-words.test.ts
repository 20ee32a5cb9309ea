import { expect, test } from 'vitest';
import { datesOf } from '../../src/serving/console/pages/dates.ts';
import { exactMoney, money, percent, span, statusWords, units } from '../../src/serving/console/pages/words.ts';

// How the console writes what the API says: no digit of money is lost on the way, and unknown is never zero.

test('money is rounded from its exact decimal, and never goes through a double', () => {
  expect(money('12359702100')).toBe('12,360');
  expect(money('12359702100', 2)).toBe('12,359.70');
  expect(money('9007199254740993004999', 2)).toBe('9,007,199,254,740,993.00');
  expect(money('-4500001', 2)).toBe('-4.50');
  expect(money('-500000', 1)).toBe('-0.5');
  expect(money(null)).toBe('–');
  expect(exactMoney('-500001', 'EUR')).toBe('-0.500001 EUR');
  expect(exactMoney(null, 'EUR')).toBe('not known');
  expect(units('2500000')).toBe(2.5);
});

test('shares and lengths of time', () => {
  expect([percent(8876), percent(8876, 1), percent(null)]).toEqual(['89 %', '88.8 %', '–']);
  expect([59_999, 60_000, 3_600_000, 90_061_000, 2 * 86_400_000].map(span)).toEqual([
    '59 s',
    '1 min',
    '1 h 0 min',
    '1 d 1 h',
    '2 d',
  ]);
});

test('every status of the API has words and a tone; one that is new is shown as it is', () => {
  expect(statusWords('stale_data')).toEqual({ tone: 'unknown', words: 'Unknown: data is late' });
  expect(statusWords('brand_new')).toEqual({ tone: 'idle', words: 'Brand new' });
});

test('dates of a flight are those of its own zone, with hours where it begins or ends inside a day', () => {
  const dates = (starts_at: string | null, ends_at: string | null, time_zone: string) =>
    datesOf({ starts_at, ends_at, time_zone });
  expect(dates('2026-11-30T23:00:00.000Z', '2026-12-31T23:00:00.000Z', 'Europe/Berlin')).toBe(
    '1 Dec 2026 – 31 Dec 2026',
  );
  expect(dates('2026-03-28T08:00:00.000Z', '2026-03-29T16:30:00.000Z', 'Europe/Berlin')).toBe(
    '28 Mar 2026 09:00 – 29 Mar 2026 18:30',
  );
  expect(dates('2026-03-01T00:00:00.000Z', '2026-04-01T00:00:00.000Z', 'Mars/Olympus')).toBe(
    '1 Mar 2026 – 31 Mar 2026 (UTC)',
  );
  expect(dates(null, null, '')).toBe('');
});
