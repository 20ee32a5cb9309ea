import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { whole } from '../../model/whole.ts';
import type { Change } from '../../pacing/flight-ledger.ts';
import { type Campaign, Flight, part } from '../campaign.ts';
import { readChange, readDates, readSettled, writeChange, writeDates, writeSettled, zoneNamed } from './changes.ts';
import type { Section } from './section.ts';

/** What control records said of a campaign: its zone, its status, its flights with dates and ledgers. */
export const flightsSection: Section<Campaign> = {
  id: 19,
  name: 'flights',
  version: 3,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    const { zone, statuses, flights } = campaign;
    if (!all && !campaign.hasChanged(part.flights)) return;
    if (zone === null && statuses.length === 0 && flights.length === 0) return;
    out.text(zone?.id ?? '');
    out.optional(Number.isFinite(campaign.settledUntil) ? campaign.settledUntil : null);
    out.count(statuses.length);
    for (const status of statuses) writeChange(out, status);
    out.count(flights.length);
    for (const flight of flights) {
      out.text(flight.id);
      writeDates(out, flight.dates);
      out.count(flight.changes.length);
      for (const change of flight.changes) writeChange(out, change);
      writeSettled(out, flight.settled);
      out.double(flight.budgetLedgerVersion);
      out.double(flight.flightLedgerVersion);
    }
  },

  read(from: ByteReader, version: number, campaign: Campaign): void {
    const zone = from.text();
    campaign.zone = zone === '' ? null : zoneNamed(zone);
    // Nothing settled in older releases.
    const isSettling = version >= 3;
    campaign.settledUntil = (isSettling ? from.optional() : null) ?? Number.NEGATIVE_INFINITY;
    campaign.statuses.length = 0;
    for (let n = from.count(); n > 0; n--)
      campaign.statuses.push(readChange(from, isSettling) as Change & { kind: 'status' });
    campaign.forgetFlights();
    for (let n = from.count(); n > 0; n--) {
      const flight = new Flight(from.text(), campaign.books.flights);
      flight.dates = readDates(from, version);
      for (let changes = from.count(); changes > 0; changes--) flight.addChange(readChange(from, isSettling));
      if (isSettling) flight.settled = readSettled(from);
      flight.budgetLedgerVersion = from.double();
      flight.flightLedgerVersion = from.double();
      campaign.addFlight(flight);
    }
  },

  forget(campaign: Campaign): void {
    campaign.zone = null;
    campaign.statuses.length = 0;
    campaign.settledUntil = Number.NEGATIVE_INFINITY;
    campaign.forgetFlights();
  },
};

/** What each flight spent and showed so far: changes with nearly every event, hence apart from the rest. */
export const flightTotals: Section<Campaign> = {
  id: 20,
  name: 'flight_totals',
  version: 1,

  write(out: ByteWriter, { flights }: Campaign): void {
    if (flights.length === 0) return;
    out.count(flights.length);
    for (const flight of flights) {
      out.exact(flight.spentNanos);
      out.exact(flight.impressions);
    }
  },

  read(from: ByteReader, _version: number, { flights }: Campaign): void {
    const count = from.count();
    for (let at = 0; at < count; at++) {
      flights[at].spentNanos = whole(from.exact());
      flights[at].impressions = from.integer();
    }
  },
};
