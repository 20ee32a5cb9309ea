import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { whole } from '../model/whole.ts';
import { counterPlaces, type DayRow, sumPlaces } from './day-row.ts';
import type { Names } from './names.ts';

/** A day as bytes, what is zero left out: some thirty bytes, where a record of the slab takes two hundred. */
const places: readonly number[] = [...counterPlaces, ...sumPlaces];

/** All but its number. */
export function writeDay(out: ByteWriter, day: DayRow, currencies: Names): void {
  out.text(day.currency < 0 ? '' : currencies.text(day.currency));
  out.count(day.planNumber);
  out.count(day.offset);
  let said = 0;
  for (const place of places) if (day.compactSum(place) !== 0) said += 1;
  out.count(said);
  for (const place of places) {
    const sum = day.compactSum(place);
    if (sum === 0) continue;
    out.count(place);
    out.exact(sum);
  }
  const { otherRevenue } = day;
  out.count(otherRevenue?.size ?? 0);
  for (const [currency, { byTouch, byConversion }] of otherRevenue ?? []) {
    out.text(currencies.text(currency));
    out.exact(byTouch);
    out.exact(byConversion);
  }
}

/** Reads what `writeDay` wrote into a row, whatever it held. */
export function readDay(from: ByteReader, day: DayRow, currencies: Names): void {
  const currency = from.text();
  day.currency = currency === '' ? -1 : currencies.number(currency);
  day.planNumber = from.count();
  day.offset = from.count();
  for (const place of places) day.setSum(place, 0n);
  for (let n = from.count(); n > 0; n--) {
    const place = from.count();
    day.setSum(place, from.exact());
  }
  day.otherRevenue = null;
  for (let n = from.count(); n > 0; n--) {
    const number = currencies.number(from.text());
    day.keepOtherRevenue(number, { byTouch: whole(from.exact()), byConversion: whole(from.exact()) });
  }
}
