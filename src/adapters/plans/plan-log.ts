import type { Decoder } from '../../decoders/decoder.ts';
import { type Detail, EventBatch } from '../../events/event-batch.ts';
import type { RecordRun } from '../../events/record-run.ts';
import { defaultPlanOrg, planKeysOrg } from '../../model/ids.ts';
import { draftHash, type NewestPlan, type PlanLog, type PlanRecord } from '../../plans/apply-plans.ts';
import type { PlanSigning } from '../../plans/plan-signer.ts';
import type { Plan } from '../../rules/plan.ts';
import { type KeyRing, PlanGate, readKeyRing } from '../../rules/plan-gate.ts';
import { signingKeyOf } from '../../rules/plan-signature.ts';
import type { Source } from '../../sources/source.ts';
import type { EventCodec } from '../log/event-codec.ts';

/** A plan that a lane took, with its place. */
export interface TakenPlan {
  readonly orgId: string;
  readonly number: number;
  readonly partition: number;
  readonly offset: number;
  /** Append time, ms. */
  readonly logTimeMs: number;
  /** Id of the key that signed it; null = it is not signed. */
  readonly keyId: string | null;
  readonly plan: Plan;
}

interface PlanLogOptions {
  readonly partitions: number;
  readonly codec: EventCodec;
  readonly signing: PlanSigning;
  /** Told of each plan in the order of its partition, once. */
  readonly onTaken?: (taken: TakenPlan) => void;
}

/** How far a partition was read for plans, and what its lane made of them. */
interface Scan {
  next: number;
  readonly gate: PlanGate;
  readonly newest: Map<string, NewestPlan>;
}

/**
 * The plans of a log, read out of its records by the judge of the lane: each partition once from its
 * start, later only what came since. `source` must be one whose lanes nobody polls at the same time.
 */
export class ScannedPlanLog implements PlanLog {
  readonly partitions: number;
  readonly signing: PlanSigning;
  readonly #source: Pick<Source, 'bounds' | 'readBack' | 'append'>;
  readonly #onTaken: (taken: TakenPlan) => void;
  readonly #encoder: EventCodec['encoder'];
  readonly #decoder: Decoder;
  readonly #batch = new EventBatch(1_024);
  readonly #scans = new Map<number, Scan>();

  constructor(
    source: Pick<Source, 'bounds' | 'readBack' | 'append'>,
    { partitions, codec, signing, onTaken = () => {} }: PlanLogOptions,
  ) {
    this.partitions = partitions;
    this.signing = signing;
    this.#source = source;
    this.#onTaken = onTaken;
    this.#encoder = codec.encoder;
    this.#decoder = codec.makeDecoder();
  }

  async newest(orgId: string, partition: number): Promise<NewestPlan | null> {
    const { newest } = await this.#scan(partition);
    return newest.get(orgId) ?? null;
  }

  async keyRing(partition: number): Promise<KeyRing | null> {
    const { gate } = await this.#scan(partition);
    return gate.ringBody === null ? null : readKeyRing(gate.ringBody);
  }

  async start(partition: number): Promise<number> {
    return (await this.#source.bounds(partition)).start;
  }

  append({ orgId, partition, number, hash, body, signature }: PlanRecord): Promise<number> {
    const value = this.#encoder.encode('org_plan', { org_id: orgId, number, hash, body, signature });
    // What goes into every lane cannot have a key: a key names one partition.
    const isEveryones = orgId === defaultPlanOrg || orgId === planKeysOrg;
    return this.#source.append(partition, isEveryones ? null : Buffer.from(orgId), value);
  }

  async #scan(partition: number): Promise<Scan> {
    const { start, end } = await this.#source.bounds(partition);
    let scan = this.#scans.get(partition);
    if (scan === undefined) {
      const gate = new PlanGate({ partition, root: this.signing.root });
      scan = { next: start, gate, newest: new Map() };
      this.#scans.set(partition, scan);
    }
    const from = Math.max(scan.next, start);
    if (from >= end) return scan;
    for await (const run of this.#source.readBack(partition, from, end)) {
      for (let schema = this.#decoder.decode(run, this.#batch); schema >= 0; ) {
        await this.#decoder.learn(schema);
        schema = this.#decoder.decode(run, this.#batch);
      }
      this.#keepPlans(scan, partition, run);
      scan.next = run.nextOffset;
    }
    scan.next = end;
    return scan;
  }

  #keepPlans(scan: Scan, partition: number, run: RecordRun): void {
    for (const [row, detail] of this.#batch.details)
      if (detail.kind === 'org_plan' && this.#isOfItsOrganization(row, detail))
        this.#keepPlan(scan, detail, { partition, offset: this.#batch.offsets[row], logTimeMs: run.logTimes[row] });
  }

  #keepPlan(
    { gate, newest }: Scan,
    detail: OrgPlan,
    place: Pick<TakenPlan, 'partition' | 'offset' | 'logTimeMs'>,
  ): void {
    const { org_id: orgId, number, signature } = detail;
    const verdict = gate.take(
      { ...detail, offset: place.offset },
      { numberOf: (each) => newest.get(each)?.number, organizations: () => newest.keys() },
    );
    // Of a plan that is unsigned by right, whatever stands in the field of the signature says nothing.
    const keyId = gate.ringBody === null ? null : signingKeyOf(signature);
    if (verdict.kind === 'in_force') {
      const { plan } = verdict.compiled;
      const { number: _, ...draft } = plan;
      newest.set(orgId, { number, hash: draftHash(draft), keyId, offset: place.offset, isForgotten: false });
      this.#onTaken({ ...place, orgId, number, keyId, plan });
    } else if (verdict.kind === 'keys' && gate.ringBody !== null) {
      const { number: _, ...draft } = readKeyRing(gate.ringBody);
      newest.set(orgId, { number, hash: draftHash(draft), keyId, isForgotten: false });
    }
  }

  /** The key of the record says for whom it speaks; a lane looks at nothing else before. */
  #isOfItsOrganization(row: number, { org_id }: OrgPlan): boolean {
    const { keyOrgs, dictionaries } = this.#batch;
    if (org_id === defaultPlanOrg || org_id === planKeysOrg) return keyOrgs[row] === -1;
    return keyOrgs[row] >= 0 && dictionaries.orgs.text(keyOrgs[row]) === org_id;
  }
}

type OrgPlan = Detail & { kind: 'org_plan' };
