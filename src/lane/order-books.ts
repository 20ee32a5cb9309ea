import { microsOf } from '../model/money.ts';
import type { LogTimeMs } from '../model/time.ts';
import { minus, plus, type Whole } from '../model/whole.ts';
import { findZone, type Zone } from '../model/zones.ts';
import { type Ledger, makeLedger, type WeightOf } from '../pacing/flight-ledger.ts';
import type { FlightBooks, PacingStatus } from '../pacing/pacing.ts';
import { dayOf } from '../rules/order.ts';
import type { OrderPlan, Plan } from '../rules/plan.ts';
import type { Campaign, FlightDates } from './campaign.ts';
import { sumAt } from './day-row.ts';
import { makeWeightOf } from './find-weight.ts';
import { spendBetween, sumOfDays } from './flight-books.ts';
import { spendOfDays } from './window-books.ts';

/** An order's days, in its own zone. */
export function orderDates({ start, end, zone }: OrderPlan): FlightDates {
  const [startDay, endDay] = [dayOf(start), dayOf(end)];
  const own = findZone(zone) as Zone;
  const span = { start: own.dayStart(startDay), end: own.dayStart(endDay + 1) };
  return { startDay, endDay, ...span, zone: own, startsInside: false, endsInside: false };
}

/** What `paceFlight` asks, of the members of an order together (docs/semantics.md §8.9). */
export class BooksOfOrder implements FlightBooks {
  readonly unit = 'MONEY';
  readonly start: number;
  readonly end: number;
  readonly zone: Zone;
  readonly ledger: Ledger;
  readonly statuses = [];
  readonly previousStatus: PacingStatus | null;
  readonly dayAllowanceBp = 10_000;
  readonly isDaily: boolean;
  readonly weightOf: WeightOf;
  readonly #members: readonly Campaign[];
  readonly #clock: LogTimeMs;
  /** Nanos on the order's days, whatever lies after as_of included. */
  readonly #total: Whole;

  constructor(
    { plan, order, dates }: { readonly plan: Plan; readonly order: OrderPlan; readonly dates: FlightDates },
    members: readonly Campaign[],
    clock: LogTimeMs,
    { isDaily, previousStatus }: Pick<FlightBooks, 'isDaily' | 'previousStatus'>,
  ) {
    this.start = dates.start;
    this.end = dates.end;
    this.zone = dates.zone;
    this.ledger = ledgerOfOrder(order, dates);
    this.weightOf = makeWeightOf(plan, {}, dates);
    this.previousStatus = previousStatus;
    this.isDaily = isDaily;
    this.#members = members;
    this.#clock = clock;
    let total: Whole = 0;
    for (const campaign of members) total = plus(total, spendOfDays(campaign, dates.startDay, dates.endDay));
    this.#total = total;
  }

  goalBetween(from: number, to: number): Whole {
    return this.spendBetween(from, to);
  }

  goalBefore(at: number): Whole {
    return this.spentBefore(at);
  }

  spendBetween(from: number, to: number): Whole {
    return microsOf(this.#nanosBetween(from, to));
  }

  spentBefore(at: number): Whole {
    return microsOf(minus(this.#total, this.#nanosBetween(Math.max(at, this.start), this.end)));
  }

  /** No value of an order asks for them. */
  impressionsBetween(): number {
    return 0;
  }

  impressionsBefore(): number {
    return 0;
  }

  #nanosBetween(from: number, to: number): Whole {
    let nanos: Whole = 0;
    for (const campaign of this.#members) {
      const own = this.isDaily
        ? sumOfDays(campaign, this.zone, from, to, sumAt.spendNanos)
        : spendBetween(campaign, from, to, this.#clock);
      nanos = plus(nanos, own);
    }
    return nanos;
  }
}

/** What was signed holds from the first day on: an order that is amended is what it would have been all along. */
function ledgerOfOrder({ budget_micros: budget, mode, ...rest }: OrderPlan, { start, end }: FlightDates): Ledger {
  const curve = rest.curve ?? null;
  const said = { at: start, order: 0, seen: start, actual: 0 };
  return makeLedger(
    [
      { ...said, kind: 'budget', budget, cap: null },
      { ...said, kind: 'flight', mode, curve, end, rebase: 'NONE' },
    ],
    start,
    null,
  );
}
