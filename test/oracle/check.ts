import type { RejectReason } from '../../src/events/event-batch.ts';
import { idPattern } from '../../src/model/ids.ts';
import type { Plan } from '../../src/rules/plan.ts';
import type { Bounds } from './bounds.ts';
import { startOfDay } from './civil-time.ts';
import type { EventFields, OracleEvent } from './events.ts';
import { hour } from './whole-numbers.ts';

/** Checks of §2 that need nothing but the record, and the sets that find duplicates. */

/** What decides how late a record may come. */
export type LatenessClass = 'delivery' | 'report' | 'conversion' | 'correction' | 'control' | 'opening';

/** What docs/semantics.md and docs/events.md say of a kind, told here a second time: nothing is taken from the engine's table. */
interface Told {
  /** Whose ids are remembered for hours, whose for a month. */
  readonly ids: 'hours' | 'month' | 'never';
  /** Absent = never late. */
  readonly lateness?: (fields: EventFields) => LatenessClass;
  /** Media money, in the campaign's one currency. Conversions may be in another (§2.9). */
  readonly media?: (fields: EventFields) => boolean;
  /** Money of a late record, micros. */
  readonly money?: (fields: EventFields) => number | null;
  /** Instants beside event_time that may not lie in the future, those of days by their zone. */
  readonly ahead?: (fields: EventFields, zone: string) => (number | null)[];
  /** Where it is booked, when that is not event_time. */
  readonly bookedAt?: (fields: EventFields, zone: string) => number;
}

const of =
  (name: LatenessClass): (() => LatenessClass) =>
  () =>
    name;
const always = () => true;
const byDay = {
  ahead: (fields: EventFields, zone: string) => [startOfDay(zone, fields.applies_to)],
  bookedAt: (fields: EventFields, zone: string) => startOfDay(zone, fields.applies_to),
};
const report = {
  ids: 'month',
  lateness: of('report'),
  money: (fields: EventFields) => fields.amount_micros,
  ahead: (fields: EventFields) => [fields.period_start, fields.as_of],
  bookedAt: (fields: EventFields) => fields.period_start,
} as const;
const control = { ids: 'month', lateness: of('control') } as const;
const delivery = { ids: 'hours', lateness: of('delivery') } as const;

const told: Readonly<Record<OracleEvent['kind'], Told>> = {
  tick: { ids: 'never' },
  org_plan: { ids: 'never' },
  impression: { ...delivery, media: always, money: (fields) => fields.cost_micros },
  click: { ...delivery, media: always, money: (fields) => fields.cost_micros },
  video_progress: delivery,
  conversion: {
    ids: 'month',
    lateness: () => 'conversion',
    money: (fields) => fields.revenue_micros,
    ahead: (fields) => [fields.conversion_time, fields.touch_time],
    bookedAt: (fields) => fields.conversion_time,
  },
  spend: { ...report, media: always },
  performance_report: { ...report, media: (fields) => fields.amount_micros !== null },
  spend_adjustment: {
    ids: 'month',
    lateness: ({ opening }) => (opening ? 'opening' : 'correction'),
    media: always,
    money: (fields) => fields.delta_micros,
    ...byDay,
  },
  metric_correction: { ids: 'month', lateness: () => 'correction', ...byDay },
  budget_changed: control,
  flight_changed: control,
  status_changed: control,
  creative_status: control,
  auction_stats: { ...delivery, ahead: (fields) => [fields.minute], bookedAt: (fields) => fields.minute },
  source_heartbeat: { ids: 'never', ahead: (fields) => [fields.complete_through] },
};

/** Whether its id is remembered for a month. */
export function isMonthly({ kind }: OracleEvent): boolean {
  return told[kind].ids === 'month';
}

export function isMedia({ kind, fields }: OracleEvent): boolean {
  return told[kind].media?.(fields) ?? false;
}

/** `isOfAll`: the record is a plan of everyone, or says whose plans count. */
export function keyProblem(event: OracleEvent, key: Uint8Array | null, isOfAll: boolean): RejectReason | null {
  if (isOfAll) return key === null ? null : 'key_mismatch';
  if (key === null || Buffer.from(key).toString('latin1') !== event.org) return 'key_mismatch';
  return event.org.startsWith('_') ? 'bad_id' : null;
}

/** The organization that a dead letter is filed under. */
export function orgOfKey(key: Uint8Array | null): string {
  const text = key === null ? '' : Buffer.from(key).toString('latin1');
  return idPattern.test(text) && !text.startsWith('_') ? text : '_system';
}

