import { type DeliveredUnit, goalUnits } from '../../events/event-batch.ts';
import type { ByteReader, ByteWriter } from '../../model/byte-codec.ts';
import { assert } from '../../model/errors.ts';
import { type Whole, whole } from '../../model/whole.ts';
import { type Campaign, type Flight, part } from '../campaign.ts';
import { GoalCells } from '../goal-cells.ts';
import type { Section } from './section.ts';

/**
 * Goals of flights that are no money, and the most that they may cost, by place in section `flights`: whoever has none
 * leaves no trace.
 */
export const goalsSection: Section<Campaign> = {
  id: 50,
  name: 'goals',
  version: 1,

  write(out: ByteWriter, campaign: Campaign, all: boolean): void {
    if (!all && !campaign.hasChanged(part.flights | part.pace)) return;
    const { flights } = campaign;
    const count = flights.filter(({ goal }) => goal !== null).length;
    if (count === 0) return;
    out.count(count);
    flights.forEach((flight, place) => {
      if (flight.goal === null) return;
      out.count(place);
      out.count(goalUnits.indexOf(flight.goal.unit));
      writeMaybe(out, flight.goal.persisted);
      out.optional(flight.settled?.terms.limit ?? null);
      for (const change of flight.changes) if (change.kind === 'budget') out.optional(change.limit ?? null);
    });
  },

  read(from: ByteReader, _version: number, { flights }: Campaign): void {
    for (let count = from.count(); count > 0; count--) {
      const flight = flights[from.count()];
      const unit = unitAt(from.count());
      flight.goal = { unit, total: flight.goal?.total ?? 0, persisted: readMaybe(from) };
      readLimits(from, flight);
    }
  },
};

function readLimits(from: ByteReader, flight: Flight): void {
  const { changes, settled } = flight;
  const limit = from.optional();
  if (settled !== null) flight.settled = { ...settled, terms: { ...settled.terms, limit } };
  changes.forEach((change, at) => {
    if (change.kind !== 'budget') return;
    const limit = from.optional();
    if (limit !== null) changes[at] = { ...change, limit };
  });
}

/** What goals have counted: of flights in all, and of campaigns by time where nothing else keeps it. */
export const goalCellsSection: Section<Campaign> = {
  id: 51,
  name: 'goal cells',
  version: 1,

  write(out: ByteWriter, { goals, flights }: Campaign, all: boolean): void {
    if (goals === null) return;
    out.count(goals.size);
    for (const [unit, cells] of goals) {
      out.count(goalUnits.indexOf(unit));
      out.double(cells.since);
      writeCells(out, cells.minutes, all ? cells.minutes.keys() : cells.touchedMinutes);
      writeCells(out, cells.quarters, all ? cells.quarters.keys() : cells.touchedQuarters);
    }
    for (const { goal } of flights) if (goal !== null) out.exact(goal.total);
  },

  read(from: ByteReader, _version: number, campaign: Campaign): void {
    campaign.goals ??= new Map();
    for (let units = from.count(); units > 0; units--) {
      const unit = unitAt(from.count());
      const since = from.double();
      const cells = campaign.goals.get(unit) ?? new GoalCells(since, campaign.books.quartersBehind);
      campaign.goals.set(unit, cells);
      readCells(from, cells.minutes);
      readCells(from, cells.quarters);
      cells.forget();
    }
    for (const { goal } of campaign.flights) if (goal !== null) goal.total = whole(from.exact());
  },

  forget(campaign: Campaign): void {
    campaign.goals = null;
  },

  settle({ goals }: Campaign): void {
    if (goals !== null) for (const cells of goals.values()) cells.settle();
  },
};

function writeCells(out: ByteWriter, cells: ReadonlyMap<number, Whole>, wanted: Iterable<number>): void {
  // One that was touched may be forgotten since.
  const known = [...wanted].filter((at) => cells.has(at));
  out.count(known.length);
  for (const at of known) {
    out.double(at);
    out.exact(cells.get(at) as Whole);
  }
}

function readCells(from: ByteReader, cells: Map<number, Whole>): void {
  for (let count = from.count(); count > 0; count--) {
    const at = from.double();
    cells.set(at, whole(from.exact()));
  }
}

function unitAt(place: number): DeliveredUnit {
  const unit = goalUnits[place];
  assert(unit !== undefined && unit !== 'MONEY', 'a goal is one that this release knows');
  return unit;
}

function writeMaybe(out: ByteWriter, value: Whole | null): void {
  out.flag(value !== null);
  if (value !== null) out.exact(value);
}

function readMaybe(from: ByteReader): Whole | null {
  return from.flag() ? whole(from.exact()) : null;
}
