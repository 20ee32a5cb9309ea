import { floorShare, minus, plus, positive, times, type Whole } from '../model/whole.ts';
import { type FlightBooks, type MoneyBeside, type PacingValues, runRate } from './pacing.ts';

/** What a flight may have spent since its sources were complete, micros; null = nobody can say (docs/semantics.md §7.5). */
export interface MoneyAtRisk {
  /** What the recent rate makes of the time that nobody has seen. */
  readonly unseen: Whole | null;
  /** The part of it that budget and daily caps had no room for. */
  readonly atRisk: Whole | null;
}

export const riskUnknown: MoneyAtRisk = { unseen: null, atRisk: null };

/** Between `a`, up to which everything was seen and of which `values` are, and the instant `t` of the evaluation. */
export function moneyAtRisk(books: FlightBooks, values: PacingValues, a: number, t: number): MoneyAtRisk {
  const { end } = books;
  const { terms } = values;
  if (a >= end) return riskUnknown;
  const weight = books.weightOf(terms.mode, terms.curve, end);
  const rate = runRate(books, weight, a);
  if (rate.weight === 0) return riskUnknown;
  const until = Math.min(Math.max(a, t), end);
  const { money } = values;
  const spent = money === null ? rate.amount : books.spendBetween(rate.from, a);
  const unseen = floorShare(positive(spent), weight.between(a, until), rate.weight);
  const left = money === null ? room(books, values, a, until) : roomBeside(money, terms.limit);
  // Another goal than money may cost what it takes, where nobody says how much.
  return { unseen, atRisk: left === null ? 0 : positive(minus(unseen, left)) };
}

function roomBeside({ spend }: MoneyBeside, limit: number | null): Whole | null {
  return limit === null ? null : positive(minus(limit, spend));
}

/** What budget and daily caps leave for [a, until), each day of it with a cap of its own. */
function room({ zone }: FlightBooks, { budget, spend, capAllowed, daySpend }: PacingValues, a: number, until: number) {
  const left = positive(minus(budget, spend));
  if (capAllowed === null || until === a) return left;
  const day = zone.localDay(a);
  const nights = zone.localDay(until - 1) - day;
  // At a midnight the day that is judged is the one before, and nothing of this one was seen.
  const seen = zone.dayStart(day) === a ? 0 : daySpend;
  const ofCaps = plus(positive(minus(capAllowed, seen)), times(capAllowed, nights));
  if (left < ofCaps) return left;
  return ofCaps;
}
