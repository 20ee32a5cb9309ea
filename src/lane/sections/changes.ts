import type { CampaignStatus, PacingMode, Rebase, StatusCause } from '../../events/event-batch.ts';
import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import { whole } from '../../model/whole.ts';
import { findZone, type Zone } from '../../model/zones.ts';
import type { Change, Settled, SettledBudget, Terms } from '../../pacing/flight-ledger.ts';
import type { FlightDates } from '../campaign.ts';

/** Entries of ledgers and dates of flights as bytes, in section `flights` and in format 1 of a blob. */
export function writeChange(out: ByteWriter, change: Change): void {
  out.text(change.kind);
  out.double(change.at);
  out.count(change.order);
  out.double(change.seen);
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

/** Those of older releases were seen long ago. */
export function readChange(from: ByteReader, isSeen: boolean): Change {
  const kind = from.text() as Change['kind'];
  const at = from.double();
  const order = from.count();
  const seen = isSeen ? from.double() : Number.NEGATIVE_INFINITY;
  if (kind === 'status') {
    return { kind, at, order, seen, status: from.text() as CampaignStatus, cause: from.text() as StatusCause };
  }
  const actual = whole(from.exact());
  if (kind === 'budget') return { kind, at, order, seen, actual, budget: from.double(), cap: from.optional() };
  const mode = from.text() as PacingMode;
  const curve = from.text() || null;
  return { kind, at, order, seen, actual, mode, curve, end: from.double(), rebase: from.text() as Rebase };
}

export function writeSettled(out: ByteWriter, settled: Settled | null): void {
  out.flag(settled !== null);
  if (settled === null) return;
  const { terms, segment, budget } = settled;
  out.double(settled.start);
  out.double(settled.until);
  out.count(settled.order);
  out.double(segment.from);
  out.exact(segment.base);
  out.optional(terms.budget);
  out.optional(terms.replacedBudget);
  out.optional(terms.cap);
  out.text(terms.mode);
  out.text(terms.curve ?? '');
  out.double(terms.end);
  out.text(terms.rebase);
  out.flag(terms.isFrozen);
  out.double(settled.flightAt);
  out.double(settled.statusAt);
  out.double(budget.at);
  out.count(budget.order);
  out.double(budget.budget);
  out.flag(budget.step !== null);
  if (budget.step === null) return;
  out.double(budget.step.at);
  out.count(budget.step.order);
  out.double(budget.step.from);
  out.double(budget.step.to);
}

export function readSettled(from: ByteReader): Settled | null {
  if (!from.flag()) return null;
  const [start, until, order] = [from.double(), from.double(), from.count()];
  const segment = { from: from.double(), base: whole(from.exact()) };
  const terms = readTerms(from);
  const [flightAt, statusAt] = [from.double(), from.double()];
  return { start, until, order, terms, segment, flightAt, statusAt, budget: readSettledBudget(from) };
}

function readTerms(from: ByteReader): Terms {
  return {
    budget: from.optional(),
    replacedBudget: from.optional(),
    cap: from.optional(),
    // Goals that have one keep it in a section of their own.
    limit: null,
    mode: from.text() as PacingMode,
    curve: from.text() || null,
    end: from.double(),
    rebase: from.text() as Rebase,
    isFrozen: from.flag(),
  };
}

function readSettledBudget(from: ByteReader): SettledBudget {
  const [at, order, budget] = [from.double(), from.count(), from.double()];
  const step = from.flag() ? { at: from.double(), order: from.count(), from: from.double(), to: from.double() } : null;
  return { at, order, budget, step };
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
