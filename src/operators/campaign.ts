import { ExactSum } from '../model/money.ts';
import type { SourcePlan } from '../model/plan.ts';
import type { CompiledRule } from '../model/plan-schema.ts';
import type { Zone } from '../model/zones.ts';
import type { AlertState } from './alert-state.ts';
import type { DayRow } from './day-row.ts';
import type { DeliveryCells } from './delivery-cells.ts';
import type { Change } from './flight-ledger.ts';
import type { LaneBooks } from './lane-books.ts';
import type { PacingStatus } from './pacing.ts';

/** A budget segment of a campaign with its dates, ledger and what was last said about it. */
export class Flight {
  readonly id: string;
  /** Set by the newest flight_changed; null while only a budget is known. */
  dates: { startDay: number; endDay: number; start: number; end: number; zone: Zone } | null = null;
  readonly changes: Change[] = [];
  /** Its changes and its campaign's status changes in ledger order; derived, null = to be made again. */
  ledger: readonly Change[] | null = null;
  budgetLedgerVersion = Number.NEGATIVE_INFINITY;
  flightLedgerVersion = Number.NEGATIVE_INFINITY;
  /** T of docs/semantics.md §6.3. */
  readonly spentNanos = new ExactSum();
  impressions = 0;
  /** True once an evaluation found as_of ≥ e + 72 h. */
  isDone = false;
  lastAsOf: number | null = null;
  lastStatus: PacingStatus | null = null;
  wasStale = false;
  /** Whether the last judged evaluation had s ≤ as_of < e. */
  wasInFlight = false;
  persistedAt: number | null = null;
  persistedOsi: number | null = null;
  /** By rule id; only alerts that are not plainly ok. */
  readonly alerts = new Map<string, AlertState>();

  constructor(id: string) {
    this.id = id;
  }

  get hasBudget(): boolean {
    return this.changes.some((change) => change.kind === 'budget');
  }
  get isEvaluable(): boolean {
    return this.dates !== null && this.hasBudget && !this.isDone;
  }
  get ledgerVersion(): number {
    return Math.max(0, this.budgetLedgerVersion, this.flightLedgerVersion);
  }
}

/** A plan seen from one campaign. */
export interface CampaignPlanView {
  readonly epoch: number;
  /** Sources a flight waits for, by name. */
  readonly sources: readonly { readonly name: string; readonly source: SourcePlan }[];
  /** Flight rules whose labels match, by id. */
  readonly rules: readonly CompiledRule[];
  /** A longer gap between known outcomes restarts `for`. */
  readonly gapMax: number;
  readonly dayAllowanceBp: number;
  readonly planNumber: number;
}

/** All that a lane knows of one campaign. One object a campaign, none an event. */
export class Campaign {
  readonly slot: number;
  readonly orgSlot: number;
  // What every event asks comes first, so that it lies together.
  isDirty = false;
  /** Clock at the last counted record. */
  lastSeen = Number.NEGATIVE_INFINITY;
  currency = '';
  /** Offset of the record that named the currency; none of those before it knew. Derived. */
  currencySince = Number.NEGATIVE_INFINITY;
  /** Newest day looked up, with its bounds; derived. */
  day: DayRow | null = null;
  dayStart = 0;
  dayEnd = 0;
  /** Plan epoch of that lookup: a plan may change the zone. */
  dayPlanEpoch = -1;
  /** Plan epoch of the spend fields below; derived. */
  planSeen = -1;
  spendsFromImpressions = true;
  spendBasis = 0;
  spendSource = '';
  cells: DeliveryCells | null = null;
  readonly flights: Flight[] = [];

  readonly orgId: string;
  readonly id: string;
  /** Phase of its timer. */
  readonly stagger: number;
  /** Where its days and cells keep their numbers. */
  readonly books: LaneBooks;
  zone: Zone | null = null;
  /** Status changes, by record, newest last. */
  readonly statuses: (Change & { kind: 'status' })[] = [];
  /** Instant of the pending timer, null = none is set. */
  timerAt: number | null = null;
  readonly days = new Map<number, DayRow>();
  /** Last cumulative total by (source, basis, period), with the period's start for forgetting. */
  readonly cumulative = new Map<string, { periodStart: number; amount: number }>();
  /** Keys of `cumulative` set since the last harvest. */
  readonly newCumulative = new Set<string>();
  /** Forgotten since the last harvest. */
  wasForgotten = false;
  /** What the plan says of this campaign; looked up again when plans change. */
  planView: CampaignPlanView | null = null;
  /** Its record changed too, not only totals, days and cells. */
  isRecordDirty = false;

  constructor(slot: number, orgSlot: number, orgId: string, id: string, stagger: number, books: LaneBooks) {
    this.slot = slot;
    this.orgSlot = orgSlot;
    this.orgId = orgId;
    this.id = id;
    this.stagger = stagger;
    this.books = books;
  }

  /** Gives back what its days and cells hold. */
  forgetBooks(): void {
    for (const day of this.days.values()) day.forget();
    this.days.clear();
    this.day = null;
    this.cells?.release();
    this.cells = null;
  }
}
