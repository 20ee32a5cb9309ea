import type { CampaignStatus, PacingMode, Rebase, StatusCause } from '../events/event-batch.ts';
import type { ByteReader, ByteWriter } from '../model/byte-codec.ts';
import { dayMs } from '../model/time.ts';
import { whole } from '../model/whole.ts';
import { findZone } from '../model/zones.ts';
import type { Change } from '../pacing/flight-ledger.ts';
import type { PacingStatus } from '../pacing/pacing.ts';
import type { AlertLevel, AlertState, AlertStateName } from '../rules/alert-state.ts';
import { type Campaign, Flight } from './campaign.ts';
import { CumulativeTotals } from './cumulative-totals.ts';
import { counterPlaces, DayRow, sumPlaces } from './day-row.ts';
import type { NumberSlab } from './number-slab.ts';

/**
 * A campaign as bytes: its record whole, and of days, cells and cumulative totals what changed
 * (`all` false, for deltas) or all (for bases). Format 1; changing anything here makes format 2.
 */
const keptDays = 36;

export function writeCampaign(out: ByteWriter, campaign: Campaign, all: boolean, clock: number): void {
  out.double(campaign.lastSeen);
  out.flag(campaign.wasForgotten);
  const withRecord = all || campaign.isRecordDirty;
  out.flag(withRecord);
  if (withRecord) writeRecord(out, campaign);
  out.count(campaign.flights.length);
  for (const flight of campaign.flights) {
    out.exact(flight.spentNanos);
    out.exact(flight.impressions);
  }
  if (all) prune(campaign, clock);
  writeDays(out, campaign, all);
  writeCells(out, campaign, all);
  writeCumulative(out, campaign, all);
}

export function readCampaign(from: ByteReader, campaign: Campaign): void {
  campaign.lastSeen = from.double();
  if (from.flag()) {
    campaign.forgetBooks();
    campaign.cumulative = null;
  }
  if (from.flag()) readRecord(from, campaign);
  const totals = Array.from({ length: from.count() }, () => ({
    spent: whole(from.exact()),
    impressions: from.integer(),
  }));
  for (const [index, flight] of campaign.flights.entries()) {
    flight.spentNanos = totals[index].spent;
    flight.impressions = totals[index].impressions;
  }
  readDays(from, campaign);
  readCells(from, campaign);
  for (let n = from.count(); n > 0; n--) {
    const key = from.text();
    campaign.cumulative ??= new CumulativeTotals();
    campaign.cumulative.restore(key, { periodStart: from.double(), amount: from.double() });
  }
}

/** What changes with control records and evaluations, not with every event. */
function writeRecord(out: ByteWriter, campaign: Campaign): void {
  out.text(campaign.currency);
  out.text(campaign.zone?.id ?? '');
  out.optional(campaign.timerAt);
  out.count(campaign.statuses.length);
  for (const status of campaign.statuses) writeChange(out, status);
  out.count(campaign.flights.length);
  for (const flight of campaign.flights) writeFlight(out, flight);
}

function readRecord(from: ByteReader, campaign: Campaign): void {
  campaign.currency = from.text();
  const zone = from.text();
  campaign.zone = zone === '' ? null : findZone(zone);
  campaign.timerAt = from.optional();
  campaign.statuses.length = 0;
  for (let n = from.count(); n > 0; n--) campaign.statuses.push(readChange(from) as Change & { kind: 'status' });
  campaign.forgetFlights();
  for (let n = from.count(); n > 0; n--) campaign.flights.push(readFlight(from, campaign.books.flights));
}

/** What no record can reach any more; the lateness of money is the longest. */
function prune(campaign: Campaign, clock: number): void {
  const oldest = clock - keptDays * dayMs;
  campaign.cumulative?.prune(oldest);
  for (const [number, day] of campaign.days) {
    if (number * dayMs >= oldest || day.isDirty) continue;
    campaign.days.delete(number);
    if (campaign.day === day) campaign.putAway();
    day.forget();
  }
}

function writeDays(out: ByteWriter, campaign: Campaign, all: boolean): void {
  const { currencies } = campaign.books;
  let count = 0;
  for (const day of campaign.days.values()) if (all || day.isDirty) count += 1;
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
}

