import { hash } from 'node:crypto';
import { z } from 'zod';
import { EngineError } from '../model/errors.ts';
import { partitionOfKey } from '../model/hash.ts';
import { defaultPlanOrg } from '../model/ids.ts';
import { canonicalJson } from '../rules/compile-plan.ts';
import { closingPlan, type Plan, type PlanDraft } from '../rules/plan.ts';
import type { KeyRing, KeyRingDraft } from '../rules/plan-gate.ts';
import { beginKeyRing } from './key-ring.ts';
import type { PlanSigning } from './plan-signer.ts';

/** What the log says about plans: the newest of each organization, per partition, as its lane took it. */
export interface PlanLog {
  readonly partitions: number;
  /** Whether its plans are signed, and by us. */
  readonly signing: PlanSigning;
  /** Offset of the oldest record that a partition still holds. */
  start(partition: number): Promise<number>;
  /** The plan in force of an organization in a partition; null when there is none. */
  newest(orgId: string, partition: number): Promise<NewestPlan | null>;
  /** Who may sign in a partition; null before its first key ring. */
  keyRing(partition: number): Promise<KeyRing | null>;
  /** Appends a plan record; resolves with its offset once it is durable. */
  append(record: PlanRecord): Promise<number>;
}

export interface NewestPlan {
  readonly number: number;
  /** `draftHash` of what it says. */
  readonly hash: string;
  /** Id of the key that signed it; null = it is not signed. */
  readonly keyId: string | null;
  /** Of its record, where that is known. */
  readonly offset?: number | null;
  /** The log no longer holds it: lanes that begin anew do not know of it. */
  readonly isForgotten: boolean;
}

export interface PlanRecord {
  readonly orgId: string;
  readonly partition: number;
  readonly number: number;
  readonly hash: string;
  /** The plan as canonical JSON. */
  readonly body: string;
  /** Empty where plans are not signed. */
  readonly signature: string;
  /** Id of the key that signed it; null = it is not signed. */
  readonly keyId: string | null;
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
 * Where plans are signed, the key ring comes first. One organization's trouble holds up no other: it is
 * thrown when all others are done.
 */
export async function applyPlans(drafts: readonly PlanDraft[], log: PlanLog): Promise<AppliedPlan[]> {
  await beginKeyRing(log);
  const applied: AppliedPlan[] = [];
  let trouble: EngineError | null = null;
  for (const draft of drafts) {
    try {
      applied.push(...(await applyPlan(draft, log)));
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'RULE_INVALID') throw error;
      trouble ??= error;
    }
  }
  if (trouble !== null) throw trouble;
  return applied;
}

/**
 * One result for each lane of the draft. `reopens`: it may open an organization that was erased. Throws RULE_INVALID
 * when it may not, or cannot get a number, and what the log throws.
 */
export async function applyPlan(draft: PlanDraft, log: PlanLog, { reopens = false } = {}): Promise<AppliedPlan[]> {
  const applied: AppliedPlan[] = [];
  for (const partition of partitionsOf(draft, log.partitions))
    applied.push(await applyToLane(draft, partition, log, reopens));
  return applied;
}

async function applyToLane(draft: PlanDraft, partition: number, log: PlanLog, reopens: boolean): Promise<AppliedPlan> {
  const newest = await log.newest(draft.org_id, partition);
  const { org_id: orgId } = draft;
  if (isClosing(orgId, newest) && draft.closed !== true && !reopens) throw stillClosed(orgId);
  // What was in force before the first key ring is said again, signed.
  const mustBeSigned = newest !== null && newest.keyId === null && log.signing.root !== null;
  const isSaid = newest?.hash === draftHash(draft) && !mustBeSigned;
  if (isSaid && !newest.isForgotten) return { orgId, partition, number: newest.number, offset: null };
  // Whatever number an unsigned plan took, the first signed one replaces it.
  const isExhausted = newest?.number === numberMax;
  if (isExhausted && !mustBeSigned) throw noNumberLeft(orgId, partition);
  const last = newest === null || isExhausted ? await unseenNumber(partition, log) : newest.number;
  const number = isSaid && !isExhausted ? last : last + 1;
  return { orgId, partition, number, offset: await log.append(planRecord(draft, partition, number, log.signing)) };
}

/** Whether the plan in force is the one that closes its organization: nobody can say another that does. */
export function isClosing(orgId: string, newest: Pick<NewestPlan, 'hash'> | null): boolean {
  return newest?.hash === draftHash(closingPlan(orgId));
}

function stillClosed(orgId: string): EngineError {
  return new EngineError(
    'RULE_INVALID',
    `${orgId} was erased, and no plan of it is taken: take it out of the files, or open it anew with "paceline erase ${orgId} --reopen --confirm"`,
  );
}

/** Plans are numbered with 32 bits, in every row that carries one. */
const numberMax = 2 ** 32 - 1;

function noNumberLeft(orgId: string, partition: number): EngineError {
  return new EngineError(
    'RULE_INVALID',
    `${orgId}: plan ${numberMax} is in force in partition ${partition}, and no plan can follow it; whoever wrote it may write plans: sign them (docs/production.md)`,
  );
}

/**
 * A number that no plan had which the log forgot: the number of a plan is at most its record's offset and
 * one. 0 where nothing was forgotten. Throws RULE_INVALID in a log whose offsets are beyond all numbers.
 */
async function unseenNumber(partition: number, log: PlanLog): Promise<number> {
  const start = await log.start(partition);
  if (start < numberMax) return start;
  throw new EngineError(
    'RULE_INVALID',
    `partition ${partition} of the log forgot its plans, and offset ${start} is no number of a plan: keep the plans in PostgreSQL (postgres.url), which remembers`,
  );
}

/** The record of a plan, or of a key ring, that got its number. Throws CONTROL_REFUSED where it must be signed and we have no key. */
export function planRecord(
  draft: PlanDraft | KeyRingDraft,
  partition: number,
  number: number,
  { root, signer }: PlanSigning,
): PlanRecord {
  const orgId = draft.org_id;
  const body = canonicalJson({ ...draft, number } satisfies Plan | KeyRing);
  const record = { orgId, partition, number, hash: draftHash(draft), body };
  if (root === null) return { ...record, signature: '', keyId: null };
  if (signer === null)
    throw new EngineError('CONTROL_REFUSED', 'the plans of this stream are signed, and plans.key_file names no key');
  return { ...record, signature: signer.sign(record), keyId: signer.keyId };
}

/** Hash of what the plan says, its number aside. */
export function draftHash(draft: PlanDraft | KeyRingDraft): string {
  return hash('sha256', canonicalJson(draft), 'hex');
}

/** Where a plan belongs; the default plan, and a plan that closes its organization, go into every lane. */
function partitionsOf({ org_id: orgId, closed }: PlanDraft, partitions: number): number[] {
  if (orgId === defaultPlanOrg || closed === true) return Array.from({ length: partitions }, (_, index) => index);
  const bytes = Buffer.from(orgId);
  return [partitionOfKey(bytes, 0, bytes.length, partitions)];
}
