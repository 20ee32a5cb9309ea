import { assert } from '../model/errors.ts';
import type { EventColumn } from './event-columns.ts';
import { type KindFacts, kindsByName, type Lateness, rowKindNames } from './kinds.ts';

/** The table of kinds as flat arrays by number: loops over rows ask these. */
export const standsAlone = flagsOf((facts) => facts.standsAlone);
export const isControl = flagsOf((facts) => facts.isControl);
export const isSystem = flagsOf((facts) => facts.class === 'system');
export const isDelivery = flagsOf((facts) => facts.class === 'delivery');
export const isRare = flagsOf((facts) => facts.class === 'rare');
export const namesCampaign = flagsOf((facts) => facts.class === 'delivery' || facts.class === 'rare');
/** `t1` is a local day: its first instant is where the record is booked, and must not lie in the future. */
export const isByDay = flagsOf(({ columns, bookedAt }) => bookedAt?.some((name) => isDay(columns[name])) ?? false);
/** Its column `amount` is money. */
export const hasMoney = flagsOf(({ columns, money }) => {
  if (money === null) return false;
  const column = columns[money];
  assert(column?.take === 'money' && column.column === 'amount', `${money} is money in the column amount`);
  return true;
});

/** Bits of the two arrays below. */
export const timeBit = { t1: 1, t2: 2 } as const;
/** Columns that must not lie in the future, days aside. */
export const instantBits = bitsOf(({ instants }) => instants);
/** The column whose instant says where the record is booked; none = event_time, or the day. */
export const bookedAtBits = bitsOf(({ bookedAt }) => bookedAt ?? []);

/** By what a record's lateness is decided; `latenessNames` of the number. */
export const latenessNames: readonly Lateness[] = [
  'delivery',
  'report',
  'conversion',
  'correction',
  'control',
  'never',
];
export const latenessOf = byNumber(new Uint8Array(rowKindNames.length), ({ lateness }) =>
  latenessNames.indexOf(lateness),
);
export const isReport = flagsOf((facts) => facts.lateness === 'report');
/** Made where clocks may be wrong: on the devices of people, and where platforms are asked. */
export const mayRunAhead = flagsOf((facts) => facts.mayRunAhead);
/** Its money is media money; that of performance_report only where it has any. */
export const isMedia = flagsOf((facts) => facts.isMedia);

function flagsOf(isTrue: (facts: KindFacts) => boolean): Uint8Array {
  return byNumber(new Uint8Array(rowKindNames.length), (facts) => (isTrue(facts) ? 1 : 0));
}

function bitsOf(names: (facts: KindFacts) => readonly string[]): Uint8Array {
  return byNumber(new Uint8Array(rowKindNames.length), (facts) => {
    let bits = 0;
    for (const name of names(facts)) {
      const column = facts.columns[name];
      assert(column?.take === 'instant' || column?.take === 'day', `${name} is an instant or a day of its kind`);
      if (column.take === 'instant') bits |= timeBit[column.column];
      else assert(column.column === 't1', 'a day lies in t1');
    }
    return bits;
  });
}

function byNumber<T extends Uint8Array | Float64Array>(values: T, number: (facts: KindFacts) => number): T {
  for (const [, facts] of kindsByName) values[facts.number] = number(facts);
  return values;
}

function isDay(column: EventColumn | undefined): boolean {
  return column?.take === 'day';
}
