import { defaultPlanOrg, planKeysOrg } from '../../../src/model/ids.ts';
import type { NewestPlan, PlanLog, PlanRecord } from '../../../src/plans/apply-plans.ts';
import { type PlanSigning, unsignedPlans } from '../../../src/plans/plan-signer.ts';
import { type KeyRing, readKeyRing } from '../../../src/rules/plan-gate.ts';

/** What a test does to an append: lets it be, loses it, or loses its answer. */
export type Fault = 'none' | 'before' | 'after';

/** A log that keeps plan records in memory, in order, and fails where the test says so. */
export class RecordedPlans implements PlanLog {
  readonly partitions: number;
  signing: PlanSigning = unsignedPlans;
  readonly records: PlanRecord[] = [];
  /** Asked before each append; may wait, to hold a writer in the middle of its work. */
  fault: (record: PlanRecord) => Fault | Promise<Fault> = () => 'none';
  newestCalls = 0;
  /** Records before this offset are forgotten, as by a topic's retention. */
  oldest = 0;

  constructor(partitions = 4) {
    this.partitions = partitions;
  }

  async newest(orgId: string, partition: number): Promise<NewestPlan | null> {
    this.newestCalls += 1;
    const found = this.inForce(orgId, partition);
    return found === null ? null : { ...found, isForgotten: false };
  }

  async keyRing(partition: number): Promise<KeyRing | null> {
    const found = this.inForce(planKeysOrg, partition);
    return found === null ? null : readKeyRing(found.body);
  }

  async start(): Promise<number> {
    return this.oldest;
  }

  async append(record: PlanRecord): Promise<number> {
    const fault = await this.fault(record);
    if (fault === 'before') throw new Killed();
    this.records.push(record);
    if (fault === 'after') throw new Killed();
    return this.records.length - 1;
  }

  /** As a lane reads it: a lower or equal number is ignored. */
  inForce(orgId: string, partition?: number): PlanRecord | null {
    let newest: PlanRecord | null = null;
    for (const record of this.records.slice(this.oldest)) {
      if (record.orgId !== orgId || (partition !== undefined && record.partition !== partition)) continue;
      if (newest === null || record.number > newest.number) newest = record;
    }
    return newest;
  }

  /** Numbers of an organization's records, repeats included; the default plan's of lane 0. */
  numbersOf(orgId: string): number[] {
    const own = this.records.filter((record) => record.orgId === orgId);
    return own.filter(({ partition }) => orgId !== defaultPlanOrg || partition === 0).map(({ number }) => number);
  }
}

/** The process is gone at this point, as far as the test is concerned. */
export class Killed extends Error {
  override readonly name = 'Killed';
}
