import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto';

/**
 * Signatures of plans: Ed25519 (RFC 8032) over what a record says, made by the control plane and
 * checked by every lane. A public key is written `ed25519:` and the 32 bytes of RFC 8032 in base64url;
 * its id is 16 hex digits of their SHA-256.
 */
const keyPattern = /^ed25519:([A-Za-z0-9_-]{43})$/;
const signaturePattern = /^([0-9a-f]{16})\.([A-Za-z0-9_-]{86})$/;

/** What a plan record says, as its signature covers it. */
export interface SignedPlan {
  readonly partition: number;
  readonly orgId: string;
  readonly number: number;
  readonly body: string;
}

/** The public key of that text, ready to verify; null when it is none. */
export function readPublicKey(text: string): KeyObject | null {
  const x = keyPattern.exec(text)?.[1];
  // 43 digits hold two bits more than 32 bytes: only one way of writing a key is a key.
  if (x === undefined || Buffer.from(x, 'base64url').toString('base64url') !== x) return null;
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}

export function writePublicKey(key: KeyObject): string {
  return `ed25519:${key.export({ format: 'jwk' }).x ?? ''}`;
}

/** Of a well-formed public key. */
export function planKeyId(publicKey: string): string {
  return hash('sha256', Buffer.from(publicKey.slice('ed25519:'.length), 'base64url'), 'hex').slice(0, 16);
}

/**
 * The bytes that are signed. The partition is among them: the same plan of everyone has a number of its
 * own in each lane, so one lane's may not be copied into another.
 */
export function signedBytes({ partition, orgId, number, body }: SignedPlan): Uint8Array {
  return Buffer.from(`paceline plan 1\n${partition}\n${orgId}\n${number}\n${body}`);
}

export function writeSignature(keyId: string, signature: Uint8Array): string {
  return `${keyId}.${Buffer.from(signature).toString('base64url')}`;
}

/** Id of the key that a signature says made it; null when it is no signature. */
export function signingKeyOf(signature: string): string | null {
  return signaturePattern.exec(signature)?.[1] ?? null;
}

/** Why the signature does not count, in one sentence; null = one of `keys`, by their ids, made it. */
export function signatureProblem(
  signature: string,
  plan: SignedPlan,
  keys: ReadonlyMap<string, KeyObject>,
): string | null {
  if (signature === '') return 'the plan is not signed';
  const [, keyId, digits] = signaturePattern.exec(signature) ?? [];
  if (keyId === undefined) return 'the signature is not "key id.base64url"';
  const key = keys.get(keyId);
  if (key === undefined) return `the key ${keyId} is not one of the stream`;
  if (verify(null, signedBytes(plan), key, Buffer.from(digits, 'base64url'))) return null;
  return `the signature is not that of key ${keyId}`;
}
