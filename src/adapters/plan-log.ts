import type { Decoder } from '../decoders/decoder.ts';
import { EventBatch } from '../events/event-batch.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import type { PlanLog, PlanRecord } from '../plans/apply-plans.ts';
import type { Source } from '../sources/source.ts';
import type { EventCodec } from './event-codec.ts';

interface FoundPlan {
  readonly number: number;
  readonly hash: string;
}

/** How far a partition was read for plans, and what they are. */
interface Scan {
  next: number;
  readonly newest: Map<string, FoundPlan>;
}

/**
 * The plans of a log, read out of its records: each partition once from its start, later only what came
 * since. `source` must be one whose lanes nobody polls at the same time.
 */
export class ScannedPlanLog implements PlanLog {
  readonly partitions: number;
  readonly #source: Pick<Source, 'bounds' | 'readBack' | 'append'>;
  readonly #encoder: EventCodec['encoder'];
  readonly #decoder: Decoder;
  readonly #batch = new EventBatch(1_024);
  readonly #scans = new Map<number, Scan>();

  constructor(source: Pick<Source, 'bounds' | 'readBack' | 'append'>, partitions: number, codec: EventCodec) {
    this.partitions = partitions;
    this.#source = source;
    this.#encoder = codec.encoder;
    this.#decoder = codec.makeDecoder();
  }

  async newest(orgId: string, partition: number): Promise<FoundPlan | null> {
    const { newest } = await this.#scan(partition);
    return newest.get(orgId) ?? null;
  }

  async start(partition: number): Promise<number> {
    return (await this.#source.bounds(partition)).start;
  }

  append({ orgId, partition, number, hash, body }: PlanRecord): Promise<number> {
    const value = this.#encoder.encode('org_plan', { org_id: orgId, number, hash, body });
    // The default plan goes into every lane, so it cannot have a key: a key names one partition.
    return this.#source.append(partition, orgId === defaultPlanOrg ? null : Buffer.from(orgId), value);
  }

  async #scan(partition: number): Promise<Scan> {
    const { start, end } = await this.#source.bounds(partition);
    let scan = this.#scans.get(partition);
    if (scan === undefined) {
      scan = { next: start, newest: new Map() };
      this.#scans.set(partition, scan);
    }
    const from = Math.max(scan.next, start);
    if (from >= end) return scan;
    for await (const run of this.#source.readBack(partition, from, end)) {
      for (let schema = this.#decoder.decode(run, this.#batch); schema >= 0; ) {
        await this.#decoder.learn(schema);
        schema = this.#decoder.decode(run, this.#batch);
      }
      this.#keepPlans(scan);
      scan.next = run.nextOffset;
    }
    scan.next = end;
    return scan;
  }

  #keepPlans({ newest }: Scan): void {
    for (const detail of this.#batch.details.values()) {
      if (detail.kind !== 'org_plan') continue;
      const known = newest.get(detail.org_id)?.number ?? 0;
      if (detail.number > known) newest.set(detail.org_id, { number: detail.number, hash: detail.hash });
    }
  }
}
