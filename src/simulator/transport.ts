import { hourMs, minuteMs, secondMs } from '../model/time.ts';
import type { EventType, EventValue, ProducedRecord } from './produced-record.ts';
import type { Random } from './random.ts';
import { RecordHeap } from './record-heap.ts';
import type { Churn } from './world.ts';

/** Where and when an event comes from. */
export interface Origin {
  readonly org_id: string;
  /** Null for what concerns the whole organization. */
  readonly campaign_id: string | null;
  readonly source: string;
  readonly event_time: number;
  /** When its producer sends it; default: as it happens. */
  readonly sent_at?: number;
  readonly flight_id?: string;
  readonly advertiser_id?: string;
}

/** Kinds that only ever arrive once: a copy of a heartbeat is a heartbeat. */
const neverCopied = new Set<EventType>(['source_heartbeat', 'tick', 'org_plan']);

/**
 * The way from a producer to the log: it delays, reorders and repeats. Lateness: 97.5 % under 5 s,
 * 2 % under 5 min, 0.4 % under 3 h, 0.1 % under 72 h. Repeats: geometric, gaps up to 10 min, one copy
 * in thirty beyond the 15 minutes in which an id of delivery is remembered (iPinYou: up to 26 copies).
 */
export class Transport {
  readonly heap = new RecordHeap();
  /** Records that would have come after the end of the log. */
  truncated = 0;
  readonly #random: Random;
  readonly #churn: Churn;
  readonly #endMs: number;
  /** While set, nothing of these organizations and campaigns leaves before the instant. */
  readonly heldUntil = new Map<string, number>();
  /** Organizations whose producers send again hours later; their plans remember ids for a day. */
  readonly retriesLate = new Set<string>();

  constructor(random: Random, churn: Churn, endMs: number) {
    this.#random = random;
    this.#churn = churn;
    this.#endMs = endMs;
  }

  /** An event with its envelope; it reaches the log after its delay, perhaps more than once. */
  send(type: EventType, origin: Origin, fields: EventValue): void {
    const sentAt = origin.sent_at ?? origin.event_time;
    const held = this.heldUntil.get(`${origin.org_id}/${origin.campaign_id}`) ?? 0;
    const at = Math.max(sentAt + this.#delay(), held === 0 ? 0 : held + Math.floor(this.#random.unit() * minuteMs));
    this.#enqueue(type, origin, fields, at);
  }

  /** The same, at an exact log time and once. */
  sendAt(logTimeMs: number, type: EventType, origin: Origin, fields: EventValue): void {
    this.push({ type, key: origin.org_id, logTimeMs, value: this.envelope(origin, fields) });
  }

  /** The same, at an exact log time and then again: ids of money are remembered for 32 days. */
  sendTwice(logTimeMs: number, againMs: number, type: EventType, origin: Origin, fields: EventValue): void {
    const value = this.envelope(origin, fields);
    this.push({ type, key: origin.org_id, logTimeMs, value });
    this.push({ type, key: origin.org_id, logTimeMs: againMs, value });
  }

  push(record: ProducedRecord): void {
    if (record.logTimeMs < this.#endMs) this.heap.push(record);
    else this.truncated += 1;
  }

  envelope(origin: Origin, fields: EventValue): EventValue {
    const sentAt = origin.sent_at ?? origin.event_time;
    return {
      event_id: this.#random.id(),
      org_id: origin.org_id,
      campaign_id: origin.campaign_id,
      flight_id: origin.flight_id ?? null,
      advertiser_id: origin.advertiser_id ?? null,
      event_time: origin.event_time,
      produced_at: sentAt,
      source: origin.source,
      test: false,
      ...fields,
    };
  }

  #enqueue(type: EventType, origin: Origin, fields: EventValue, logTimeMs: number): void {
    const isTest = this.#random.chance(this.#churn.tests) && type !== 'source_heartbeat';
    const value = this.envelope(origin, isTest ? { ...fields, test: true } : fields);
    this.push({ type, key: origin.org_id, logTimeMs, value });
    if (neverCopied.has(type) || !this.#random.chance(this.#churn.duplicates)) return;
    let at = logTimeMs;
    for (let copies = this.#random.repeats(0.3, 26); copies > 0; copies--) {
      const isFar = this.#random.chance(1 / 30);
      const isHours = isFar || (this.retriesLate.has(origin.org_id) && this.#random.chance(0.5));
      const far = this.retriesLate.has(origin.org_id) ? this.#random.between(2, 20) * hourMs : undefined;
      const gap = far ?? this.#random.between(16, 90) * minuteMs;
      at += Math.floor(isHours ? gap : this.#random.unit() ** 3 * 10 * minuteMs);
      this.push({ type, key: origin.org_id, logTimeMs: at, value });
    }
  }

  #delay(): number {
    const u = this.#random.unit();
    const v = this.#random.unit();
    if (u < 0.975) return Math.floor(v * v * 5 * secondMs);
    if (u < 0.995) return Math.floor(5 * secondMs + v * (5 * minuteMs - 5 * secondMs));
    if (u < 0.999) return Math.floor(5 * minuteMs + v * v * (3 * hourMs - 5 * minuteMs));
    return Math.floor(3 * hourMs + v * 69 * hourMs);
  }
}
