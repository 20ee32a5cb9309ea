import { dayText } from '../model/day-text.ts';
import { dayMs, minuteMs, quarterMs } from '../model/time.ts';
import type { Zone } from '../model/zones.ts';
import { customWeight, type Piece } from '../pacing/custom-weight.ts';
import type { Weight } from '../pacing/pacing-weight.ts';
import { curveTimes } from '../rules/curve.ts';
import type { LocalTime } from '../rules/local-time.ts';
import type { Plan } from '../rules/plan.ts';
import type { FlightDates } from './campaign.ts';

type Curve = NonNullable<Plan['curves']>[string];

/** The pieces of a curve as far as a flight of [start, end) has them; none = it lies outside of all. */
function piecesOf(curve: Curve, zone: Zone, start: number, end: number): Piece[] {
  const { pieces, until } = curveTimes(curve);
  const inside = (at: number) => Math.min(Math.max(at, start), end);
  const starts = pieces.map(({ from }) => inside(startOf(zone, from)));
  const ends = [...starts.slice(1), inside(endOf(zone, until))];
  return pieces.map(({ share }, at) => ({ from: starts[at], to: ends[at], share })).filter(({ from, to }) => from < to);
}

/** Null = the flight has none of its shares: nothing says how its budget lies. */
export function weightOfCurve(
  curve: Curve,
  zone: Zone,
  start: number,
  end: number,
  insideOf: (name: Curve['inside']) => Weight,
): Weight | null {
  const pieces = piecesOf(curve, zone, start, end);
  return pieces.some(({ share }) => share > 0) ? customWeight(pieces, insideOf(curve.inside)) : null;
}

/** Why the pieces of a curve do not cover a flight from its start to its end; null = they do. */
export function coverProblem(curve: Curve, { zone, start, end, startDay, endDay }: FlightDates): string | null {
  const { pieces, until } = curveTimes(curve);
  const [{ from }] = pieces;
  const begins = from.minute === null ? from.day === startDay : startOf(zone, from) === start;
  if (!begins) return `begins at ${curve.pieces[0].from}, and the flight at ${shown(zone, start)}`;
  const ends = until.minute === null ? until.day === endDay : startOf(zone, until) === end;
  if (!ends) return `is over with ${curve.until}, and the flight at ${shown(zone, end)}`;
  if (piecesOf(curve, zone, start, end).length < pieces.length)
    return `has a piece that is empty between ${shown(zone, start)} and ${shown(zone, end)}`;
  return null;
}

/** The first instant of a day; or, from there by quarter-hours, the first at which its clocks show a time, or a later one. */
function startOf(zone: Zone, { day, minute }: LocalTime): number {
  const first = zone.dayStart(day);
  if (minute === null) return first;
  const wanted = dayMs * day + minuteMs * minute;
  const next = zone.dayStart(day + 1);
  for (let at = first; at < next; at += quarterMs) if (at + zone.offsetAt(at) >= wanted) return at;
  return next;
}

function endOf(zone: Zone, until: LocalTime): number {
  return until.minute === null ? zone.dayStart(until.day + 1) : startOf(zone, until);
}

function shown(zone: Zone, at: number): string {
  const local = at + zone.offsetAt(at);
  const minutes = Math.floor((local % dayMs) / minuteMs);
  const [hour, minute] = [Math.floor(minutes / 60), minutes % 60].map((each) => String(each).padStart(2, '0'));
  return `${dayText(Math.floor(local / dayMs))}T${hour}:${minute}`;
}
