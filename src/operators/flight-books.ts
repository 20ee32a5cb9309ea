import { floorDiv } from '../model/money.ts';
import { hourMs, quarterMs } from '../model/time.ts';
import type { Campaign, Flight } from './campaign.ts';
import { byLedgerOrder, type Change } from './flight-ledger.ts';

/** A flight is evaluated until its delivery can no longer be restated. */
export const evaluatedAfterEndMs = 72 * hourMs;

/** Questions to a flight's books (docs/semantics.md §6.3): P(x, y), S(a) and I(a) over its cells. */

/** Σ nanos of the campaign's items in [from, to); nothing lies beyond two minutes after the clock. */
export function spendBetween(campaign: Campaign, from: number, to: number, clock: number): bigint {
  const end = Math.min(to, newest(clock));
  return campaign.cells === null || from >= end ? 0n : campaign.cells.spend(from, end);
}

export function impressionsBetween(campaign: Campaign, from: number, to: number, clock: number): number {
  const end = Math.min(to, newest(clock));
  return campaign.cells === null || from >= end ? 0 : campaign.cells.impressions(from, end);
}

/** S(at) in micros: what the flight spent in all, less what lies at or after `at`. */
export function spentBefore(campaign: Campaign, flight: Flight, at: number, clock: number): bigint {
  if (flight.dates === null) return 0n;
  const { start, end } = flight.dates;
  return floorDiv(BigInt(flight.spentNanos) - spendBetween(campaign, Math.max(at, start), end, clock), 1_000n);
}

export function impressionsBefore(campaign: Campaign, flight: Flight, at: number, clock: number): number {
  if (flight.dates === null) return 0;
  const { start, end } = flight.dates;
  return flight.impressions - impressionsBetween(campaign, Math.max(at, start), end, clock);
}

/** A quarter-hour beyond every item that passed the future check. */
function newest(clock: number): number {
  return (Math.floor(clock / quarterMs) + 2) * quarterMs;
}

/** The changes that shape a flight's expectation, in ledger order: its own and its campaign's. */
export function ledgerOf(campaign: Campaign, flight: Flight): readonly Change[] {
  flight.ledger ??= [...flight.changes, ...campaign.statuses].sort(byLedgerOrder);
  return flight.ledger;
}
