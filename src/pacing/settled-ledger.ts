import {
  byLedgerOrder,
  type Change,
  isAfterSettled,
  type Ledger,
  type Settled,
  type SettledBudget,
  stretchAt,
  type WeightOf,
} from './flight-ledger.ts';

type BudgetChange = Change & { kind: 'budget' };
type StatusChange = Change & { kind: 'status' };

/** What a campaign's ledger asks of a flight that it may settle. */
export interface SettlingFlight {
  readonly start: number;
  readonly changes: readonly Change[];
  readonly settled: Settled | null;
}

/** When a change takes effect, and when it was said. */
interface Said {
  readonly place: number;
  readonly seen: number;
}

/** Of the changes of a flight; its first budget and its first dates hold from its start. */
export function saidOfFlight({ start, changes, settled }: SettlingFlight): Said[] {
  const first = settled === null ? firstOfEach(changes) : [];
  return changes.map((change) => {
    const place = first.includes(change) ? start : Math.max(change.at, start);
    return { place, seen: change.seen };
  });
}

export function saidOfStatuses(statuses: readonly StatusChange[]): Said[] {
  return statuses.map(({ at, seen }) => ({ place: at, seen }));
}

/**
 * How far a ledger that has settled up to `since` may settle: to `horizon`, but before everything that was said since then,
 * as more of that may be on its way (docs/semantics.md §6.5).
 */
export function settlesBefore(said: readonly Said[], since: number, horizon: number): number {
  let most = horizon;
  for (const { place, seen } of said) if (place > since && seen > horizon) most = Math.min(most, place - 1);
  return most;
}

/** The newest change that settles then. */
export function settlesTo(said: readonly Said[], since: number, horizon: number): number {
  const most = settlesBefore(said, since, horizon);
  let newest = since;
  for (const { place, seen } of said) if (seen <= horizon && place <= most) newest = Math.max(newest, place);
  return newest;
}

/** The changes of a ledger up to `until`, in their place; `ledger` is made of all of them. */
export function settle(
  ledger: Ledger,
  { start, changes, settled }: SettlingFlight,
  statuses: readonly StatusChange[],
  { until, order, weightOf }: { readonly until: number; readonly order: number; readonly weightOf: WeightOf },
): Settled {
  const said = changes.filter((change) => settled === null || isAfterSettled(change, settled));
  const taken = settledOf({ start, changes: said, settled }, until);
  const frozen = statuses.filter(({ cause, at }) => cause === 'ADVERTISER' && at <= until);
  const latest = (of: readonly Change[], before: number) => of.reduce((most, { at }) => Math.max(most, at), before);
  return {
    start,
    until,
    order,
    ...stretchAt(ledger, until, weightOf),
    budget: lastBudget(taken.filter(isBudget).sort(byLedgerOrder), settled?.budget ?? null),
    flightAt: latest(
      taken.filter(({ kind }) => kind === 'flight'),
      settled?.flightAt ?? Number.NEGATIVE_INFINITY,
    ),
    statusAt: latest(frozen, settled?.statusAt ?? Number.NEGATIVE_INFINITY),
  };
}

/** The changes of a flight that settle with `until`. */
export function settledOf({ changes, settled }: SettlingFlight, until: number): Change[] {
  const first = settled === null ? firstOfEach(changes) : [];
  return changes.filter((change) => change.at <= until || first.includes(change));
}

/** Of status changes up to `until`, what is still asked for: the last, and the last by which the advertiser paused or went on. */
export function keptStatuses(statuses: readonly StatusChange[], until: number): StatusChange[] {
  const past = statuses.filter(({ at }) => at <= until).sort(byLedgerOrder);
  const kept = new Set([past.at(-1), past.findLast(({ cause }) => cause === 'ADVERTISER')]);
  return statuses.filter((status) => status.at > until || kept.has(status));
}

/** The first budget and the first change of the flight itself, which hold from its start. */
function firstOfEach(changes: readonly Change[]): readonly (Change | undefined)[] {
  const sorted = changes.toSorted(byLedgerOrder);
  return [sorted.find(isBudget), sorted.find(({ kind }) => kind === 'flight')];
}

function lastBudget(budgets: readonly BudgetChange[], before: SettledBudget | null): SettledBudget {
  let last = before;
  for (const { at, order, budget } of budgets) {
    const isStep = last !== null && last.budget !== budget;
    const step = isStep ? { at, order, from: (last as SettledBudget).budget, to: budget } : (last?.step ?? null);
    last = { at, order, budget, step };
  }
  return last as SettledBudget;
}

function isBudget(change: Change): change is BudgetChange {
  return change.kind === 'budget';
}
