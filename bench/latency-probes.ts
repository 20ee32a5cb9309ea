import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeEventCodec } from '../src/adapters/log/event-codec.ts';
import { RecordProducer } from '../src/simulator/produce-records.ts';
import { KafkaConnection } from '../src/sources/kafka/connection.ts';
import { TopicWriter } from '../src/sources/kafka/topic-writer.ts';
import type { EngineInfo } from '../src/state/sqlite/data-directory.ts';

const probeEveryMs = 250;
const lookEveryMs = 20;
/** Until then the lanes open and code is compiled; these probes do not count. */
const warmUpMs = 10_000;
const lastWaitMs = 20_000;
/** Four organizations, so that the probes go through several lanes. */
const organizations = ['probe-a', 'probe-b', 'probe-c', 'probe-d'] as const;

/** Impressions whose arrival in ClickHouse is waited for, each by the count of its organization. */
export class LatencyProbes {
  readonly #engine: EngineInfo;
  readonly #topic: { readonly broker: string; readonly topic: string; readonly partitions: number };
  readonly #sentAtMs = new Map<string, number[]>(organizations.map((org) => [org, []]));
  readonly #seen = new Map<string, number>();
  readonly #latencies: number[] = [];
  readonly #startMs = Date.now();
  #isOver = false;

  constructor(directory: string, topic: { broker: string; topic: string; partitions: number }) {
    this.#engine = JSON.parse(readFileSync(join(directory, 'engine.json'), 'utf8')) as EngineInfo;
    this.#topic = topic;
  }

  async run(): Promise<void> {
    await Promise.all([this.#send(), this.#look()]);
  }

  /** Sends no more, waits for those under way; latencies in ms, shortest first. */
  async end(running: Promise<void>): Promise<readonly number[]> {
    this.#isOver = true;
    await running;
    return this.#latencies.sort((a, b) => a - b);
  }

  async #send(): Promise<void> {
    const { broker, topic, partitions } = this.#topic;
    const connection = new KafkaConnection({ brokers: [broker], clientId: 'probes', tls: null, sasl: null });
    const writer = new TopicWriter(topic, partitions, connection);
    const producer = new RecordProducer(writer, makeEventCodec('binary').encoder);
    for (let i = 0; !this.#isOver; i++) {
      const org = organizations[i % organizations.length];
      const nowMs = Date.now();
      producer.add({ type: 'impression', key: org, logTimeMs: nowMs, value: impressionOf(org, nowMs) });
      this.#sentAtMs.get(org)?.push(nowMs);
      await producer.flush();
      await sleep(Math.max(1, probeEveryMs - (Date.now() - nowMs)));
    }
    await writer.close();
    await connection.close();
  }

  async #look(): Promise<void> {
    let deadlineMs = Number.POSITIVE_INFINITY;
    while (!this.#isOver || this.#hasMissing()) {
      if (this.#isOver && deadlineMs === Number.POSITIVE_INFINITY) deadlineMs = Date.now() + lastWaitMs;
      if (Date.now() > deadlineMs) throw new Error('some probes did not arrive in ClickHouse');
      const counts = await this.#ask();
      const nowMs = Date.now();
      for (const [org, count] of counts) this.#note(org, count, nowMs);
      await sleep(lookEveryMs);
    }
  }

  #note(org: string, count: number, nowMs: number): void {
    const sent = this.#sentAtMs.get(org) ?? [];
    for (let i = this.#seen.get(org) ?? 0; i < count; i++)
      if (sent[i] - this.#startMs >= warmUpMs) this.#latencies.push(nowMs - sent[i]);
    this.#seen.set(org, count);
  }

  #hasMissing(): boolean {
    return [...this.#sentAtMs].some(([org, sent]) => (this.#seen.get(org) ?? 0) < sent.length);
  }

  async #ask(): Promise<[string, number][]> {
    const { addresses, tokens } = this.#engine;
    const names = organizations.map((org) => `'${org}'`).join(', ');
    const body = `SELECT org_id, sum(impressions) FROM campaign_metrics_daily FINAL WHERE org_id IN (${names}) GROUP BY org_id FORMAT TSV`;
    const headers = { 'x-clickhouse-key': String(tokens.clickhouse_read) };
    const answer = await fetch(String(addresses.clickhouse), { method: 'POST', headers, body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text.slice(0, 500));
    const rows = text.split('\n').filter(Boolean);
    return rows.map((row): [string, number] => [row.split('\t')[0], Number(row.split('\t')[1])]);
  }
}

function impressionOf(org_id: string, nowMs: number): Record<string, unknown> {
  return {
    event_id: randomBytes(16),
    org_id,
    campaign_id: 'probe',
    flight_id: null,
    advertiser_id: null,
    event_time: nowMs,
    produced_at: nowMs,
    test: false,
    source: 'adserver',
    currency: 'USD',
    creative_id: 'probe-c1',
    cpm_micros: 1_000_000,
    cost_micros: 0,
    basis: 'MEDIA',
    measurable: true,
    viewable: true,
    ivt: 'NONE',
    batch_count: 1,
    device: 'phone',
    geo: 'US',
  };
}
