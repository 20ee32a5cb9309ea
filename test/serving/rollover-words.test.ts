import { expect, test } from 'vitest';
import { rolloverSentence } from '../../src/serving/queries/explain/rollover-words.ts';

const flight = {
  flight_id: 'may',
  unit: 'MONEY',
  money: 'EUR',
  total: '240000000',
  came: '0',
  went: '0',
  givers: '',
  taker: '',
};

test('what rolled over is told with whence and whither, in the unit of the goal', () => {
  expect(rolloverSentence({ ...flight, came: '40000000', givers: 'april=25000000,march=15000000' })).toBe(
    'Flight may: its budget is 240.00 EUR, of which 40.00 EUR were left unspent by april (25.00 EUR), march (15.00 EUR)',
  );
  expect(rolloverSentence({ ...flight, went: '1500000', taker: 'june' })).toBe(
    'Flight may: 1.50 EUR that it left unspent went to flight june',
  );
  const clicks = { ...flight, unit: 'CLICKS', total: '900', came: '400', went: '7', taker: 'june' };
  expect(rolloverSentence(clicks)).toBe(
    'Flight may: its budget is 900 clicks, of which 400 clicks were left unspent by flights that are forgotten; 7 clicks that it left unspent went to flight june',
  );
  expect(rolloverSentence({ ...flight, unit: 'CONVERSIONS', went: '2500000', taker: 'june' })).toContain(
    '2.50 conversions that it left',
  );
});
