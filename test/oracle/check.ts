import type { RejectReason } from '../../src/events/event-batch.ts';
import { idPattern } from '../../src/model/ids.ts';
import type { Bounds } from './bounds.ts';
import { startOfDay } from './civil-time.ts';
import type { EventFields, OracleEvent } from './events.ts';

/** Checks of §2 that need nothing but the record, and the sets that find duplicates. */

/** What docs/semantics.md and docs/events.md say of a kind, told here a second time: nothing is taken from the engine's table. */
interface Told {
  /** Whose ids are remembered for minutes, whose for a month; both as long as the kind may be late. */
  readonly ids: 'minutes' | 'month' | 'never';
  readonly currency: boolean;
  /** Money of a late record, micros. */
  readonly money?: (fields: EventFields) => number;
  /** Instants beside event_time that may not lie in the future, those of days by their zone. */
  readonly ahead?: (fields: EventFields, zone: string) => (number | null)[];
  /** Where it is booked, when that is not event_time. */
  readonly bookedAt?: (fields: EventFields, zone: string) => number;
}

const byDay = {
  ahead: (fields: EventFields, zone: string) => [startOfDay(zone, fields.applies_to)],
  bookedAt: (fields: EventFields, zone: string) => startOfDay(zone, fields.applies_to),
};

const told: Readonly<Record<OracleEvent['kind'], Told>> = {
  tick: { ids: 'never', currency: false },
  org_plan: { ids: 'never', currency: false },
  impression: { ids: 'minutes', currency: true, money: (fields) => fields.cost_micros },
  click: { ids: 'minutes', currency: true, money: (fields) => fields.cost_micros },
  video_progress: { ids: 'minutes', currency: false },
  conversion: {
    ids: 'month',
    currency: true,
    money: (fields) => fields.revenue_micros,
    ahead: (fields) => [fields.conversion_time, fields.touch_time],
    bookedAt: (fields) => Math.min(fields.conversion_time, fields.touch_time ?? fields.conversion_time),
  },
  spend: {
    ids: 'month',
    currency: true,
    money: (fields) => fields.amount_micros,
    ahead: (fields) => [fields.period_start],
    bookedAt: (fields) => fields.period_start,
  },
  spend_adjustment: { ids: 'month', currency: true, money: (fields) => fields.delta_micros, ...byDay },
  metric_correction: { ids: 'month', currency: false, ...byDay },
  budget_changed: { ids: 'month', currency: true },
  flight_changed: { ids: 'month', currency: false },
  status_changed: { ids: 'month', currency: false },
  creative_status: { ids: 'month', currency: false },
  auction_stats: {
    ids: 'minutes',
    currency: false,
    ahead: (fields) => [fields.minute],
    bookedAt: (fields) => fields.minute,
  },
  source_heartbeat: { ids: 'never', currency: false, ahead: (fields) => [fields.complete_through] },
};

export function carriesCurrency(event: OracleEvent): boolean {
  return told[event.kind].currency;
}

export function keyProblem(event: OracleEvent, key: Uint8Array | null): RejectReason | null {
  if (event.kind === 'org_plan' && event.org === '_default') return key === null ? null : 'key_mismatch';
  if (key === null || Buffer.from(key).toString('latin1') !== event.org) return 'key_mismatch';
  return event.kind !== 'org_plan' && event.org.startsWith('_') ? 'bad_id' : null;
}

/** The organization that a dead letter is filed under. */
export function orgOfKey(key: Uint8Array | null): string {
  const text = key === null ? '' : Buffer.from(key).toString('latin1');
  return idPattern.test(text) ? text : '_system';
}

/** Instants that may not lie in the future; the latest decides. */
export function latestInstant({ kind, fields, eventTime }: OracleEvent, zone: string): number {
  return Math.max(eventTime, ...(told[kind].ahead?.(fields, zone) ?? []).map((at) => at ?? eventTime));
}

/** When the record is booked, and how long after that it may still come; null = never late. */
export function booking(
  event: OracleEvent,
  zone: string,
  bounds: Bounds,
): { bookedAt: number; allowed: number } | null {
  const { ids, bookedAt } = told[event.kind];
  if (ids === 'never') return null;
  const allowed = ids === 'minutes' ? bounds.deliveryLatenessMs : bounds.moneyLatenessMs;
  return { bookedAt: bookedAt?.(event.fields, zone) ?? event.eventTime, allowed };
}

export function moneyOf({ kind, fields }: OracleEvent): number {
  return told[kind].money?.(fields) ?? 0;
}

/** Who was here before (§2.7). */
export class Seen {
  readonly #bounds: Bounds;
  readonly #delivery = new Map<string, { offset: number; clock: number }>();
  readonly #others = new Map<string, number>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Notes a delivery record that passed checks 1–3; true when an earlier one makes it a duplicate. */
  noteDelivery(event: OracleEvent, offset: number, clock: number): boolean {
    if (told[event.kind].ids !== 'minutes') return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#delivery.get(identity);
    this.#delivery.delete(identity);
    this.#delivery.set(identity, { offset, clock });
    this.#forgetOld(clock);
    if (before === undefined) return false;
    return clock - before.clock <= this.#bounds.duplicateMs && offset - before.offset <= this.#bounds.duplicateRecords;
  }

  /** For kinds whose ids are remembered for a month: true when it is a duplicate, else it is noted. */
  isRepeated(event: OracleEvent, clock: number): boolean {
    if (told[event.kind].ids !== 'month') return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#others.get(identity);
    if (before !== undefined && clock - before <= this.#bounds.moneyLatenessMs) return true;
    this.#others.set(identity, clock);
    return false;
  }

  /** The clock never runs back, so the oldest entries come first and can no longer matter. */
  #forgetOld(clock: number): void {
    for (const [identity, before] of this.#delivery) {
      if (clock - before.clock <= this.#bounds.duplicateMs) return;
      this.#delivery.delete(identity);
    }
  }
}