const onDevices = new Set(['impression', 'click', 'video_progress', 'conversion']);
const asked = new Set(['spend', 'performance_report', 'source_heartbeat']);

/** The event as it counts: where the source's clock is not trusted, no instant of it lies after the log's time (§2.5). */
export function inTime(event: OracleEvent, plan: Plan, logTime: number): OracleEvent {
  const isTrusted = !Object.hasOwn(plan.sources, event.source) || plan.sources[event.source].clock !== 'untrusted';
  if (isTrusted) return event;
  if (asked.has(event.kind)) {
    const { as_of, source_seq, produced_at, complete_through } = event.fields;
    const isAhead = event.eventTime > logTime || (as_of ?? 0) > logTime;
    const fields = {
      ...event.fields,
      as_of: isAhead ? Math.min(as_of ?? logTime, logTime) : as_of,
      source_seq: source_seq ?? produced_at ?? event.eventTime,
      complete_through: Math.min(complete_through, logTime),
    };
    return { ...event, eventTime: Math.min(event.eventTime, logTime), fields };
  }
  if (!onDevices.has(event.kind)) return event;
  const { conversion_time, touch_time } = event.fields;
  const fields = {
    ...event.fields,
    conversion_time: Math.min(conversion_time, logTime),
    touch_time: touch_time === null ? null : Math.min(touch_time, logTime),
  };
  const isSetRight = event.eventTime > logTime || conversion_time > logTime || (touch_time ?? 0) > logTime;
  return { ...event, eventTime: Math.min(event.eventTime, logTime), fields, isSetRight };
}

/** Instants that may not lie in the future; the latest decides. */
export function latestInstant({ kind, fields, eventTime }: OracleEvent, zone: string): number {
  return Math.max(eventTime, ...(told[kind].ahead?.(fields, zone) ?? []).map((at) => at ?? eventTime));
}

/** When the record is booked, and its class; null = never late. */
export function booking(event: OracleEvent, zone: string): { bookedAt: number; of: LatenessClass } | null {
  const { lateness, bookedAt } = told[event.kind];
  if (lateness === undefined) return null;
  return { bookedAt: bookedAt?.(event.fields, zone) ?? event.eventTime, of: lateness(event.fields) };
}

export function moneyOf({ kind, fields }: OracleEvent): number {
  return told[kind].money?.(fields) ?? 0;
}

export interface DuplicateBounds {
  readonly windowMs: number;
  readonly records: number;
}

/** Who was here before (§2.7). */
export class Seen {
  readonly #bounds: Bounds;
  readonly #delivery = new Map<string, { offset: number; clock: number }>();
  readonly #others = new Map<string, { clock: number; keptMs: number }>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Notes a delivery record that passed checks 1–3; true when an earlier one makes it a duplicate. */
  noteDelivery(event: OracleEvent, offset: number, clock: number, bounds: DuplicateBounds): boolean {
    if (told[event.kind].ids !== 'hours') return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#delivery.get(identity);
    this.#delivery.delete(identity);
    this.#delivery.set(identity, { offset, clock });
    this.#forgetOld(clock);
    if (before === undefined) return false;
    return clock - before.clock <= bounds.windowMs && offset - before.offset <= bounds.records;
  }

  /** For kinds whose ids are remembered for a month, or totals, for days: true when it is a duplicate, else it is noted. */
  isRepeated(event: OracleEvent, clock: number): boolean {
    if (told[event.kind].ids !== 'month') return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#others.get(identity);
    if (before !== undefined && clock - before.clock <= before.keptMs) return true;
    const isTotal = event.kind === 'performance_report' || (event.kind === 'spend' && event.fields.cumulative === true);
    this.#others.set(identity, { clock, keptMs: isTotal ? this.#bounds.totalIdsMs : this.#bounds.moneyLatenessMs });
    return false;
  }

  /** No id of the organization is remembered any more. */
  forget(org: string): void {
    for (const all of [this.#delivery, this.#others])
      for (const identity of all.keys()) if (identity.startsWith(`${org}/`)) all.delete(identity);
  }

  /** The clock never runs back, so the oldest entries come first; no window is longer than 72 h. */
  #forgetOld(clock: number): void {
    for (const [identity, before] of this.#delivery) {
      if (clock - before.clock <= 72 * hour) return;
      this.#delivery.delete(identity);
    }
  }
}
