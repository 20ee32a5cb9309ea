import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { dayMs } from '../../model/time.ts';
import type { Campaign } from '../campaign.ts';
import { counterPlaces, DayRow, sumPlaces } from '../day-row.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** The daily rows of campaigns: those that changed, or all that are kept. */
export function daysSection(state: LaneState): Section<Campaign> {
  return {
    id: 17,
    name: 'days',
    version: 1,

    write(out: ByteWriter, campaign: Campaign, all: boolean): void {
      if (all) prune(campaign, state.clock - state.limits.keptDays * dayMs);
      let count = 0;
      for (const day of campaign.days.values()) if (all || day.isDirty) count += 1;
      if (count === 0) return;
      const { currencies } = campaign.books;
      out.count(count);
      for (const day of campaign.days.values()) {
        if (!all && !day.isDirty) continue;
        out.int32(day.day);
        out.text(day.currency < 0 ? '' : currencies.text(day.currency));
        out.count(day.planNumber);
        out.count(day.offset);
        for (const place of counterPlaces) out.exact(day.count(place));
        for (const place of sumPlaces) out.exact(day.compactSum(place));
      }
    },

    read: readDays,

    forget(campaign: Campaign): void {
      campaign.forgetDays();
    },
  };
}

/** Version 1 is also how format 1 of a blob wrote days. */
export function readDays(from: ByteReader, _version: number, campaign: Campaign): void {
  for (let n = from.count(); n > 0; n--) {
    const day = dayToRead(campaign, from.int32());
    const currency = from.text();
    day.currency = currency === '' ? -1 : campaign.books.currencies.number(currency);
    day.planNumber = from.count();
    day.offset = from.count();
    for (const place of counterPlaces) day.setCount(place, from.integer());
    for (const place of sumPlaces) day.setSum(place, from.exact());
  }
}

/** The row of a day, which an older blob may have read already. */
function dayToRead(campaign: Campaign, number: number): DayRow {
  const known = campaign.days.get(number);
  if (known !== undefined) return known;
  const day = new DayRow(number, campaign.books.days);
  campaign.days.set(number, day);
  return day;
}

/** What no record can reach any more leaves the memory with the next base. */
function prune(campaign: Campaign, oldest: number): void {
  for (const [number, day] of campaign.days) {
    if (number * dayMs >= oldest || day.isDirty) continue;
    campaign.days.delete(number);
    if (campaign.day === day) campaign.putAway();
    day.forget();
  }
}
