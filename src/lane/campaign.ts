import type { DeliveredUnit } from '../events/event-batch.ts';
import { nanosOf } from '../model/money.ts';
import { plus, type Whole } from '../model/whole.ts';
import type { Zone } from '../model/zones.ts';
import type { Change, Ledger, Settled, WeightOf } from '../pacing/flight-ledger.ts';
import type { PacingStatus } from '../pacing/pacing.ts';
import type { AlertState } from '../rules/alert-state.ts';
import type { Asked } from '../rules/asked-values.ts';
import type { CompiledRule } from '../rules/compile-plan.ts';
import type { LagCurve } from '../rules/matured-values.ts';
import type { SourcePlan } from '../rules/plan.ts';
import type { Quiet } from '../rules/quiet-rules.ts';
import type { CampaignReports, OldTotal } from './campaign-reports.ts';
import type { CampaignWeight } from './campaign-weight.ts';
import type { ControlWords } from './control-words.ts';
import { ConversionTypes, keepFormerTypes } from './conversion-types.ts';
import type { DayRow } from './day-row.ts';
import { DeliveryCells } from './delivery-cells.ts';
import type { FlightRollover } from './flight-rollover.ts';
import type { GoalCells } from './goal-cells.ts';
import { hotAt, hotWidth } from './hot-campaigns.ts';
import type { HourBooks } from './hour-books.ts';
import type { LagBooks } from './lag-books.ts';
import { flightAt, type LaneBooks } from './lane-books.ts';
import type { NumberSlab } from './number-slab.ts';
import { OldDays } from './old-days.ts';
import type { ProvisionalQuarters } from './provisional-quarters.ts';
import type { CarriedPart, Carrier } from './sections/section.ts';
import type { Unplanned } from './unplanned.ts';

/** First and last local day, and the same span as instants: start inclusive, end exclusive. */
export interface FlightDates {
  readonly startDay: number;
  readonly endDay: number;
  readonly start: number;
  readonly end: number;
  readonly zone: Zone;
  /** It begins, or ends, inside its first or last day: what that day has is only in part its own. */
  readonly startsInside: boolean;
  readonly endsInside: boolean;
}

/** What a flight is paced by that is no money. */
export interface FlightGoal {
  readonly unit: DeliveredUnit;
  /** What it reached in all; of impressions the flight's own total says so. */
  total: Whole;
  /** What the last persisted snapshot said was reached of it; null = nothing. */
  persisted: Whole | null;
}

/** A budget segment of a campaign with its dates, ledger and what was last said about it. */
export class Flight {
  readonly id: string;
  /** Set by the newest flight_changed; null while only a budget is known. */
  dates: FlightDates | null = null;
  /** Without those that have settled. */
  changes: Change[] = [];
  /** What the changes of long ago come to; null while none has settled. */
  settled: Settled | null = null;
  /** Said by its first budget; null = money. */
  goal: FlightGoal | null = null;
  /** Null while nothing comes to it or goes from it that is left unspent. */
  rollover: FlightRollover | null = null;
  /** Derived; null = to be made again. */
  ledger: Ledger | null = null;
  /** Derived from the plan of an epoch and the dates at that time. */
  weight: { readonly epoch: number; readonly dates: FlightDates; readonly of: WeightOf } | null = null;
  budgetLedgerVersion = Number.NEGATIVE_INFINITY;
  flightLedgerVersion = Number.NEGATIVE_INFINITY;
  readonly #totals: NumberSlab;
  /** Its record in the slab of totals: spent nanos (T of docs/semantics.md §6.3), then impressions. */
  readonly base: number;
  /** What it spent when that is no safe integer, in place of the slab's; nearly never. */
  #largeNanos: bigint | null = null;
  /** True once an evaluation found as_of ≥ e + 72 h. */
  isDone = false;
  lastAsOf: number | null = null;
  lastStatus: PacingStatus | null = null;
  wasStale = false;
  /** Whether the last judged evaluation had s ≤ as_of < e. */
  wasInFlight = false;
  persistedAt: number | null = null;
  persistedOsi: number | null = null;
  /** What the last persisted snapshot said it spent; null = nothing. */
  persistedSpend: Whole | null = null;
  /** What it spent or delivered changed after it was done: it is evaluated once more. */
  isRestated = false;
  /** By rule id; only alerts that are not plainly ok. */
  readonly alerts = new Map<string, AlertState>();

  constructor(id: string, totals: NumberSlab) {
    this.id = id;
    this.#totals = totals;
    this.base = totals.take();
  }

