import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { whole } from '../model/whole.ts';
import { plainConversion } from './conversion-types.ts';
import { addedPlaces, type DayRow, sumAt } from './day-row.ts';
import type { Names } from './names.ts';

/** A day as bytes, what is zero left out: some thirty bytes, where a record of the slab takes two hundred. */
/** Version of the section whose days are as `writeDay` writes them. */
export const daysVersion = 3;
/** Older ones did not keep conversions by type. */
const typedVersion = 3;

/** All but its number. */
export function writeDay(out: ByteWriter, day: DayRow, currencies: Names): void {
  out.text(day.currency < 0 ? '' : currencies.text(day.currency));
  out.count(day.planNumber);
  out.count(day.offset);
  if (day.isSmall) writeSums(out, day.values, day.base);
  else writeLargeSums(out, day);
  const { otherRevenue } = day;
  out.count(otherRevenue?.size ?? 0);
  if (otherRevenue !== null) {
    for (const [currency, { byTouch, byConversion }] of otherRevenue) {
      out.text(currencies.text(currency));
      out.exact(byTouch);
      out.exact(byConversion);
    }
  }
  // Equal states are equal bytes, whichever type came first.
  const conversions = inOrder(day.conversions ?? noConversions);
  out.count(conversions.length);
  for (const { code, byTouch, byConversion, offset, planNumber } of conversions) {
    out.count(code);
    out.exact(byTouch);
    out.exact(byConversion);
    out.count(offset);
    out.count(planNumber);
  }
}

/** Of sums that all lie in the slab, which nearly all do. */
function writeSums(out: ByteWriter, values: Float64Array, base: number): void {
  let said = 0;
  for (let i = 0; i < addedPlaces.length; i++) if (values[base + addedPlaces[i]] !== 0) said += 1;
  out.count(said);
  for (let i = 0; i < addedPlaces.length; i++) {
    const place = addedPlaces[i];
    const sum = values[base + place];
    if (sum === 0) continue;
    out.count(place);
    out.exact(sum);
  }
}

function writeLargeSums(out: ByteWriter, day: DayRow): void {
  const said = addedPlaces.filter((place) => day.compactSum(place) !== 0);
  out.count(said.length);
  for (const place of said) {
    out.count(place);
    out.exact(day.compactSum(place));
  }
}

function inOrder(conversions: NonNullable<DayRow['conversions']>): NonNullable<DayRow['conversions']> {
  return conversions.length < 2 ? conversions : conversions.toSorted((a, b) => a.code - b.code);
}

const noConversions: NonNullable<DayRow['conversions']> = [];

/** Reads what `writeDay` wrote, in a section of that version, into a row, whatever it held. */
export function readDay(from: ByteReader, version: number, day: DayRow, currencies: Names): void {
  const currency = from.text();
  day.currency = currency === '' ? -1 : currencies.number(currency);
  day.planNumber = from.count();
  day.offset = from.count();
  for (const place of addedPlaces) day.setSum(place, 0n);
  for (let n = from.count(); n > 0; n--) {
    const place = from.count();
    day.setSum(place, from.exact());
  }
  day.otherRevenue = null;
  for (let n = from.count(); n > 0; n--) {
    const number = currencies.number(from.text());
    day.keepOtherRevenue(number, { byTouch: whole(from.exact()), byConversion: whole(from.exact()) });
  }
  if (version < typedVersion) return typeConversions(day);
  day.conversions = null;
  for (let n = from.count(); n > 0; n--) {
    const code = from.count();
    const [byTouch, byConversion] = [whole(from.exact()), whole(from.exact())];
    const [offset, planNumber] = [from.count(), from.count()];
    day.keepConversions({ code, byTouch, byConversion, offset, planNumber, isDirty: false });
  }
}

/** What older releases counted is of no type that we know. */
export function typeConversions(day: DayRow): void {
  const [byTouch, byConversion] = [
    day.compactSum(sumAt.conversionsByTouch),
    day.compactSum(sumAt.conversionsByConversion),
  ];
  day.conversions = null;
  if (byTouch === 0 && byConversion === 0) return;
  const { offset, planNumber } = day;
  day.conversions = [{ code: plainConversion, byTouch, byConversion, offset, planNumber, isDirty: false }];
}
