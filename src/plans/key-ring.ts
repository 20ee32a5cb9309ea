import { EngineError } from '../model/errors.ts';
import { planKeysOrg } from '../model/ids.ts';
import type { KeyRingDraft } from '../rules/plan-gate.ts';
import { planKeyId } from '../rules/plan-signature.ts';
import { type AppliedPlan, type PlanLog, planRecord } from './apply-plans.ts';
import type { PlanSigner } from './plan-signer.ts';

/**
 * Makes sure that plans can be signed in every lane: a lane without a key ring gets its first, which
 * holds the key that the stream begins with. Does nothing where plans are not signed. Throws
 * CONTROL_REFUSED when our key may not sign.
 */
export async function beginKeyRing(log: PlanLog): Promise<void> {
  const { root, signer } = log.signing;
  if (root === null || signer === null) return;
  for (let partition = 0; partition < log.partitions; partition++) {
    const ring = await log.keyRing(partition);
    if (ring !== null && !ring.keys.includes(signer.publicKey)) throw notInRing(signer, partition);
    if (ring !== null && !(await log.newest(planKeysOrg, partition))?.isForgotten) continue;
    if (ring === null && signer.publicKey !== root) throw notRoot(signer, root, partition);
    const { number = 1, keys = [root] } = ring ?? {};
    await log.append(planRecord(ringDraft(keys), partition, number, log.signing));
  }
}

/** What a change of the key ring did to one lane. */
export interface ChangedRing extends AppliedPlan {
  readonly keys: readonly string[];
}

/**
 * Writes what `change` makes of each lane's keys, signed by our key, which must be in the ring before.
 * A lane that already has those keys gets nothing, so a change that was cut short is said again.
 */
export async function changeKeyRing(
  log: PlanLog,
  change: (keys: readonly string[]) => readonly string[],
): Promise<ChangedRing[]> {
  await beginKeyRing(log);
  const changed: ChangedRing[] = [];
  for (let partition = 0; partition < log.partitions; partition++) {
    const ring = await log.keyRing(partition);
    if (ring === null) throw new EngineError('CONTROL_REFUSED', `lane ${partition} has no key ring to change`);
    const keys = change(ring.keys);
    const isSame = keys.length === ring.keys.length && keys.every((key, index) => key === ring.keys[index]);
    const number = isSame ? ring.number : ring.number + 1;
    const offset = isSame ? null : await log.append(planRecord(ringDraft(keys), partition, number, log.signing));
    changed.push({ orgId: planKeysOrg, partition, number, offset, keys });
  }
  return changed;
}

function ringDraft(keys: readonly string[]): KeyRingDraft {
  return { format: 1, org_id: planKeysOrg, keys: [...keys] };
}

function notInRing({ keyId }: PlanSigner, partition: number): EngineError {
  return new EngineError(
    'CONTROL_REFUSED',
    `key ${keyId} of plans.key_file is not in the key ring of lane ${partition}: lanes would refuse what it signs; "paceline keys show" lists who may sign`,
  );
}

function notRoot({ keyId }: PlanSigner, root: string, partition: number): EngineError {
  return new EngineError(
    'CONTROL_REFUSED',
    `lane ${partition} has no key ring yet: its first must be signed by key ${planKeyId(root)} of plans.root_key, not by ${keyId} of plans.key_file`,
  );
}