  get impressions(): number {
    return this.#totals.values[this.base + flightAt.impressions];
  }
  set impressions(value: number) {
    this.#totals.values[this.base + flightAt.impressions] = value;
  }

  get spentNanos(): Whole {
    return this.#largeNanos ?? this.#totals.values[this.base + flightAt.spentNanos];
  }
  set spentNanos(value: Whole) {
    this.#totals.values[this.base + flightAt.spentNanos] = typeof value === 'number' ? value : 0;
    this.#largeNanos = typeof value === 'number' ? null : value;
  }

  /** Adds micros · 1000 + nanos, whatever their size. */
  addSpend(micros: number, nanos: number): void {
    this.addNanos(nanosOf(micros, nanos));
  }

  addNanos(amount: Whole): void {
    this.spentNanos = plus(this.spentNanos, amount);
  }

  /** True when what it spent lies in the slab, so that it may be added to there. */
  get isSmall(): boolean {
    return this.#largeNanos === null;
  }

  /** Gives its totals back to the slab; this object must not be used any more. */
  release(): void {
    this.#totals.release(this.base);
  }

  /** An array that grows by itself would make room for seventeen, in every flight. */
  addChange(change: Change): void {
    this.changes = [...this.changes, change];
  }

  /** Every budget that is taken has a version; asked at every timer, so that no list is walked. */
  get hasBudget(): boolean {
    return this.settled !== null || this.budgetLedgerVersion !== Number.NEGATIVE_INFINITY;
  }
  get isEvaluable(): boolean {
    return this.dates !== null && this.hasBudget && (!this.isDone || this.isRestated);
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
  /** What these rules and `endedRules` read beyond the values that are always worked out. */
  readonly asked: readonly Asked[];
  /** What rules of scope `campaign` read beyond theirs. */
  readonly askedOfCampaign: readonly Asked[];
  /** What control records say of creatives, and who changes budgets, is remembered. */
  readonly asksForCreatives: boolean;
  readonly asksWhoseBudget: boolean;
  /** What rules compare by the hour: bits of `hourCounter`. */
  readonly asksForHours: number;
  /** A rule asks what is still to come of conversions, and what the plan says of how late they are. */
  readonly asksForLags: boolean;
  readonly declaredLags: LagCurve | null;
  /** A rule reads the spend of the calendar month. */
  readonly readsMonth: boolean;
  /** A source of impressions is named: none counted is zero. */
  readonly hasImpressions: boolean;
  /** Rules of scope `ended` whose labels match, by id. */
  readonly endedRules: readonly CompiledRule[];
  /** Rules of scope `campaign` whose labels match, by id. */
  readonly campaignRules: readonly CompiledRule[];
  /** What these find in a campaign all of whose money is planned. */
  readonly quiet: Quiet;
  /** Cadence of evaluation, ms. */
  readonly every: number;
  readonly dayAllowanceBp: number;
  readonly planNumber: number;
}

/** What changes with control records and evaluations, not with every event: bits of what changed since the last harvest. */
export const part = { flights: 1, pace: 2, alerts: 4, unplanned: 8, words: 16, hours: 32, lags: 64 } as const;
const allParts = part.flights | part.pace | part.alerts | part.unplanned | part.words;

/** Who may say a campaign's currency; a later one of these has the last word over those before it. */
export const saidBy = { nobody: 0, conversion: 1, media: 2, plan: 3, budget: 4 } as const;

/** All that a lane knows of one campaign. One object a campaign, none an event. */
export class Campaign implements Carrier {
  readonly slot: number;
  readonly orgSlot: number;
  /** Its record in the lane's hot records. */
  readonly hot: number;
  /** The day at hand. */
  day: DayRow | null = null;
  cells: DeliveryCells | null = null;
  flights: Flight[] = [];

