import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import avsc, { type Schema } from 'avsc';
import type { Plan } from '../src/rules/plan.ts';
import { openPrefix } from './log-prefix.ts';
import { peakRssMb } from './machine.ts';
import { serveTask } from './task.ts';

/**
 * The peer: how such a job is usually written in Node. One object per message (avsc), one Map per
 * aggregate, a Map of seen ids, a loop over all flights every five minutes. It does part of the
 * engine's work only: it decodes, drops duplicates, sums days and flights and computes OSI; it has no
 * lateness, no dead letters, no rules, no state on disk, no output. Its sums are doubles.
 */
export interface NaiveTask {
  readonly logDir: string;
  /** Share of each partition that is read. */
  readonly share: number;
}

export interface NaiveResult {
  readonly records: number;
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
  readonly rssPeakMb: number;
  /** Proof that it worked: OSI values computed, campaigns and days held. */
  readonly evaluations: number;
  readonly flights: number;
  readonly days: number;
}

const evaluateEveryMs = 300_000;
const duplicateWindowMs = 900_000;
const dayMs = 86_400_000;
const hourMs = 3_600_000;

interface Flight {
  readonly startMs: number;
  readonly endMs: number;
  budgetMicros: number;
  spentMicros: number;
  impressions: number;
  readonly hours: Map<number, number>;
  osi: number;
}

interface Day {
  impressions: number;
  clicks: number;
  viewable: number;
  spendMicros: number;
  conversions: number;
  revenueMicros: number;
}

// biome-ignore lint/suspicious/noExplicitAny: avsc gives objects of no type; so would every user of it have them.
type Message = any;

class NaiveJob {
  readonly #plans = new Map<string, Plan>();
  readonly #seen = new Map<string, number>();
  readonly #days = new Map<string, Day>();
  readonly #flights = new Map<string, Flight>();
  readonly #formats = new Map<string, Intl.DateTimeFormat>();
  #nextEvaluation = 0;
  #nextSweep = 0;
  evaluations = 0;

  get flights(): number {
    return this.#flights.size;
  }
  get days(): number {
    return this.#days.size;
  }