function readDays(from: ByteReader, campaign: Campaign): void {
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

function writeCells(out: ByteWriter, campaign: Campaign, all: boolean): void {
  const { cells } = campaign;
  if (cells === null) return out.count(0);
  const written = cells.toHarvest(all);
  out.count(written.length);
  for (const cell of written) {
    out.count(cell);
    out.int32(cells.idAt(cell));
    out.exact(cells.nanosAt(cell));
    out.exact(cells.impressionsAt(cell));
  }
}

function readCells(from: ByteReader, campaign: Campaign): void {
  for (let n = from.count(); n > 0; n--) {
    campaign.cellsToWrite().restore(from.count(), from.int32(), whole(from.exact()), from.integer());
  }
}

function writeCumulative(out: ByteWriter, campaign: Campaign, all: boolean): void {
  const totals = campaign.cumulative?.toHarvest(all) ?? [];
  out.count(totals.length);
  for (const [key, { periodStart, amount }] of totals) {
    out.text(key);
    out.double(periodStart);
    out.double(amount);
  }
}

function writeFlight(out: ByteWriter, flight: Flight): void {
  out.text(flight.id);
  out.flag(flight.dates !== null);
  if (flight.dates !== null) {
    const { startDay, endDay, start, end, zone } = flight.dates;
    out.int32(startDay);
    out.int32(endDay);
    out.double(start);
    out.double(end);
    out.text(zone.id);
  }
  out.count(flight.changes.length);
  for (const change of flight.changes) writeChange(out, change);
  out.double(flight.budgetLedgerVersion);
  out.double(flight.flightLedgerVersion);
  out.flag(flight.isDone);
  out.optional(flight.lastAsOf);
  out.text(flight.lastStatus ?? '');
  out.flag(flight.wasStale);
  out.flag(flight.wasInFlight);
  out.optional(flight.persistedAt);
  out.optional(flight.persistedOsi);
  out.count(flight.alerts.size);
  for (const [rule, alert] of flight.alerts) {
    out.text(rule);
    writeAlert(out, alert);
  }
}

function readFlight(from: ByteReader, totals: NumberSlab): Flight {
  const flight = new Flight(from.text(), totals);
  if (from.flag()) {
    const [startDay, endDay] = [from.int32(), from.int32()];
    const [start, end] = [from.double(), from.double()];
    flight.dates = {
      startDay,
      endDay,
      start,
      end,
      zone: findZone(from.text()) as NonNullable<ReturnType<typeof findZone>>,
    };
  }
  for (let n = from.count(); n > 0; n--) flight.changes.push(readChange(from));
  flight.budgetLedgerVersion = from.double();
  flight.flightLedgerVersion = from.double();
  flight.isDone = from.flag();
  flight.lastAsOf = from.optional();
  flight.lastStatus = (from.text() || null) as PacingStatus | null;
  flight.wasStale = from.flag();
  flight.wasInFlight = from.flag();
  flight.persistedAt = from.optional();
  flight.persistedOsi = from.optional();
  for (let n = from.count(); n > 0; n--) flight.alerts.set(from.text(), readAlert(from));
  return flight;
}

export function writeAlert(out: ByteWriter, alert: AlertState): void {
  out.text(alert.state);
  out.text(alert.level);
  for (const since of [
    alert.warningSince,
    alert.criticalSince,
    alert.clearSince,
    alert.lastKnown,
    alert.unknownSince,
  ]) {
    out.optional(since);
  }
  out.text(alert.ruleHash);
}

export function readAlert(from: ByteReader): AlertState {
  return {
    state: from.text() as AlertStateName,
    level: from.text() as AlertLevel,
    warningSince: from.optional(),
    criticalSince: from.optional(),
    clearSince: from.optional(),
    lastKnown: from.optional(),
    unknownSince: from.optional(),
    ruleHash: from.text(),
  };
}

function writeChange(out: ByteWriter, change: Change): void {
  out.text(change.kind);
  out.double(change.at);
  out.count(change.order);
  if (change.kind === 'status') {
    out.text(change.status);
    out.text(change.cause);
    return;
  }
  out.exact(change.actual);
  if (change.kind === 'budget') {
    out.double(change.budget);
    out.optional(change.cap);
    return;
  }
  out.text(change.mode);
  out.text(change.curve ?? '');
  out.double(change.end);
  out.text(change.rebase);
}

function readChange(from: ByteReader): Change {
  const kind = from.text() as Change['kind'];
  const at = from.double();
  const order = from.count();
  if (kind === 'status') {
    return { kind, at, order, status: from.text() as CampaignStatus, cause: from.text() as StatusCause };
  }
  const actual = whole(from.exact());
  if (kind === 'budget') return { kind, at, order, actual, budget: from.double(), cap: from.optional() };
  const mode = from.text() as PacingMode;
  const curve = from.text() || null;
  return { kind, at, order, actual, mode, curve, end: from.double(), rebase: from.text() as Rebase };
}
