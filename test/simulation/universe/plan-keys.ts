import { createPrivateKey } from 'node:crypto';
import { planKeysOrg } from '../../../src/model/ids.ts';
import { PlanSigner } from '../../../src/plans/plan-signer.ts';
import { canonicalJson } from '../../../src/rules/compile-plan.ts';

/** What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

function signerNamed(name: string): PlanSigner {
  const secret = Buffer.concat([pkcs8Head, Buffer.alloc(32, name)]);
  return new PlanSigner(createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' }));
}

/** The same keys in every universe: which they are decides nothing. */
export const signers = {
  /** Named by the generation of a stream whose plans are signed. */
  root: signerNamed('root'),
  /** Let in by the root in the middle of a universe, which then leaves. */
  next: signerNamed('next'),
  stranger: signerNamed('stranger'),
};

export interface SaidPlan {
  readonly orgId: string;
  readonly number: number;
  readonly body: string;
  readonly partition: number;
}

/** The value of a plan record; `signature` '' = unsigned. */
export function planValue({ orgId, number, body }: SaidPlan, signature: string): Uint8Array {
  return Buffer.from(JSON.stringify({ type: 'org_plan', org_id: orgId, number, hash: 'h', body, signature }));
}

export function signedValue(plan: SaidPlan, signer: PlanSigner): Uint8Array {
  return planValue(plan, signer.sign(plan));
}

/** The record that says whose signatures count in a lane from then on. */
export function ringValue(partition: number, number: number, of: readonly PlanSigner[], by: PlanSigner): Uint8Array {
  const keys = of.map(({ publicKey }) => publicKey);
  const body = canonicalJson({ format: 1, org_id: planKeysOrg, number, keys });
  return signedValue({ orgId: planKeysOrg, number, body, partition }, by);
}
