import { hash } from 'node:crypto';
import { z } from 'zod';
import { EngineError } from '../model/errors.ts';
import { partitionOfKey } from '../model/hash.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import { canonicalJson } from '../rules/compile-plan.ts';
import type { Plan, PlanDraft } from '../rules/plan.ts';

/** What the log says about plans: the newest of each organization, per partition. */
export interface PlanLog {
  readonly partitions: number;
  /** Offset of the oldest record that a partition still holds. */
  start(partition: number): Promise<number>;
  /** Number and hash of the newest plan of an organization in a partition; null when there is none. */
  newest(orgId: string, partition: number): Promise<{ number: number; hash: string } | null>;
  /** Appends a plan record; resolves with its offset once it is durable. */
  append(record: PlanRecord): Promise<number>;
}

export interface PlanRecord {
  readonly orgId: string;
  readonly partition: number;
  readonly number: number;
  readonly hash: string;
  /** The plan as canonical JSON. */
  readonly body: string;
}

export type AppliedPlan = Readonly<z.infer<typeof appliedPlanSchema>>;

/** As a running engine tells it to the command that asked. */
export const appliedPlanSchema = z.object({
  orgId: z.string(),
  partition: z.int(),
  number: z.int(),
  /** Offset of its record, null = the log already ends with this very plan. */
  offset: z.int().nullable(),
});

/**
 * Appends one numbered plan for each organization whose plan changed (DESIGN: rules are in the log).
 * An equal hash appends nothing, so applying twice is harmless. The default plan goes into every lane.
 */
export async function applyPlans(drafts: readonly PlanDraft[], log: PlanLog): Promise<AppliedPlan[]> {
  const applied: AppliedPlan[] = [];
  for (const draft of drafts) {
    for (const partition of partitionsOf(draft.org_id, log.partitions)) {
      applied.push(await applyOne(draft, partition, log));
    }
  }
  return applied;
}

/** Plans of a new log, without asking it: every one is its lane's first. */
export function firstPlanRecords(drafts: readonly PlanDraft[], partitions: number): PlanRecord[] {
  return drafts.flatMap((draft) =>
    partitionsOf(draft.org_id, partitions).map((partition) => planRecord(draft, partition, 1)),
  );
}

async function applyOne(draft: PlanDraft, partition: number, log: PlanLog): Promise<AppliedPlan> {
  const newest = await log.newest(draft.org_id, partition);
  const { org_id: orgId } = draft;
  if (newest?.hash === draftHash(draft)) return { orgId, partition, number: newest.number, offset: null };
  const record = planRecord(draft, partition, (newest?.number ?? (await unseenNumber(partition, log))) + 1);
  return { orgId, partition, number: record.number, offset: await log.append(record) };
}

/** Plans are numbered with 32 bits, in every row that carries one. */
const numberMax = 2 ** 32 - 1;

/**
 * A number that no plan had which the log forgot: the number of a plan is at most its record's offset and
 * one. 0 where nothing was forgotten. Throws RULE_INVALID in a log whose offsets are beyond all numbers.
 */
export async function unseenNumber(partition: number, log: PlanLog): Promise<number> {
  const start = await log.start(partition);
  if (start < numberMax) return start;
  throw new EngineError(
    'RULE_INVALID',
    `partition ${partition} of the log forgot its plans, and offset ${start} is no number of a plan: keep the plans in PostgreSQL (postgres.url), which remembers`,
  );
}

/** The record of a plan that got its number. */
export function planRecord(draft: PlanDraft, partition: number, number: number): PlanRecord {
  const plan: Plan = { ...draft, number };
  return { orgId: draft.org_id, partition, number, hash: draftHash(draft), body: canonicalJson(plan) };
}

/** Hash of what the plan says, its number aside. */
export function draftHash(draft: PlanDraft): string {
  return hash('sha256', canonicalJson(draft), 'hex');
}

/** Where an organization's plan belongs; the default plan goes into every lane. */
export function partitionsOf(orgId: string, partitions: number): number[] {
  if (orgId === defaultPlanOrg) return Array.from({ length: partitions }, (_, index) => index);
  const bytes = Buffer.from(orgId);
  return [partitionOfKey(bytes, 0, bytes.length, partitions)];
}