  handle(type: string, message: Message, logTime: number): void {
    if (logTime >= this.#nextEvaluation) this.#evaluate(logTime);
    if (type === 'Tick' || type === 'SourceHeartbeat') return;
    if (type === 'OrgPlan') {
      this.#plans.set(message.org_id, JSON.parse(message.body) as Plan);
      return;
    }
    if (this.#isDuplicate(message.event_id.toString('hex'), logTime)) return;
    const key = `${message.org_id}|${message.campaign_id}`;
    if (type === 'FlightChanged') this.#openFlight(key, message);
    else if (type === 'BudgetChanged') this.#setBudget(key, message);
    else this.#count(type, key, message);
  }

  #isDuplicate(id: string, logTime: number): boolean {
    if (logTime >= this.#nextSweep) {
      for (const [old, at] of this.#seen) {
        if (at >= logTime - duplicateWindowMs) break;
        this.#seen.delete(old);
      }
      this.#nextSweep = logTime + 10_000;
    }
    if (this.#seen.has(id)) return true;
    this.#seen.set(id, logTime);
    return false;
  }

  #openFlight(key: string, message: Message): void {
    const startMs = message.start_local * dayMs;
    const endMs = (message.end_local + 1) * dayMs;
    this.#flights.set(key, {
      startMs,
      endMs,
      budgetMicros: 0,
      spentMicros: 0,
      impressions: 0,
      hours: new Map(),
      osi: 1,
    });
  }

  #setBudget(key: string, message: Message): void {
    const flight = this.#flights.get(key);
    if (flight) flight.budgetMicros = message.budget_micros;
  }

  #count(type: string, key: string, message: Message): void {
    const plan = this.#plans.get(message.org_id);
    const from = plan?.defaults.spend.from;
    const at = type === 'Spend' ? message.period_start : message.event_time;
    const day = this.#day(`${key}|${this.#date(plan?.defaults.zone ?? 'UTC', at)}`);
    const flight = this.#flights.get(key);
    let spend = 0;
    if (type === 'Impression' && message.ivt === 'NONE') {
      day.impressions += message.batch_count;
      if (message.viewable) day.viewable += 1;
      if (flight) flight.impressions += message.batch_count;
      if (from === 'impressions') spend = message.cpm_micros / 1_000;
    } else if (type === 'Click' && message.ivt === 'NONE') day.clicks += 1;
    else if (type === 'Conversion') {
      day.conversions += message.weight;
      day.revenueMicros += message.revenue_micros;
    } else if (type === 'Spend' && from === 'feed') spend = message.amount_micros;
    else if (type === 'SpendAdjustment') spend = message.delta_micros;
    if (spend === 0) return;
    day.spendMicros += spend;
    if (!flight) return;
    flight.spentMicros += spend;
    const hour = Math.floor(at / hourMs);
    flight.hours.set(hour, (flight.hours.get(hour) ?? 0) + spend);
  }

  #day(key: string): Day {
    let day = this.#days.get(key);
    if (day === undefined) {
      day = { impressions: 0, clicks: 0, viewable: 0, spendMicros: 0, conversions: 0, revenueMicros: 0 };
      this.#days.set(key, day);
    }
    return day;
  }

  #date(zone: string, at: number): string {
    let format = this.#formats.get(zone);
    if (format === undefined) {
      format = new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' });
      this.#formats.set(zone, format);
    }
    return format.format(at);
  }

  #evaluate(now: number): void {
    this.#nextEvaluation = now + evaluateEveryMs;
    for (const flight of this.#flights.values()) {
      if (now <= flight.startMs || flight.budgetMicros === 0) continue;
      const elapsed = Math.min(1, (now - flight.startMs) / (flight.endMs - flight.startMs));
      flight.osi = flight.spentMicros / (flight.budgetMicros * elapsed);
      this.evaluations += 1;
    }
  }
}

function releasedTypes(): Map<number, avsc.Type> {
  const directory = join(import.meta.dirname, '..', 'schemas', 'avro');
  const read = (file: string): unknown => JSON.parse(readFileSync(join(directory, file), 'utf8'));
  const ids = Object.entries(read('ids.json') as Record<string, string>);
  return new Map(ids.map(([id, name]) => [Number(id), avsc.Type.forSchema(read(`released/${name}.avsc`) as Schema)]));
}

await serveTask<NaiveTask>(async ({ logDir, share }) => {
  const { source, ends, records } = await openPrefix(logDir, share);
  const types = releasedTypes();
  const names = new Map([...types].map(([id, type]) => [id, (type.name ?? '').split('.').at(-1) ?? '']));
  const jobs = ends.map(() => new NaiveJob());
  const before = process.cpuUsage();
  const startMs = performance.now();
  for (const [partition, end] of ends.entries()) {
    for await (const run of source.readBack(partition, 0, end)) {
      const bytes = Buffer.from(run.bytes.buffer, run.bytes.byteOffset, run.bytes.byteLength);
      for (let row = 0; row < run.count; row++) {
        const value = bytes.subarray(run.valueStarts[row], run.valueEnds[row]);
        const id = value.readInt32BE(1);
        const message: Message = types.get(id)?.fromBuffer(value.subarray(5));
        jobs[partition].handle(names.get(id) ?? '', message, run.logTimes[row]);
      }
    }
  }
  const wallSeconds = (performance.now() - startMs) / 1_000;
  const { user, system } = process.cpuUsage(before);
  await source.close();
  const sum = (value: (job: NaiveJob) => number): number => jobs.reduce((total, job) => total + value(job), 0);
  const result: NaiveResult = {
    records,
    cpuSeconds: (user + system) / 1e6,
    wallSeconds,
    rssPeakMb: peakRssMb(),
    evaluations: sum((job) => job.evaluations),
    flights: sum((job) => job.flights),
    days: sum((job) => job.days),
  };
  return result;
});
