import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { dayMs } from '../../model/time.ts';
import type { Campaign } from '../campaign.ts';
import { daysVersion, readDay, typeConversions, writeDay } from '../day-codec.ts';
import { counterPlaces, DayRow, sumPlaces } from '../day-row.ts';
import type { LaneState } from '../lane-state.ts';
import type { Section } from './section.ts';

/** Days further behind leave the memory: no flight is longer, and no record reaches them. */
const oldestDays = 1_103;

/** The daily rows of campaigns: those that changed, or all that are kept. */
export function daysSection(state: LaneState): Section<Campaign> {
  return {
    id: 17,
    name: 'days',
    version: daysVersion,

    write(out: ByteWriter, campaign: Campaign, all: boolean): void {
      if (all) prune(campaign, state.clock, state.limits.keptDays);
      if (all) writeAll(out, campaign);
      else writeChanged(out, campaign);
    },

    read(from: ByteReader, version: number, campaign: Campaign): void {
      if (version === 1) return readDays(from, version, campaign);
      for (let n = from.count(); n > 0; n--) {
        readDay(from, version, dayToRead(campaign, from.int32()), campaign.books.currencies);
      }
      if (from.flag()) campaign.oldDays.restore(from, version, campaign.books);
    },

    forget(campaign: Campaign): void {
      campaign.forgetDays();
    },
  };
}

function writeAll(out: ByteWriter, campaign: Campaign): void {
  if (campaign.days.size === 0 && campaign.oldDays.isEmpty) return;
  out.count(campaign.days.size);
  // Equal states are equal bytes, whatever became of old days on the way.
  for (const day of inOrder(campaign)) writeOne(out, campaign, day);
  out.flag(true);
  campaign.oldDays.write(out);
}

/** Days come in their order, nearly always. */
function inOrder({ days }: Campaign): Iterable<DayRow> {
  let last = Number.NEGATIVE_INFINITY;
  for (const number of days.keys()) {
    if (number < last) return [...days.values()].sort((a, b) => a.day - b.day);
    last = number;
  }
  return days.values();
}

function writeChanged(out: ByteWriter, campaign: Campaign): void {
  let left = campaign.dirtyDays;
  if (left === 0) return;
  out.count(left);
  for (const day of campaign.days.values()) {
    if (!day.isDirty) continue;
    writeOne(out, campaign, day);
    left -= 1;
    if (left === 0) break;
  }
  out.flag(false);
}

function writeOne(out: ByteWriter, campaign: Campaign, day: DayRow): void {
  out.int32(day.day);
  writeDay(out, day, campaign.books.currencies);
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
    typeConversions(day);
  }
}

/** The row of a day, which an older blob may have read already. */
function dayToRead(campaign: Campaign, number: number): DayRow {
  const known = campaign.days.get(number);
  if (known !== undefined) return known;
  campaign.oldDays.drop(number);
  const day = new DayRow(number, campaign.books.days);
  campaign.days.set(number, day);
  return day;
}

/** Days that few records reach any more, and no judgement asks for, are made into bytes with the next base. */
function prune(campaign: Campaign, clock: number, hotDays: number): void {
  const today = Math.floor(clock / dayMs);
  campaign.oldDays.forgetBefore(today - oldestDays);
  const old: DayRow[] = [];
  for (const [number, day] of campaign.days) {
    if (number >= today - hotDays || day.isDirty) continue;
    campaign.days.delete(number);
    if (campaign.day === day) campaign.putAway();
    old.push(day);
  }
  if (old.length === 0) return;
  campaign.oldDays.put(old, campaign.books);
  for (const day of old) day.forget();
}
