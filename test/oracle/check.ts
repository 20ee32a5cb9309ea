import type { RejectReason } from '../../src/events/event-batch.ts';
import { idPattern } from '../../src/model/ids.ts';
import { startOfDay } from './civil-time.ts';
import type { OracleEvent } from './events.ts';
import { lateness } from './plans.ts';
import { day, minute } from './whole-numbers.ts';

/** Checks of §2 that need nothing but the record, and the sets that find duplicates. */
const delivery = new Set(['impression', 'click', 'video_progress', 'auction_stats']);
const withCurrency = new Set(['impression', 'click', 'conversion', 'spend', 'spend_adjustment', 'budget_changed']);

export function carriesCurrency(event: OracleEvent): boolean {
  return withCurrency.has(event.kind);
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
export function latestInstant(event: OracleEvent, zone: string): number {
  const { kind, fields, eventTime } = event;
  if (kind === 'spend') return Math.max(eventTime, fields.period_start);
  if (kind === 'conversion') return Math.max(eventTime, fields.conversion_time, fields.touch_time ?? eventTime);
  if (kind === 'auction_stats') return Math.max(eventTime, fields.minute);
  if (kind === 'source_heartbeat') return Math.max(eventTime, fields.complete_through);
  if (isByDate(event)) return Math.max(eventTime, startOfDay(zone, fields.applies_to));
  return eventTime;
}

function isByDate({ kind }: OracleEvent): boolean {
  return kind === 'spend_adjustment' || kind === 'metric_correction';
}

/** When the record is booked, and how long after that it may still come; null = never late. */
export function booking(event: OracleEvent, zone: string): { bookedAt: number; allowed: number } | null {
  const { kind, fields, eventTime } = event;
  if (kind === 'source_heartbeat') return null;
  if (kind === 'auction_stats') return { bookedAt: fields.minute, allowed: lateness.delivery };
  if (delivery.has(kind)) return { bookedAt: eventTime, allowed: lateness.delivery };
  if (kind === 'spend') return { bookedAt: fields.period_start, allowed: lateness.money };
  if (kind === 'conversion') {
    const bookedAt = Math.min(fields.conversion_time, fields.touch_time ?? fields.conversion_time);
    return { bookedAt, allowed: lateness.money };
  }
  if (isByDate(event)) return { bookedAt: startOfDay(zone, fields.applies_to), allowed: lateness.money };
  return { bookedAt: eventTime, allowed: lateness.money };
}

/** Money of a late record, micros. */
export function moneyOf({ kind, fields }: OracleEvent): number {
  if (kind === 'impression' || kind === 'click') return fields.cost_micros;
  if (kind === 'spend') return fields.amount_micros;
  if (kind === 'spend_adjustment') return fields.delta_micros;
  return kind === 'conversion' ? fields.revenue_micros : 0;
}

export interface DuplicateBounds {
  readonly windowMs: number;
  readonly records: number;
}

export const duplicateBounds: DuplicateBounds = { windowMs: 15 * minute, records: 1_000_000 };

/** Who was here before (§2.7). */
export class Seen {
  readonly #bounds: DuplicateBounds;
  readonly #delivery = new Map<string, { offset: number; clock: number }>();
  readonly #others = new Map<string, number>();

  constructor(bounds: DuplicateBounds) {
    this.#bounds = bounds;
  }

  /** Notes a delivery record that passed checks 1–3; true when an earlier one makes it a duplicate. */
  noteDelivery(event: OracleEvent, offset: number, clock: number): boolean {
    if (!delivery.has(event.kind)) return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#delivery.get(identity);
    this.#delivery.delete(identity);
    this.#delivery.set(identity, { offset, clock });
    this.#forgetOld(clock);
    if (before === undefined) return false;
    return clock - before.clock <= this.#bounds.windowMs && offset - before.offset <= this.#bounds.records;
  }

  /** For all other kinds but heartbeats: true when it is a duplicate, else it is noted. */
  isRepeated(event: OracleEvent, clock: number): boolean {
    if (delivery.has(event.kind) || event.kind === 'source_heartbeat') return false;
    const identity = `${event.org}/${event.eventId}`;
    const before = this.#others.get(identity);
    if (before !== undefined && clock - before <= 32 * day) return true;
    this.#others.set(identity, clock);
    return false;
  }

  /** The clock never runs back, so the oldest entries come first and can no longer matter. */
  #forgetOld(clock: number): void {
    for (const [identity, before] of this.#delivery) {
      if (clock - before.clock <= this.#bounds.windowMs) return;
      this.#delivery.delete(identity);
    }
  }
}
