import type { CampaignStatus, PacingMode, Rebase, StatusCause } from '../../events/event-batch.ts';
import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import { whole } from '../../model/whole.ts';
import { findZone, type Zone } from '../../model/zones.ts';
import type { Change } from '../../pacing/flight-ledger.ts';
import type { FlightDates } from '../campaign.ts';

/** Entries of ledgers and dates of flights as bytes, in section `flights` and in format 1 of a blob. */
export function writeChange(out: ByteWriter, change: Change): void {
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

export function readChange(from: ByteReader): Change {
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

export function writeDates(out: ByteWriter, dates: FlightDates | null): void {
  out.flag(dates !== null);
  if (dates === null) return;
  out.int32(dates.startDay);
  out.int32(dates.endDay);
  out.double(dates.start);
  out.double(dates.end);
  out.text(dates.zone.id);
  out.flag(dates.startsInside);
  out.flag(dates.endsInside);
}

export function readDates(from: ByteReader, version: number): FlightDates | null {
  if (!from.flag()) return null;
  const [startDay, endDay] = [from.int32(), from.int32()];
  const [start, end] = [from.double(), from.double()];
  const zone = zoneNamed(from.text());
  // Flights of older releases began and ended with a day.
  const [startsInside, endsInside] = version === 1 ? [false, false] : [from.flag(), from.flag()];
  return { startDay, endDay, start, end, zone, startsInside, endsInside };
}

/** A zone that a flight was given; the runtime knew it then. */
export function zoneNamed(id: string): Zone {
  const zone = findZone(id);
  assert(zone !== null, `the zone data of this runtime knows "${id}", as that of the last one did`);
  return zone;
}