  readonly orgId: string;
  readonly id: string;
  /** Phase of its timer. */
  readonly stagger: number;
  /** Where its days and cells keep their numbers. */
  readonly books: LaneBooks;
  zone: Zone | null = null;
  /** Status changes, by record, newest last; of those that have settled what is still asked for. */
  statuses: (Change & { kind: 'status' })[] = [];
  /** Up to where they have settled. */
  settledUntil = Number.NEGATIVE_INFINITY;
  /** Instant of the pending timer, null = none is set. */
  timerAt: number | null = null;
  readonly days = new Map<number, DayRow>();
  /** How many of its days changed since the last harvest. */
  dirtyDays = 0;
  /** Null while all its records were light. */
  weight: CampaignWeight | null = null;
  /** Days that few records reach any more. */
  readonly oldDays = new OldDays();
  /** Null while no feed reported anything. */
  reports: CampaignReports | null = null;
  /** Null while no conversion came. */
  conversionTypes: ConversionTypes | null = null;
  /** What a store of an older release had of totals, while it is read back. */
  oldTotals: Map<string, OldTotal> | null = null;
  /** What may move to other days; null when its zone is known. */
  quarters: ProvisionalQuarters | null = null;
  /** Since the last harvest. */
  zoneBecameKnown = false;
  /** Forgotten since the last harvest. */
  wasForgotten = false;
  /** What the plan says of this campaign; looked up again when plans change. */
  planView: CampaignPlanView | null = null;
  carried: CarriedPart[] | null = null;
  /** What control records said that no ledger keeps; null while no rule asked. */
  words: ControlWords | null = null;
  /** What goals of its flights count that nothing else keeps; null while there is none. */
  goals: Map<DeliveredUnit, GoalCells> | null = null;
  /** Null while no rule compares hours. */
  hours: HourBooks | null = null;
  /** Null while no rule asks what is still to come of conversions. */
  lags: LagBooks | null = null;
  /** Null while nothing asked whether money is spent that nobody planned. */
  unplanned: Unplanned | null = null;
  /** Bits of `part`. */
  #changed = 0;

  constructor(slot: number, orgSlot: number, orgId: string, id: string, stagger: number, books: LaneBooks) {
    this.slot = slot;
    this.orgSlot = orgSlot;
    this.orgId = orgId;
    this.id = id;
    this.stagger = stagger;
    this.books = books;
    const place = Math.max(slot, 0);
    this.hot = place * hotWidth;
    books.hot.cover(place);
  }

  /** Clock at the last counted record. */
  get lastSeen(): number {
    return this.books.hot.values[this.hot + hotAt.lastSeen];
  }
  set lastSeen(value: number) {
    this.books.hot.values[this.hot + hotAt.lastSeen] = value;
  }

  /** Empty before a record named one. */
  get currency(): string {
    const number = this.books.hot.values[this.hot + hotAt.currency];
    return number < 0 ? '' : this.books.currencies.text(number);
  }
  set currency(value: string) {
    this.books.hot.values[this.hot + hotAt.currency] = value === '' ? -1 : this.books.currencies.number(value);
  }

  /** Whose word its currency is (`saidBy`). */
  get currencySaidBy(): number {
    return this.books.hot.values[this.hot + hotAt.currencySaidBy];
  }
  set currencySaidBy(value: number) {
    this.books.hot.values[this.hot + hotAt.currencySaidBy] = value;
  }

  /** Totals, days, cells or record changed since the last harvest. */
  get isDirty(): boolean {
    return this.books.hot.values[this.hot + hotAt.isDirty] === 1;
  }
  set isDirty(value: boolean) {
    this.books.hot.values[this.hot + hotAt.isDirty] = value ? 1 : 0;
  }

  cellsToWrite(): DeliveryCells {
    this.cells ??= new DeliveryCells(this.books.cells, this.books.hot, this.hot);
    return this.cells;
  }

  typesOfConversions(): ConversionTypes {
    this.conversionTypes ??= new ConversionTypes(this.books.conversionTypesMax);
    return this.conversionTypes;
  }

  /** Days, flights or cells are not what they were: the next event looks them up again. */
  putAway(): void {
    this.day = null;
    this.books.hot.putAway(this.hot);
  }

  addFlight(flight: Flight): void {
    this.flights = [...this.flights, flight];
  }

  forgetFlights(): void {
    for (const flight of this.flights) flight.release();
    this.flights.length = 0;
    this.putAway();
  }

  /** Gives back what its days hold. */
  forgetDays(): void {
    const types = this.conversionTypes;
    for (const day of this.days.values()) {
      if (types !== null && day.isDirty && day.conversions !== null) keepFormerTypes(day, types);
      day.forget();
    }
    this.days.clear();
    this.dirtyDays = 0;
    this.oldDays.forgetBefore(Number.POSITIVE_INFINITY);
    this.quarters?.release();
    this.quarters = null;
    this.putAway();
  }

  /** Gives back what its cells hold. */
  forgetCells(): void {
    this.putAway();
    this.cells?.release();
    this.cells = null;
  }

  /** Notes bits of `part`; all of them when none is named. */
  noteChange(parts: number = allParts): void {
    this.#changed |= parts;
  }

  hasChanged(parts: number): boolean {
    return (this.#changed & parts) !== 0;
  }

  /** It was saved as it stands. */
  settle(): void {
    this.isDirty = false;
    this.dirtyDays = 0;
    this.wasForgotten = false;
    this.#changed = 0;
  }
}
